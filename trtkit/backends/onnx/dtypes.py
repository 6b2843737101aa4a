"""ONNX's data type numbers (`TensorProto.DataType` of onnx.proto) and the names of `trtkit.dtypes`."""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["BFLOAT16", "FLOAT16", "FLOAT32", "NAMES", "NUMBERS", "STRING", "type_word"]

FLOAT32, STRING, FLOAT16, BFLOAT16 = 1, 8, 10, 16

NAMES = MappingProxyType(
    {
        FLOAT32: "float32",
        2: "uint8",
        3: "int8",
        4: "uint16",
        5: "int16",
        6: "int32",
        7: "int64",
        9: "bool",
        FLOAT16: "float16",
        11: "float64",
        12: "uint32",
        13: "uint64",
        14: "complex64",
        15: "complex128",
        BFLOAT16: "bfloat16",
        17: "float8_e4m3fn",
        18: "float8_e4m3fnuz",
        19: "float8_e5m2",
        20: "float8_e5m2fnuz",
        21: "uint4",
        22: "int4",
        23: "float4_e2m1fn",
        24: "float8_e8m0fnu",
        25: "uint2",
        26: "int2",
    }
)
"""ONNX number to name, for the types whose arrays trtkit can carry."""

NUMBERS = MappingProxyType({name: number for number, name in NAMES.items()})
"""Name to ONNX number."""


def type_word(number: int) -> str | None:
    """The name of an ONNX type; "string", or `onnx:N` for a type newer than this table; None where it is undefined."""
    if number == 0:
        return None
    if number == STRING:
        return "string"
    return NAMES.get(number, f"onnx:{number}")
