"""Values as JSON has them.

JSON has no number for NaN and the infinities, so they become the strings "NaN", "Infinity" and "-Infinity"; a complex
number becomes its Python text, such as "(1+2j)". What comes out is what `json.dumps(..., allow_nan=False)` accepts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """`value` with every number that JSON cannot carry replaced by text, mappings and sequences included."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
