"""External data: weights that lie in other files than the model.

Where a tensor keeps its bytes is written in its `external_data` entries: `location` relative to the model's folder,
`offset` and `length` in bytes (onnx.proto, `TensorProto.data_location`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import NAMES
from trtkit.backends.onnx.walk import tensors_of
from trtkit.dtypes import DTYPES
from trtkit.errors import FileError, ModelError, TrtkitError, UsageError, one_line

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = [
    "Extent",
    "check_spared",
    "copy_extent",
    "extent_of",
    "external_files",
    "external_tensors",
    "is_external",
    "load_tensor",
    "load_weights",
    "location_of",
    "make_external",
    "place",
    "roots_of",
]

_EXTERNAL = 1  # TensorProto.EXTERNAL
_CHUNK = 8 << 20


@dataclass(frozen=True)
class Extent:
    """Where the bytes of a tensor are: a file, the first byte in it, and how many."""

    file: Path
    offset: int
    length: int


def external_tensors(model: ModelProto) -> list[TensorProto]:
    """The tensors whose bytes are in other files."""
    return [tensor for tensor in tensors_of(model) if is_external(tensor)]


def is_external(tensor: TensorProto) -> bool:
    """Whether a tensor's bytes are in another file."""
    return int(tensor.data_location) == _EXTERNAL


def location_of(tensor: TensorProto) -> str:
    """The file that an external tensor says its bytes are in."""
    return _entries(tensor).get("location", "")


def roots_of(path: Path, folder: Path | None) -> list[Path]:
    """The folders that a model's external data may be in.

    A model that is itself a link, as in a cache of downloads, has its data beside what the link leads to.

    Args:
        path: the model.
        folder: where the data is, if the user says so.
    """
    return [path.parent, path.resolve().parent] if folder is None else [folder]


def external_files(path: Path, folder: Path | None = None) -> dict[str, Path]:
    """The files beside a model's own that hold its weights, by the location that the model gives, in its order.

    Args:
        path: the model, which is read without its weights.
        folder: where they are, if the user says so.

    Raises:
        FileError: the model cannot be read.
        ModelError: it is no ONNX model, or names a file that is missing or outside the folders of `roots_of`.
    """
    from trtkit.backends.onnx.apart import read_apart  # needs this module

    model, roots = read_apart(path, everywhere=True), roots_of(path, folder)
    found = {}
    for location in dict.fromkeys(map(location_of, external_tensors(model))):
        inside = [root / location for root in roots if (root / location).resolve().is_relative_to(root.resolve())]
        file = next((each for each in inside if each.is_file()), None)
        if file is None:
            raise ModelError(f"{str(path)!r} has weights in {location!r}, which is missing or outside its folder")
        if not file.samefile(path):
            found[location] = file
    return found


def check_spared(path: Path, folder: Path | None, written: Iterable[str | Path]) -> None:
    """Stop where writing would take a model's weights away. The model is read only where there is something to replace.

    Args:
        path: the model.
        folder: where its weights are, if the user says so.
        written: files and folders that will be written.

    Raises:
        UsageError: one of them is a file of the model's weights, or holds one.
    """
    targets = {Path(each).resolve(): each for each in written if Path(each).exists()}
    if not targets:
        return
    try:
        files = external_files(path, folder)
    except TrtkitError:
        return  # whoever opens the model says what is wrong with it
    for location, file in files.items():
        for taken in (file.resolve(), *file.resolve().parents):
            if taken in targets:
                raise UsageError(
                    f"{str(targets[taken])!r} holds weights of {str(path)!r} ({location!r}); save somewhere else"
                )


def place(model: ModelProto, roots: Sequence[Path], own: str | None = None) -> Path:
    """Find every external tensor, and write its location anew, relative to the folder that is returned.

    Nothing outside that folder is ever read: a model from elsewhere must not be able to name any file of this
    machine. Absolute locations, `..` and symbolic links are fine as long as they lead to a place inside it.

    Args:
        model: changed in place.
        roots: folders that the data may be in. Locations are relative to the first; the first that holds all
            of the data is returned.
        own: the location of the model's own file, where `read_apart` left weights; it stays as it is.

    Raises:
        ModelError: a file is missing, too short, or outside every root.
    """
    outside = [tensor for tensor in external_tensors(model) if own is None or location_of(tensor) != own]
    found = [(tensor, _located(tensor, roots[0])) for tensor in outside]
    for root in roots:
        whole = root.resolve()
        if all(extent.file.is_relative_to(whole) for _, extent in found):
            break
    else:
        whole = roots[0].resolve()
        tensor, extent = next(each for each in found if not each[1].file.is_relative_to(whole))
        raise ModelError(
            f"the external data of tensor {tensor.name!r} is at {_entries(tensor)['location']!r}, outside the folder "
            f"{str(roots[0])!r}; if you trust the model, name the folder it may read with "
            f"--external-data-dir {str(extent.file.parent)!r}"
        )
    for tensor, extent in found:
        _check_size(tensor, extent)
        make_external(tensor, extent.file.relative_to(whole).as_posix(), extent.offset, extent.length)
    return root


