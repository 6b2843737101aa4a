"""What the metrics share: options with one value per output, and thresholds written so that they pass."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from trtkit.errors import UsageError
from trtkit.options import options_of

__all__ = [
    "PerOutput",
    "at_least",
    "between",
    "checked",
    "given_values",
    "named_outputs",
    "round_down",
    "round_up",
    "value_for",
    "whole",
]

T = TypeVar("T")
PerOutput: TypeAlias = T | Mapping[str, T]
"""A value for all outputs, or values by output name, where "" holds the one for all others."""


def checked(options: Any, check: Mapping[str, Callable[[Any], str]]) -> None:
    """Turn the per-output fields of a frozen dataclass into mappings, and check every value in them.

    Args:
        options: the instance, in its `__post_init__`.
        check: field name to a function that gives what is wrong with a value, or an empty string.

    Raises:
        UsageError: a value is wrong; the message names the flag and the value.
    """
    fields = {field.name: (field, meta) for field, meta in options_of(type(options))}
    for name, complaint in check.items():
        value = getattr(options, name)
        values = dict(value) if isinstance(value, Mapping) else {"": value}
        for output, item in values.items():
            wrong = complaint(item)
            if wrong:
                where = f"{output}:" if output else ""
                raise UsageError(f"{fields[name][1].flags[0]}: invalid value '{where}{item}': {wrong}")
        object.__setattr__(options, name, values)


def at_least(minimum: float) -> Callable[[Any], str]:
    """A check for real numbers that are not below `minimum`, nor NaN."""
    return between(minimum, math.inf)


def between(low: float, high: float) -> Callable[[Any], str]:
    """A check for real numbers within bounds; NaN is never within."""
    if math.isinf(low) and math.isinf(high):
        wanted = "expected a number"
    elif math.isinf(high):
        wanted = f"expected a number of at least {low:g}"
    else:
        wanted = f"expected a number from {low:g} to {high:g}"

    def complaint(value: Any) -> str:
        real = isinstance(value, numbers.Real) and not isinstance(value, bool)
        return "" if real and low <= value <= high else wanted

    return complaint


def whole(minimum: int | None) -> Callable[[Any], str]:
    """A check for whole numbers, not below `minimum` if that is given."""
    wanted = "expected a whole number" + ("" if minimum is None else f" of at least {minimum}")

    def complaint(value: Any) -> str:
        good = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        return "" if good and (minimum is None or value >= minimum) else wanted

    return complaint


def value_for(values: PerOutput[T], output: str, default: T) -> T:
    """The value for one output: its own, else the general one, else `default`."""
    if not isinstance(values, (dict, Mapping)):  # the first is quick to tell
        return values
    own = values.get(output)
    return own if own is not None else values.get("", default)


def given_values(values: PerOutput[T]) -> list[T]:
    """All values that were given, for whichever output."""
    return list(values.values()) if isinstance(values, Mapping) else [values]


def named_outputs(options: Any) -> dict[str, str]:
    """The outputs that the per-output options of a metric name, each with the first flag that names it."""
    names: dict[str, str] = {}
    for field, meta in options_of(type(options)):
        value = getattr(options, field.name)
        if isinstance(value, Mapping):
            for name in value:
                if name:
                    names.setdefault(name, meta.flags[0])
    return names


def round_up(value: float, digits: int = 2) -> str:
    """The shortest decimal text of at most `digits` significant digits that is not below `value`.

    Read back with `float()` it is never below `value` either, since reading rounds to the nearest.
    """
    return _rounded(value, digits, "ROUND_CEILING")


def round_down(value: float, digits: int = 3) -> str:
    """As `round_up`, but not above `value`."""
    return _rounded(value, digits, "ROUND_FLOOR")


def _rounded(value: float, digits: int, rounding: str) -> str:
    import decimal  # where something differs

    context = decimal.Context(prec=digits, rounding=rounding, Emin=-400, Emax=400)
    number = context.create_decimal_from_float(value).normalize(context)
    return f"{number:f}" if -5 < number.adjusted() < 6 else f"{number:e}"
