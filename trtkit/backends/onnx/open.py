"""From a file to the model in it, edited as the options ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.external import place, roots_of
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.outputs import edit_outputs
from trtkit.backends.onnx.reading import read_structure
from trtkit.backends.onnx.shapes import SymbolicInference, infer_shapes
from trtkit.errors import FileError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtkit.backends.onnx.lowering import Calibrate

__all__ = ["open_onnx"]


def open_onnx(
    path: str | Path,
    options: OnnxOptions | None = None,
    symbolic: SymbolicInference | None = None,
    calibrate: Calibrate | None = None,
) -> LoadedModel:
    """The model in a file, edited as the options ask.

    A model that stays as it is is not even read, and the `onnx` package is not imported. Edits are made at once, so
    that mistakes show before anything runs. `save_onnx` is not done here: see `trtkit.backends.onnx.saving`.

    Args:
        path: the .onnx file.
        options: what is read and changed.
        symbolic: ONNX Runtime's shape inference, used unless `no_onnxruntime_shape_inference`.
        calibrate: measures the ranges of tensors, where the model is to be quantised.

    Raises:
        FileError: there is no such file or folder, or it cannot be read.
        ModelError: it is no ONNX model, or does not have what the options name.
    """
    path = Path(path)
    options = options or OnnxOptions()
    ModelFile(path, "onnx").check_exists()
    folder = options.external_data_dir
    if folder is not None and not folder.is_dir():
        raise FileError(f"--external-data-dir {str(folder)!r} is not a folder")
    roots = roots_of(path, folder)

    def recipe() -> tuple[ModelProto, Path]:
        return _make(read_structure(path), options, roots, symbolic)

    def outline() -> tuple[ModelProto, Path]:
        own = str(path.absolute())
        return _make(read_apart(path, own, everywhere=True), options, roots, symbolic, own)

    plain = not options.edits and not options.ignore_external_data
    at_home = folder is None or folder.resolve() == path.parent.resolve()
    model = LoadedModel(path, path if plain and at_home else None, recipe, options, calibrate, outline)
    if model.as_file() is None:
        model.outline()  # mistakes in names show now
    return model.in_precision(("fp16",)) if options.fp_to_fp16 else model


def _make(
    model: ModelProto,
    options: OnnxOptions,
    roots: list[Path],
    symbolic: SymbolicInference | None,
    own: str | None = None,
) -> tuple[ModelProto, Path]:
    root = roots[0] if options.ignore_external_data else place(model, roots, own)
    if options.shape_inference:
        model = infer_shapes(model, None if options.no_onnxruntime_shape_inference else symbolic)
    edit_outputs(model, options)
    return model, root
