"""A builder configuration on its way, and all that must live until the engine is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import title
from trtkit.backends.trt.logger import Collected, collect
from trtkit.errors import ModelError, TrtkitError, one_line

if TYPE_CHECKING:
    from trtkit.backends.trt.build_options import BuildOptions
    from trtkit.backends.trt.network import Net
    from trtkit.results import Feed

__all__ = ["BuildConfig", "accepted", "reason"]

_NOISE = ("catchCudaError", "Thread context has not been set")
"""What TensorRT-RTX adds to its errors, or says on its own, on a machine without a driver."""


@dataclass
class BuildConfig:
    """A builder configuration with its surroundings.

    Attributes:
        net: the network that it is for.
        options: what was asked for.
        config: the `IBuilderConfig`; a script may put its own in its place.
        feeds: calibration data: each call begins anew.
        cuda_package: what memory for calibration data comes from.
        failures: what went wrong inside TensorRT's calls back into Python, through which no exception can pass.
        after: what remains to be done when the engine is built, such as saving the timing cache.
        cleanups: what is to be given back whether or not it could be built.
    """

    net: Net
    options: BuildOptions
    config: Any
    feeds: Callable[[], Iterable[Feed]] | None = None
    cuda_package: str = "cuda-python"
    failures: list[BaseException] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)
    cleanups: list[Callable[[], None]] = field(default_factory=list)

    @property
    def profiles(self) -> int:
        """How many optimisation profiles there are."""
        return int(self.config.num_optimization_profiles)

    @contextmanager
    def callback(self) -> Iterator[None]:
        """Keep the exception of a call from TensorRT in `failures`; the caller then answers TensorRT with "no more"."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - TensorRT would print it and go on
            self.failures.append(error)


def reason(messages: Collected) -> str | None:
    """What TensorRT complained about, without what it adds on a machine without a driver; None where it did not."""
    errors = [error for error in messages.errors if not any(noise in error for noise in _NOISE)]
    return one_line("; ".join(errors[:3])) if errors else None


@contextmanager
def accepted(what: str) -> Iterator[None]:
    """Stop where TensorRT refuses something in the block: by an exception, or by an error in its log alone.

    Raises:
        ModelError: it refuses; the message begins with `what`, an option or a part of one.
    """
    with collect() as messages:
        try:
            yield
        except TrtkitError as error:
            refusal = reason(messages)
            if refusal is None:
                raise
            raise ModelError(f"{what}: {title()} refuses it (leave it out or change it): {refusal}") from error
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:  # what the bindings raise
            raise ModelError(
                f"{what}: {title()} refuses it (leave it out or change it): {reason(messages) or one_line(error)}"
            ) from error
        refusal = reason(messages)
        if refusal is not None:
            raise ModelError(f"{what}: {title()} refuses it (leave it out or change it): {refusal}")
