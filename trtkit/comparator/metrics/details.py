"""What several metrics report beside their figures: counts, largest and mean errors, and the worst element."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair

__all__ = ["details", "number_text", "worst_text"]


def details(pair: ArrayPair, beyond: int = 0, worst_at: int | None = None, infinities: int = 0) -> dict[str, Any]:
    """The details of a result whose metric looks at the errors of elements.

    Args:
        pair: what was compared.
        beyond: how many elements exceed the metric's tolerances.
        worst_at: position of the worst of these; else that of the largest absolute error.
        infinities: how many equal infinities count as different.
    """
    errors = pair.errors
    refused = errors.unmatched + infinities
    at = errors.max_abs_at if worst_at is None else worst_at
    if refused:
        at = errors.unmatched_at if errors.unmatched else errors.equal_infinities_at
    worst = None if at is None else pair.element(at)
    if worst is not None and infinities and not errors.unmatched:
        worst |= {"abs_error": math.nan, "rel_error": math.nan}
    measured = max(1, errors.total - refused)
    return {
        "elements": errors.total,
        "mismatching": beyond + refused,
        "max_abs": errors.max_abs,
        "mean_abs": errors.sum_abs / measured,
        "max_rel": errors.max_rel,
        "mean_rel": errors.sum_rel / measured,
        "nan_actual": errors.nan_actual,
        "nan_expected": errors.nan_expected,
        "inf_actual": errors.inf_actual,
        "inf_expected": errors.inf_expected,
        "worst": worst,
    }


def worst_text(pair: ArrayPair, found: Mapping[str, Any]) -> str:
    """The worst element and the largest errors in words; both values as their own data type prints them."""
    worst = found["worst"]
    if worst is None:
        return "0 elements"
    index = tuple(worst["index"])
    place = "[" + ",".join(map(str, index)) + "]"
    values = f"at {place} (actual {pair.actual[index]!s}, expected {pair.expected[index]!s})"
    if math.isnan(worst["abs_error"]):
        equal = worst["actual"] == worst["expected"]
        return f"{'equal infinities, which count as different,' if equal else 'no match'} {values}"
    name = "max abs" if worst["abs_error"] == found["max_abs"] else "worst abs"
    return f"{name} {number_text(worst['abs_error'])} {values}, max rel {number_text(found['max_rel'])}"


def number_text(value: float) -> str:
    """A number for people: whole numbers whole, others with three significant digits."""
    if abs(value) < 1e6 and float(value).is_integer():
        return str(int(value))
    return f"{value:.3g}"
