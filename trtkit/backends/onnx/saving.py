"""Saving a model, with its weights inside or beside it."""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trtkit.atomic import replacing, write_errors
from trtkit.backends.onnx.apart import write_model
from trtkit.backends.onnx.dtypes import STRING
from trtkit.backends.onnx.external import (
    check_spared,
    copy_extent,
    extent_of,
    external_tensors,
    is_external,
    load_tensor,
    make_external,
)
from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.reading import onnx_module, to_bytes
from trtkit.backends.onnx.walk import other_tensors_of, weights_of
from trtkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto, TensorProto

__all__ = ["external_target", "save_onnx"]

logger = logging.getLogger(__name__)

_PAGE_FROM = 1 << 20
_PAGE = 4096
_LINE = 64
_WHOLE = "the model with its weights"


def save_onnx(model: LoadedModel, options: OnnxOptions) -> None:
    """Save a model under `options.save_onnx`, its weights where the options say.

    Model and weights are written beside their targets and moved into place when all of it is there. Weights that are
    external already are copied in pieces; what is in the model already is in memory anyway.

    Raises:
        UsageError: `options.save_onnx` is not given, or would be written over the weights of the model itself.
        FileError: a file cannot be written.
        ModelError: the model with its weights inside would exceed 2 GB.
    """

    if options.save_onnx is None:
        raise UsageError("save_onnx: no path was given")
    target = Path(options.save_onnx)
    if target.resolve() != model.path.resolve():  # a model that is replaced by itself needs its old weights no more
        beside = external_target(options)
        check_spared(model.path, options.external_data_dir, [target] if beside is None else [target, beside])
    copy, root = model.own()
    external = external_tensors(copy)
    if external and options.ignore_external_data:
        logger.warning(
            "%s is saved without its external weights; it still names %d tensors in files beside it",
            target,
            len(external),
        )
    instead = "add --save-external-data to save its weights beside it"
    with ExitStack() as files:
        # Left in reverse order: the weights are moved into place before the model that names them.
        out = files.enter_context(replacing(target))
        if options.save_external_data is not None:
            _move_out(copy, root, target, options, files)
        if options.save_external_data is not None or (external and options.ignore_external_data):
            out.write(to_bytes(copy, _WHOLE, instead))
            return
        weights = {id(each) for each in copy.graph.initializer}
        for tensor in external:
            if id(tensor) not in weights:
                load_tensor(tensor, root)
        write_model(copy, root, out, _WHOLE, instead)


def external_target(options: OnnxOptions) -> Path | None:
    """The file, or folder, that weights go to; None where they stay in the model."""
    relative = options.save_external_data
    if options.save_onnx is None or relative is None:
        return None
    target = Path(options.save_onnx)
    whole = not options.no_save_all_tensors_to_one_file
    return target.parent / (relative or (f"{target.name}.data" if whole else ""))


def _move_out(model: ModelProto, root: Path, target: Path, options: OnnxOptions, files: ExitStack) -> None:
    """Write the tensors from the threshold on to their files, and take them out of the model."""

    moved = []
    for tensor in weights_of(model):
        if tensor.data_type != STRING and _bytes_of(tensor, root) >= options.external_data_size_threshold:
            moved.append(tensor)
        elif is_external(tensor):
            load_tensor(tensor, root)
    for tensor in other_tensors_of(model):
        if is_external(tensor):
            load_tensor(tensor, root)
    relative = options.save_external_data or ""
    if options.no_save_all_tensors_to_one_file:
        locations = _file_names(moved, relative)
    else:
        locations = [relative or f"{target.name}.data"] * len(moved)
    out, end = None, 0
    for tensor, location, before in zip(moved, locations, ["", *locations], strict=False):
        if out is None or location != before:
            out, end = _create(target, location, out, files), 0
        length = _bytes_of(tensor, root)
        start = _aligned(end, length)
        out.write(bytes(start - end))
        _write(tensor, root, out)
        end = start + length
        make_external(tensor, location, start, length)


def _create(target: Path, location: str, previous: IO[bytes] | None, files: ExitStack) -> IO[bytes]:
    """The next file of weights; the one before is complete, and closed lest too many be open."""
    if previous is not None:
        previous.close()
    path = target.parent / location
    if path == target:
        raise UsageError(f"--save-external-data {location!r} is the model itself; choose another name")
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return files.enter_context(replacing(path))


def _bytes_of(tensor: TensorProto, root: Path) -> int:
    """How many bytes a tensor takes outside the model; one that is inside is brought into that form first."""

    if is_external(tensor):
        return extent_of(tensor, root).length
    if not tensor.HasField("raw_data"):
        helper = onnx_module("onnx.numpy_helper")
        tensor.CopyFrom(helper.from_array(helper.to_array(tensor), tensor.name))
    return len(tensor.raw_data)


def _write(tensor: TensorProto, root: Path, out: IO[bytes]) -> None:

    if is_external(tensor):
        copy_extent(extent_of(tensor, root), out.write)
    else:
        out.write(tensor.raw_data)


def _aligned(offset: int, length: int) -> int:
    """The next place for a tensor: large ones start on a page, so that they can be mapped into memory."""
    step = _PAGE if length >= _PAGE_FROM else _LINE
    return -(-offset // step) * step


def _file_names(tensors: Sequence[TensorProto], folder: str) -> list[str]:
    """A file name for each tensor, made from its name and unlike every other, also where case does not count."""
    taken: set[str] = set()
    names = []
    for tensor in tensors:
        base = name = re.sub(r"[^\w.-]", "_", tensor.name)[:150] or "weight"
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        names.append(f"{folder}/{name}.bin" if folder else f"{name}.bin")
    return names
