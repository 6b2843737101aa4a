"""One option is one field of a dataclass: name, type, default, help, flags and choices stand in one place.

The command line, the `--runner` specification and generated scripts are all derived from these fields
(`trtkit.cli.argbind` turns them into argparse arguments), so an option is never described twice.

    @dataclass(frozen=True)
    class RandomOptions:
        seed: int = option(1, "--seed", help="seed of the first iteration", parse=int, metavar="N")

Importing this module costs nothing: no numpy, no framework.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trtkit.errors import UsageError
from trtkit.suggest import did_you_mean

__all__ = [
    "Option",
    "boolean",
    "by_name",
    "changed_fields",
    "changed_flags",
    "choice",
    "option",
    "options_of",
    "parse_bytes",
    "parse_count",
    "parse_option",
    "per_output",
    "split_spec",
]

_KEY = "trtkit.option"


@dataclass(frozen=True)
class Option:
    """How one field of an options dataclass looks from outside.

    Attributes:
        flags: spellings on the command line, the first one canonical; empty for fields without a flag.
        help: one sentence, without a full stop.
        parse: text to value, raising UsageError or ValueError; unused for switches.
        metavar: placeholder in help, also naming the value in error messages.
        choices: the values that exist, where they are few; matched without regard to case.
        count: "one" value, "+" or "*" many values, or a "switch".
        gather: folds the parsed values of a many-valued option into the value of the field.
        const: the text an optional single value stands for when the flag is given bare.
    """

    flags: tuple[str, ...] = ()
    help: str = ""
    parse: Callable[[str], Any] = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    count: Literal["one", "+", "*", "switch"] = "one"
    gather: Callable[[Sequence[Any]], Any] = tuple
    const: str | None = None


def option(
    default: Any,
    *flags: str,
    help: str,  # noqa: A002 - argparse's word
    parse: Callable[[str], Any] = str,
    metavar: str | None = None,
    choices: Sequence[str] = (),
    count: Literal["one", "+", "*", "switch"] | None = None,
    gather: Callable[[Sequence[Any]], Any] = tuple,
    const: str | None = None,
) -> Any:
    """A dataclass field that carries everything the outside world needs to know of it."""
    if count is None:
        count = "switch" if default is False else "one"
    if choices and parse is str:
        parse = choice(*choices)
    meta = Option(tuple(flags), help, parse, metavar, tuple(choices), count, gather, const)
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata={_KEY: meta})
    return dataclasses.field(default=default, metadata={_KEY: meta})


def options_of(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Option]]:
    """The option fields of a dataclass, in the order in which they are written."""
    for field in dataclasses.fields(cls):
        meta = field.metadata.get(_KEY)
        if isinstance(meta, Option):
            yield field, meta


def changed_fields(options: Any) -> dict[str, Any]:
    """The fields of a dataclass object that are not at their default, by name; those without a default always are."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        value = getattr(options, field.name)
        if default is dataclasses.MISSING or value != default:
            found[field.name] = value
    return found


def changed_flags(options: Any, without: Collection[str] = ()) -> list[str]:
    """The flags, in their first spelling, of the fields of an options object that are not at their default.

    Args:
        options: an options object.
        without: names of fields that do not count.
    """
    plain = type(options)()
    return [
        meta.flags[0]
        for each, meta in options_of(type(options))
        if meta.flags and each.name not in without and getattr(options, each.name) != getattr(plain, each.name)
    ]


def parse_option(meta: Option, texts: Sequence[str], what: str) -> Any:
    """The value of an option from its texts.

    Raises:
        UsageError: a text does not parse; the message names `what` (a flag or a key) and the value.
    """
    values = []
    for text in texts:
        if not text and meta.const != "":
            raise UsageError(f"{what}: the value is empty, as from a variable that is not set")
        try:
            values.append(meta.parse(text))
        except ValueError as error:
            reason = str(error) if isinstance(error, UsageError) else f"expected {meta.metavar or 'another value'}"
            raise UsageError(f"{what}: invalid value {text!r}: {reason}") from error
    if meta.count not in ("+", "*"):
        return values[0]
    try:
        return meta.gather(values)
    except UsageError as error:
        raise error if str(error).startswith("--") else UsageError(f"{what}: {error}") from error


def by_name(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    """Fold `(name, value)` pairs into a dict.

    Raises:
        UsageError: a name has two values.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        before = found.setdefault(name, value)
        if before is not value and before != value:  # NaN is not even itself
            raise UsageError(f"two values for {repr(name) if name else 'everything that is not named'}; give one")
    return found


def choice(*names: str) -> Callable[[str], str]:
    """A parser for one of a few names, whatever the case; a near miss is suggested."""

    def parse(text: str) -> str:
        for name in names:
            if text.casefold() == name.casefold():
                return name
        hint = did_you_mean(text, names)
        raise UsageError(f"expected one of {', '.join(names)}{hint}")

    return parse


def boolean(text: str) -> bool:
    """`true`/`false`, `yes`/`no`, `on`/`off`, `1`/`0`."""
    word = text.casefold()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise UsageError("expected true or false")


def parse_count(minimum: int) -> Callable[[str], int]:
    """A parser for whole numbers of at least `minimum`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise UsageError("expected a whole number") from None
        if number < minimum:
            raise UsageError(f"expected a whole number of at least {minimum}")
        return number

    return parse


def parse_bytes(text: str) -> int:
    """Bytes, with the binary suffixes K, M and G, e.g. `1024`, `512M`, `1.5G`, `2e9`."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    try:
        size = float(text[:-1] if factor > 1 else text) * factor
        whole = int(size)
    except (ValueError, OverflowError):
        raise UsageError("expected a number of bytes, such as 1024, 512M or 1.5G") from None
    if whole < 0 or whole != size:
        raise UsageError("expected a whole, non-negative number of bytes")
    return whole


def per_output(parse: Callable[[str], Any]) -> dict[str, Any]:
    """Keyword arguments of `option()` for `[OUT:]VALUE ...`; the value is a dict, `""` holding the general one.

    The name ends at the last colon, since tensor names often hold colons themselves.
    """

    def pair(text: str) -> tuple[str, Any]:
        name, _, value = text.rpartition(":")
        return name, parse(value)

    return {"parse": pair, "gather": by_name, "count": "+"}


def split_spec(text: str) -> list[str]:
    """Split at commas that stand outside `[...]`: `a=1,b=[x,y]` gives `a=1` and `b=[x,y]`."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part for part in parts if part]
