"""What graphs state about their tensors, read fast: the same types and shapes come again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trtkit.backends.onnx.shapes import spec_of
from trtkit.tensors import Shape, TensorSpec

if TYPE_CHECKING:
    from onnx import ValueInfoProto

__all__ = ["decoded", "stated_shapes", "stated_specs"]


def stated_specs(infos: Iterable[ValueInfoProto]) -> Iterator[TensorSpec]:
    """`spec_of` each of them, several times faster."""
    return (TensorSpec(decoded(info.name), spec.dtype, spec.shape) for info, spec in _stated(infos))


def stated_shapes(infos: Iterable[ValueInfoProto]) -> Iterator[tuple[str, Shape]]:
    """The names and shapes of those that have one."""
    return ((info.name, spec.shape) for info, spec in _stated(infos) if spec.shape is not None)


def _stated(infos: Iterable[ValueInfoProto]) -> Iterator[tuple[ValueInfoProto, TensorSpec]]:
    """Each with something of its type and shape; a type is looked into once, and found again by its bytes."""
    types: dict[bytes, TensorSpec] = {}
    for info in infos:
        key = info.type.SerializeToString()
        found = types.get(key)
        if found is None:
            found = types[key] = spec_of(info)
        yield info, found


def decoded(name: str | bytes) -> str:
    """A name as text; protobuf gives what is no UTF-8 as bytes."""
    return name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")
