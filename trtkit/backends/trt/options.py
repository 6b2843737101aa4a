"""The options of TensorRT runners: loading a network, building an engine, keeping it, executing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from trtkit.backends.trt.build_options import BuildOptions, check_together
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.runtime_options import RuntimeOptions
from trtkit.options import option
from trtkit.tensors import ShapeRange

__all__ = ["Options"]


@dataclass(frozen=True)
class Options(NetworkOptions, BuildOptions, RuntimeOptions):
    """How a TensorRT runner gets its engine, and runs it.

    Raises:
        UsageError: options contradict each other.
    """

    GROUPS: ClassVar[dict[str, type]] = {
        "TensorRT networks": NetworkOptions,
        "TensorRT engines": BuildOptions,
        "TensorRT execution": RuntimeOptions,
    }
    """Titles of groups of options, and the class whose fields belong there."""

    save_engine: Path | None = option(
        None, "--save-engine", help="save the engine that is built", parse=Path, metavar="PATH"
    )

    def __post_init__(self) -> None:
        NetworkOptions.__post_init__(self)
        BuildOptions.__post_init__(self)
        RuntimeOptions.__post_init__(self)
        check_together(self, self)

    def asked_ranges(self) -> dict[str, ShapeRange]:
        """The shapes that the options say the runner shall take, by input; not all inputs need be there."""
        return self.profile(self.optimization_profile)
