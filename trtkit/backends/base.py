"""What a backend is to the rest of trtkit: the Runner protocol, and the model that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trtkit.errors import FileError

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.models import ModelFile
    from trtkit.precision_config import Precision, PrecisionConfig
    from trtkit.results import Array, Feed, Outputs
    from trtkit.tensors import TensorSpecs

__all__ = ["BackendModule", "MappedModel", "OnnxModel", "Runner", "RunnerContext", "file_stamp", "native_arrays"]


class Runner(Protocol):
    """One configured use of a backend.

    `__enter__` loads, builds and allocates; `__exit__` gives everything back, also after an error.

    A runner may have more than this, which is asked for where it exists:

    - `notes`, a tuple of lines: what it decided in the user's place, such as a shape to build for;
    - `takes_device_arrays`, true where a feed may hold `trtkit.arrays.DeviceArray`; others get arrays on the host;
    - `gpu_seconds()`: how long the last inference took on the GPU, without copies; None where that was not measured;
    - `gpu_state()`: a `trtkit.timing.GpuState`, or None; asked just after the inferences that are timed;
    - `shape_ranges()`: the smallest, likeliest and largest shape that it takes, by input; without inputs of which it
      takes any, and empty where it was made for the very feeds of the run;
    - `layer_times(feed)`: a tuple of `trtkit.timing.LayerTime` from inferences of their own, or None;
    - `precision_summary()`: a `trtkit.precision_summary.PrecisionSummary` of what it built, or None.
    """

    name: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def input_specs(self) -> TensorSpecs:
        """The inputs in the model's order; empty where any feed will do (a replay)."""

    def infer(self, feed: Feed) -> Outputs:
        """Run once. The arrays returned stay valid after the next call.

        Raises:
            BackendError: the framework failed.
        """


def file_stamp(path: Path) -> tuple[int, ...]:
    """What tells a file from one that has taken its place, or was written to since.

    Raises:
        OSError: there is no such file.
    """
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class MappedModel:
    """An ONNX model that refers to its own file for its large weights.

    Attributes:
        data: the model, serialised, with external data.
        folder: what that data is relative to.
        file: the model's file.
        stamp: what `file_stamp` said of it when it was read.
    """

    data: bytes = field(repr=False)
    folder: Path
    file: Path
    stamp: tuple[int, ...]

    def check_unchanged(self) -> None:
        """Raise FileError if the file is another by now, so that other bytes may have been mapped than were meant."""
        try:
            same = file_stamp(self.file) == self.stamp
        except OSError:
            same = False
        if not same:
            raise FileError(f"{str(self.file)!r} was replaced or written to while it was loaded; run this again")


class OnnxModel(Protocol):
    """An ONNX model as loaded and possibly edited, handed to whichever backend runs it."""

    @property
    def path(self) -> Path:
        """The file that it came from."""

    @property
    def data_dir(self) -> Path:
        """The folder that its external data is relative to."""

    def as_file(self) -> Path | None:
        """The file that holds exactly this model with its data beside it; None where it was edited, or where its
        external data lies in another folder."""

    def graph_bytes(self) -> bytes:
        """The model serialised, its external data left where it is (`data_dir`).

        Raises:
            ModelError: it cannot be read, is too large, or lacks weights that were left out on purpose.
        """

    def mapped(self) -> MappedModel | None:
        """The same model with its large weights as external data in its own file, for a backend that maps such data;
        None where it is small, where it has no such weights, or where they have to be read for another reason.

        Raises:
            FileError: its file cannot be read.
        """

    def proto(self) -> Any:
        """The `onnx.ModelProto` with all weights in memory. It may be shared: don't change it.

        Raises:
            ModelError: as for `graph_bytes`.
        """

    def specs(self) -> tuple[TensorSpecs, TensorSpecs]:
        """What the main graph says about its inputs (with a default: `optional`) and outputs, in its order."""

    def float32_twin(self) -> OnnxModel:
        """The same model with every bfloat16 and float16 tensor made float32, its inputs and outputs included; the
        model itself where there are none."""

    def float64_twin(self) -> OnnxModel:
        """The same model with every float tensor made float64, its inputs and outputs included."""

    def rounding_twin(self) -> OnnxModel:
        """The same model with every bfloat16 and float16 tensor made float32 and rounded to what it was, its inputs and
        outputs included; the model itself where there are none. For backends that do not round to 16 bits."""

    @property
    def precision_choices(self) -> list[str]:
        """The flags given with the model that have no effect unless a lower precision is asked for."""

    @property
    def precision_config(self) -> PrecisionConfig | None:
        """What was decided for each node, where the model was rewritten to a lower precision."""

    def in_precision(
        self, precisions: Sequence[Precision], feeds: Callable[[TensorSpecs], Iterable[Feed]] | None = None
    ) -> OnnxModel:
        """The same model, rewritten to compute in lower precisions where it can; itself where none is asked for.

        Args:
            precisions: at most one of 16 and one of 8 bits.
            feeds: the input data of a model with these inputs; 8 bits need it.

        Raises:
            UsageError, ModelError, InputError: it cannot be rewritten so; the message says what can be done.
        """

    def kept_in_fp32(self, precisions: Sequence[Precision]) -> Mapping[str, tuple[str, ...]]:
        """The nodes that the user wants in FP32 where these precisions are asked for: key to names of outputs."""


@dataclass(frozen=True)
class RunnerContext:
    """What a runner may want to know of its surroundings.

    Attributes:
        shares_machine: other runners are alive and idle while this one runs, so idle threads must not spin.
        feeds: the feeds of the run for a model with these inputs, from the beginning at each call; for backends that
            build for the data they will see. None where no data is known.
        timed: inferences are going to be timed, so a runner may measure beside them what its `gpu_seconds` tells.
        one_part: it runs a part of a model and then no more, so memory is not kept for later inferences.
    """

    shares_machine: bool = False
    feeds: Callable[[TensorSpecs], Iterable[Feed]] | None = None
    timed: bool = False
    one_part: bool = False


class BackendModule(Protocol):
    """The public face of a backend's folder, `trtkit/backends/<name>/__init__.py` (or a third party's module)."""

    Options: type
    """A frozen dataclass of `option()` fields; importing it must not import the framework."""

    def create(self, name: str, model: OnnxModel | ModelFile | None, options: Any, context: RunnerContext) -> Runner:
        """A runner that loads nothing before it is entered."""


def native_arrays(feed: Feed) -> dict[str, Array]:
    """The arrays of a feed in this machine's byte order, which frameworks take for granted; only others are copied."""
    return {name: a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("=")) for name, a in feed.items()}
