"""What reader and writer of safetensors share: names of types, keys and limits of the header."""

from __future__ import annotations

__all__ = ["CODES", "LONGEST_HEADER", "METADATA", "OURS"]

CODES = {
    "bool": "BOOL",
    **{
        f"{kind}{bits}": f"{letter}{bits}" for kind, letter in (("int", "I"), ("uint", "U")) for bits in (8, 16, 32, 64)
    },
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "complex64": "C64",
}
"""The format's code for each of our types that it knows."""

METADATA = "__metadata__"

OURS = "trtkit"
"""Where in the metadata the catalogue is."""

LONGEST_HEADER = 100_000_000
"""Bytes; the package refuses longer ones."""