def extent_of(tensor: TensorProto, root: Path) -> Extent:
    """Where a tensor that `place` has seen keeps its bytes, `root` being what `place` returned."""
    entries = _entries(tensor)
    return Extent(root / entries["location"], int(entries["offset"]), int(entries["length"]))


def load_weights(model: ModelProto, root: Path) -> None:
    """Read the bytes of every external tensor into the model, `root` being what `place` returned."""
    for tensor in external_tensors(model):
        load_tensor(tensor, root)


def load_tensor(tensor: TensorProto, root: Path) -> None:
    """Read the bytes of one external tensor into it."""
    extent = extent_of(tensor, root)
    try:
        with extent.file.open("rb") as file:
            file.seek(extent.offset)
            tensor.raw_data = file.read(extent.length)
    except OSError as error:
        raise _unreadable(extent, error) from error
    del tensor.external_data[:]
    tensor.ClearField("data_location")


def copy_extent(extent: Extent, write: Callable[[bytes], object]) -> None:
    """Hand the bytes of an extent to `write` piece by piece."""
    try:
        with extent.file.open("rb") as file:
            file.seek(extent.offset)
            left = extent.length
            while left:
                chunk = file.read(min(left, _CHUNK))
                if not chunk:
                    raise FileError(f"{str(extent.file)!r} became shorter while it was read")
                write(chunk)
                left -= len(chunk)
    except OSError as error:
        raise _unreadable(extent, error) from error


def make_external(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    """Let a tensor's bytes be elsewhere; those that it holds itself are dropped."""
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
        tensor.ClearField(field)
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    tensor.data_location = _EXTERNAL  # type: ignore[assignment]  # the enum's module takes 100 ms to import


def _entries(tensor: TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _located(tensor: TensorProto, root: Path) -> Extent:
    """Where a tensor of a model as read keeps its bytes, links followed."""
    entries = _entries(tensor)
    location = entries.get("location", "")
    try:
        file = (root / location).resolve()
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", "0")) or _size(tensor)  # absent and 0 both mean: as much as it takes
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise ModelError(
            f"tensor {tensor.name!r} has broken external data entries {entries!r}: {one_line(error)}"
        ) from error
    if not location or offset < 0 or length < 0:
        raise ModelError(f"tensor {tensor.name!r} has broken external data entries {entries!r}")
    return Extent(file, offset, length)


def _size(tensor: TensorProto) -> int:
    """How many bytes a tensor's values take; those of less than a byte are packed."""
    name = NAMES.get(tensor.data_type)
    if name is None:
        raise ValueError(f"ONNX data type {tensor.data_type} has no size")
    return (math.prod(int(dim) for dim in tensor.dims) * DTYPES[name].bits + 7) // 8


def _check_size(tensor: TensorProto, extent: Extent) -> None:
    try:
        size = extent.file.stat().st_size
    except OSError as error:
        raise ModelError(
            f"the external data of tensor {tensor.name!r} is missing: cannot read {str(extent.file)!r} "
            f"({error.strerror}); name its folder with --external-data-dir"
        ) from error
    if extent.offset + extent.length > size:
        raise ModelError(
            f"the external data of tensor {tensor.name!r} ends at byte {extent.offset + extent.length}, "
            f"but {str(extent.file)!r} has only {size}; the file is cut short or belongs to another model"
        )
    expected = _size(tensor) if tensor.data_type in NAMES else extent.length
    if extent.length != expected:
        raise ModelError(
            f"the external data of tensor {tensor.name!r} has {extent.length} bytes, "
            f"but its type and shape need {expected}"
        )


def _unreadable(extent: Extent, error: OSError) -> FileError:
    return FileError(f"cannot read the external data {str(extent.file)!r}: {error.strerror or one_line(error)}")
