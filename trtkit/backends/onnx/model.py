"""An ONNX model as the backends are handed it: where it is if it is a file as it stands, else its edited bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from trtkit.backends.base import file_stamp
from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.external import external_tensors, load_weights, place
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.reading import to_bytes
from trtkit.backends.onnx.shapes import spec_of
from trtkit.backends.onnx.twin import is_half, to_float32, to_float64
from trtkit.errors import ModelError, UsageError
from trtkit.precision_config import EIGHT_BITS, write_precision_config
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.backends.base import MappedModel
    from trtkit.backends.onnx.lowering import Calibrate, FeedsOf
    from trtkit.precision_config import Precision, PrecisionConfig

__all__ = ["LoadedModel"]

log = logging.getLogger(__name__)

_KEEP = 64 << 20
"""Models up to this many bytes stay in memory between uses; larger ones are read and edited anew each time, so that
their weights are not held beside those of the runners."""

_WHOLE = 4 << 20
"""Files up to this many bytes are read as a whole to see what is in them: that is faster than to look for weights."""

Recipe = Callable[[], "tuple[ModelProto, Path]"]
"""Makes the model, external data left out, and says which folder that data is relative to."""


class LoadedModel:
    """Implements `trtkit.backends.base.OnnxModel`; made by `trtkit.backends.onnx.open.open_onnx`.

    Attributes:
        precision_config: what was decided for each node, where the model was rewritten to a lower precision.
    """

    def __init__(
        self,
        path: Path,
        file: Path | None,
        recipe: Recipe,
        options: OnnxOptions | None = None,
        calibrate: Calibrate | None = None,
        outline: Recipe | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            path: the file that the model came from.
            file: the file that holds exactly this model, where there is one.
            recipe: makes the model when it is needed.
            options: those that it was opened with. Where they leave external weights out, it is not fit to run.
            calibrate: measures the ranges of tensors, where the model is quantised.
            outline: makes the model with the large weights of its file left there, as external data.
        """
        self._path = path
        self._file = file
        self._recipe = recipe
        self._options = options or OnnxOptions()
        self._calibrate = calibrate
        self._lower: WeakValueDictionary[tuple[Precision, ...], LoadedModel] = (
            WeakValueDictionary()
        )  # they refer to this
        self.precision_config: PrecisionConfig | None = None
        self._kept: tuple[ModelProto, Path] | None = None
        self._outline_recipe = outline
        self._outlined: ModelProto | None = None
        self._stamp: tuple[int, ...] = ()
        self._root: Path | None = None

    @property
    def path(self) -> Path:
        """The file that it came from."""
        return self._path

    @property
    def data_dir(self) -> Path:
        """The folder that the external data of `structure()` and `graph_bytes()` is relative to."""
        if self._root is None:
            self.outline()
        assert self._root is not None  # it was made with the outline
        return self._root

    def as_file(self) -> Path | None:
        """The file that holds exactly this model with its data beside it, or None. Costs nothing: it is not read."""
        return self._file

    def structure(self) -> ModelProto:
        """The model with its external data left where it is (`data_dir`). It may be shared: don't change it."""
        return self._made()[0]

    def outline(self) -> ModelProto:
        """`structure()`; of a large file the large weights are left there, as external data at `own_location`. It may
        be shared: don't change it.
        """
        whole = _KEEP if self._options.edits else _WHOLE  # edits are not made twice where the result can be kept
        if self._kept is not None or self._outline_recipe is None or _size(self._path) <= whole:
            return self.structure()
        if self._outlined is None:
            self._stamp = file_stamp(self._path)
            self._outlined, self._root = self._outline_recipe()
        return self._outlined

    @property
    def own_location(self) -> str:
        """The location of the weights that `outline()` leaves in the file."""
        return str(self._path.absolute())

    def graph_bytes(self) -> bytes:
        """`structure()`, serialised.

        Raises:
            ModelError: it cannot be read, is larger than 2 GB without its external data, or lacks weights that
                `--ignore-external-data` left out.
        """
        return to_bytes(self._complete(), "the edited model", "save it with its weights outside, and run that")

    def mapped(self) -> MappedModel | None:
        """The model with its large weights as external data in its file: see `trtkit.backends.onnx.mapped`. None for
        files up to 64 MiB, where there is nothing to map, and where something is wrong with the model.

        Raises:
            FileError: the file cannot be read.
        """
        if self._outline_recipe is None or self._options.ignore_external_data or _size(self._path) <= _KEEP:
            return None
        from trtkit.backends.onnx.mapped import mapped_model

        try:
            outline = self.outline()
        except ModelError:
            return None  # whoever reads it as it stands will say what is wrong
        return mapped_model(outline, self._path.absolute(), self.data_dir, self._stamp) if self._stamp else None

    def own(self) -> tuple[ModelProto, Path]:
        """`structure()` as a copy of the caller's own, and the folder that its external data is relative to."""
        if self._kept is None:
            return self._made(keep=False)
        model, root = self._kept
        copy = type(model)()
        copy.CopyFrom(model)
        return copy, root

    def own_apart(self) -> tuple[ModelProto, Path]:
        """`own()`; the large weights of a large model stay where they are in its file, as external data in it."""
        file = self._file
        if self._kept is not None or file is None or file.stat().st_size <= _KEEP:
            return self.own()
        model = read_apart(file)
        return model, place(model, [file.parent, file.resolve().parent])

    def proto(self) -> ModelProto:
        """The model with all weights in memory. It may be shared: don't change it.

        Raises:
            ModelError: as for `graph_bytes`, and where external data is missing.
        """
        model = self._complete()
        if not external_tensors(model):
            return model
        whole, root = self.own()
        load_weights(whole, root)
        return whole

    def specs(self) -> tuple[TensorSpecs, TensorSpecs]:
        """What the main graph says about its inputs and its outputs, in its order.

        Up to IR version 3 every weight is listed among the inputs as well; those are left out.
        """
        model = self.outline()
        weights = {tensor.name for tensor in model.graph.initializer}
        weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
        listed = [info for info in model.graph.input if model.ir_version > 3 or info.name not in weights]
        inputs = {info.name: spec_of(info, info.name in weights) for info in listed}
        return inputs, {info.name: spec_of(info) for info in model.graph.output}

    def float32_twin(self) -> LoadedModel:
        """The same model computing in float32: see `trtkit.backends.onnx.twin`. Itself where nothing is 16-bit float.

        Raises:
            ModelError: it depends on the bits of 16-bit floats.
        """
        if not is_half(self._complete()):
            return self

        def recipe() -> tuple[ModelProto, Path]:
            model, root = self.own()
            to_float32(model, root)
            return model, root

        return LoadedModel(self._path, None, recipe)

    def float64_twin(self) -> LoadedModel:
        """The same model computing in float64 throughout: see `trtkit.backends.onnx.twin`.

        Raises:
            ModelError: it depends on the bits of floats.
        """

        def recipe() -> tuple[ModelProto, Path]:
            self._complete()
            model, root = self.own()
            to_float64(model, root)
            return model, root

        return LoadedModel(self._path, None, recipe)

    def rounding_twin(self) -> LoadedModel:
        """The same model computing in float32, rounding what it has in 16 bits: see `trtkit.backends.onnx.rounding`.
        Itself where nothing is 16-bit float.

        Raises:
            ModelError: it depends on the bits of 16-bit floats.
        """
        if not is_half(self._complete()):
            return self

        def recipe() -> tuple[ModelProto, Path]:
            from trtkit.backends.onnx.inferred import inferred_structure
            from trtkit.backends.onnx.rounding import to_rounding_twin

            inferred = inferred_structure(self)
            model, root = self.own()
            to_rounding_twin(model, root, inferred)
            return model, root

        return LoadedModel(self._path, None, recipe)

    @property
    def precision_choices(self) -> list[str]:
        """The flags given that have no effect unless a lower precision is asked for."""
        return self._options.precision_choices

    def in_precision(self, precisions: Sequence[Precision], feeds: FeedsOf | None = None) -> LoadedModel:
        """The same model, rewritten to compute in lower precisions where it can; itself where none is asked for.

        Raises:
            UsageError, ModelError, InputError: see `trtkit.backends.onnx.lowering.lower`.
            UsageError: it was rewritten already, to another precision.
            FileError: a file of decisions cannot be read or written.
        """
        asked = tuple(precisions)
        if not asked:
            return self
        if self.precision_config is not None:
            before = self.precision_config.precisions
            if set(asked) <= set(before):
                return self
            raise UsageError(
                f"--fp-to-fp16 has rewritten the model to {' and '.join(before)}, so it is not rewritten to "
                f"{' and '.join(asked)} any more; leave --fp-to-fp16 out, and ask for fp16 beside 8 bits"
            )
        made = self._lower.get(asked)
        if made is None:
            from trtkit.backends.onnx.lowering import lower

            if self._options.ignore_external_data:
                self._complete()
            recipe, config = lower(self, self._options.precision_request(asked), feeds, self._calibrate)
            if self._options.save_precision_config is not None:
                write_precision_config(config, self._options.save_precision_config)
            made = LoadedModel(self._path, None, recipe)
            made.precision_config = config
            self._lower[asked] = made
        return made

    def kept_in_fp32(self, precisions: Sequence[Precision]) -> Mapping[str, tuple[str, ...]]:
        """The nodes that shall stay in FP32 as the options say, by key, with the names of their outputs. What else a
        file of decisions holds is not honoured by who asks this, so that there is a warning.

        Raises:
            UsageError, FileError: as for `in_precision`.
        """
        from trtkit.backends.onnx.precision import kept_nodes

        request = self._options.precision_request(precisions)
        if request.config is not None and set(EIGHT_BITS) & set(request.precisions):
            log.warning(
                "--precision-config: TensorRT chooses itself among %s for what need not stay in FP32, and calibrates "
                "anew; only a rewritten model keeps to the rest of the file (trtkit convert MODEL.onnx -o lower.onnx)",
                " and ".join(("FP32", *request.precisions)),
            )
        return kept_nodes(self.outline(), request)

    def _made(self, keep: bool = True) -> tuple[ModelProto, Path]:
        if self._kept is not None:
            return self._kept
        made = self._recipe()
        self._root = made[1]
        if keep and _size(self._path) <= _KEEP:
            self._kept = made
        return made

    def _complete(self) -> ModelProto:
        """The structure, unless weights that are needed to run it were left out."""
        model = self.structure()
        if self._options.ignore_external_data and (missing := external_tensors(model)):
            raise ModelError(
                f"{str(self._path)!r} cannot be run without its external weights ({len(missing)} tensors, "
                f"such as {missing[0].name!r}); leave out --ignore-external-data"
            )
        return model


def _size(path: Path) -> int:
    """The size of a file; 0 for one that is gone."""
    return path.stat().st_size if path.exists() else 0
