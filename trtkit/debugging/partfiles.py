"""Parts of a model as files: the part as a model of its own, and beside it what goes into it, for every feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit import files
from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.dtypes import NUMBERS
from trtkit.backends.onnx.external import external_tensors
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.reading import onnx_module
from trtkit.backends.onnx.saving import save_onnx
from trtkit.backends.onnx.shapes import spec_of
from trtkit.backends.registry import find_backend
from trtkit.results import Iteration

if TYPE_CHECKING:
    from trtkit.backends.base import Runner
    from trtkit.backends.onnx.extract import Extractor
    from trtkit.debugging.parts import Part, Parts
    from trtkit.results import Array, Feed, Outputs
    from trtkit.tensors import TensorSpec, TensorSpecs

__all__ = ["PartFiles", "save_model"]


class PartFiles:
    """Writes parts of one model with their inputs.

    What goes into a part and not into the model is computed by ONNX Runtime from the model's own nodes, feed by feed,
    straight into the file, so memory holds one feed and what is computed from it.
    """

    def __init__(
        self, model: LoadedModel, extractor: Extractor, parts: Parts, feeds: Path, inputs: TensorSpecs
    ) -> None:
        """Look at nothing yet.

        Args:
            model: the whole.
            extractor, parts: of the model.
            feeds: saved feeds of the whole model.
            inputs: the inputs of the whole model.
        """
        self._model = model
        self._extractor = extractor
        self._parts = parts
        self._feeds = feeds
        self._inputs = inputs

    def write(self, part: Part, model: Path, inputs: Path) -> None:
        """Write a part and its inputs; the whole model is written as it is.

        Raises:
            FileError: a file cannot be read or written.
            ModelError, BackendError: ONNX Runtime cannot compute what goes into the part, or it is too large.
        """
        if part == self._parts.whole:
            save_model(self._model, model)
            self._write_inputs(list(self._inputs), None, inputs)
            return
        proto = self._proto(part, model.stem)
        cut = [info.name for info in proto.graph.input if info.name not in self._inputs]
        seen = self._write_inputs([info.name for info in proto.graph.input], self._computing(cut), inputs)
        for info in proto.graph.input:
            if info.name in seen:
                _complete(info, seen[info.name])
        save_model(self._as_model(proto), model)

    def _proto(self, part: Part, name: str) -> Any:
        """A part as a ModelProto with exactly its outputs."""
        proto = self._extractor.extract(part.nodes, (), name)
        graph = proto.graph
        known = {info.name: info for info in (*graph.value_info, *graph.output)}
        outputs = [_copied(known.get(each), each) for each in part.outputs]
        inner = [_copied(info, each) for each, info in known.items() if each not in part.outputs]
        del graph.output[:], graph.value_info[:]
        graph.output.extend(outputs)
        graph.value_info.extend(info for info in inner if info.HasField("type"))
        return proto

    def _as_model(self, proto: Any) -> LoadedModel:
        root = self._model.data_dir
        return LoadedModel(self._model.path, None, lambda: (proto, root))

    def _computing(self, tensors: Sequence[str]) -> Runner | None:
        """ONNX Runtime on what computes these tensors."""
        if not tensors:
            return None
        model = self._as_model(self._proto(self._parts.before(tensors), "before"))
        backend = find_backend("onnxrt").load()
        return backend.create("onnxrt", model, backend.Options(), RunnerContext())

    def _write_inputs(self, names: Sequence[str], runner: Runner | None, path: Path) -> dict[str, _Seen]:
        """Write the feeds with these names, those that the model lacks from a runner; returns what those are like."""
        seen: dict[str, _Seen] = {}
        saved = files.read_inputs(self._feeds)
        with files.open_writer(path, "inputs") as writer:
            for feed, computed in _computed(saved.feeds(), runner):
                for name, array in computed.items():
                    seen.setdefault(name, _Seen(array)).add(array)
                both = {**feed, **computed}
                writer.write(Iteration({name: both[name] for name in names if name in both}))
        return seen


class _Seen:
    """What the arrays of one tensor have in common.

    Attributes:
        dtype: a name of `trtkit.dtypes`.
        shape: None for a size that differs; None for all where the rank does.
    """

    def __init__(self, first: Array) -> None:
        self.dtype = first.dtype.name
        self.shape: tuple[int | None, ...] | None = first.shape

    def add(self, array: Array) -> None:
        """One more of them."""
        if self.shape is None or len(self.shape) != array.ndim:
            self.shape = None
        else:
            both = zip(self.shape, array.shape, strict=True)
            self.shape = tuple(size if size == other else None for size, other in both)

    def fits(self, spec: TensorSpec) -> bool:
        """Whether what a model states of a tensor is enough to run it, and true of all arrays."""
        if spec.dtype != self.dtype or spec.shape is None or self.shape is None or len(spec.shape) != len(self.shape):
            return False
        both = zip(spec.shape, self.shape, strict=True)
        return all(not isinstance(stated, int) or stated == size for stated, size in both)


def save_model(model: LoadedModel, path: Path) -> None:
    """Write a model; its external weights go beside it.

    Raises:
        FileError: a file cannot be read or written.
        ModelError: it is larger than 2 GB without its external data.
    """
    external = bool(external_tensors(model.structure()))
    save_onnx(model, OnnxOptions(save_onnx=path, save_external_data="" if external else None))


def _computed(feeds: Iterable[Feed], runner: Runner | None) -> Iterator[tuple[Feed, Outputs]]:
    """Each feed with what a runner makes of it."""
    if runner is None:
        yield from ((feed, {}) for feed in feeds)
        return
    with runner:
        wanted = runner.input_specs()
        for feed in feeds:
            yield feed, runner.infer({name: feed[name] for name in wanted if name in feed})


def _copied(info: Any, name: str) -> Any:
    """A ValueInfoProto like another, or with a name only where there is none."""
    copy = onnx_module().ValueInfoProto(name=name)
    if info is not None:
        copy.CopyFrom(info)
    return copy


def _complete(info: Any, seen: _Seen) -> None:
    """Let an input say what its arrays are, where it says nothing or something else."""
    if seen.fits(spec_of(info)):
        return
    info.ClearField("type")
    kind = info.type.tensor_type
    kind.elem_type = NUMBERS[seen.dtype]
    if seen.shape is not None:
        kind.shape.SetInParent()
        for size in seen.shape:
            dim = kind.shape.dim.add()
            if size is not None:
                dim.dim_value = size
