"""The options of TensorRT runners: loading a network, building an engine, keeping it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.errors import UsageError
from trtkit.options import option

__all__ = ["Options", "check_together"]


@dataclass(frozen=True)
class Options(NetworkOptions, BuildOptions):
    """How a TensorRT runner gets its engine.

    Raises:
        UsageError: options contradict each other.
    """

    GROUPS: ClassVar[dict[str, type]] = {"TensorRT networks": NetworkOptions, "TensorRT engines": BuildOptions}
    """Titles of groups of options, and the class whose fields belong there."""

    save_engine: Path | None = option(
        None, "--save-engine", help="save the engine that is built", parse=Path, metavar="PATH"
    )

    def __post_init__(self) -> None:
        NetworkOptions.__post_init__(self)
        BuildOptions.__post_init__(self)
        check_together(self, self)


def check_together(network: NetworkOptions, build: BuildOptions) -> None:
    """Check what no class of options can check alone.

    Raises:
        UsageError: an option has no effect without one of the other class.
    """
    if network.layer_precisions and build.precision_constraints == "none":
        raise UsageError(
            "--layer-precisions has no effect without --precision-constraints: TensorRT would be free to ignore them; "
            "add --precision-constraints obey"
        )
