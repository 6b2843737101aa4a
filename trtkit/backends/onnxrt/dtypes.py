"""ONNX Runtime's type strings and the names of `trtkit.dtypes`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["TYPES", "OrtType"]


@dataclass(frozen=True)
class OrtType:
    """A tensor type of ONNX Runtime.

    Attributes:
        name: the name in `trtkit.dtypes.DTYPES`.
        number: its ONNX number, for types that do not pass the Python binding as numpy arrays; else 0.
    """

    name: str
    number: int = 0


TYPES = MappingProxyType(
    {
        f"tensor({word})": OrtType(name, number)
        for word, name, number in (
            ("float", "float32", 0),
            ("double", "float64", 0),
            ("float16", "float16", 0),
            ("int8", "int8", 0),
            ("int16", "int16", 0),
            ("int32", "int32", 0),
            ("int64", "int64", 0),
            ("uint8", "uint8", 0),
            ("uint16", "uint16", 0),
            ("uint32", "uint32", 0),
            ("uint64", "uint64", 0),
            ("bool", "bool", 0),
            ("bfloat16", "bfloat16", 16),
            ("float8e4m3fn", "float8_e4m3fn", 17),
            ("float8e4m3fnuz", "float8_e4m3fnuz", 18),
            ("float8e5m2", "float8_e5m2", 19),
            ("float8e5m2fnuz", "float8_e5m2fnuz", 20),
            ("uint4", "uint4", 21),
            ("int4", "int4", 22),
            ("float4e2m1", "float4_e2m1fn", 23),
            ("float8e8m0", "float8_e8m0fnu", 24),
            ("uint2", "uint2", 25),
            ("int2", "int2", 26),
        )
    }
)
"""`NodeArg.type` to type. What is not here (strings, sequences, maps, optionals) has no array in trtkit."""
