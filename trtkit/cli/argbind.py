"""Dataclass fields to argparse arguments and back; the only place that knows both.

An argument is stored as the text that was typed, under `Class.field`, and is absent where it was not given. Parsing
happens in `read`, so that the command line, the `--runner` specification and their error messages are one.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, TypeVar

from trtkit.errors import UsageError
from trtkit.options import Option, boolean, options_of, parse_option, split_spec
from trtkit.suggest import did_you_mean

__all__ = ["Parser", "add_options", "given", "given_flags", "names_any", "read", "read_spec", "refuse", "typed"]

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are UsageErrors with near misses, and that prints no usage dump.

    Attributes:
        hint: appended to errors about stray arguments.
        left_out: flags that users of other tools may type, each with what to do instead.
    """

    def __init__(self, **kwargs: Any) -> None:
        # Help comes from `trtkit.cli.helptext`. argparse makes a formatter for each argument, which asks for the
        # terminal's width where none is given.
        super().__init__(add_help=False, formatter_class=partial(argparse.HelpFormatter, width=80), **kwargs)
        self.hint = ""
        self.left_out: Mapping[str, str] = {}

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and exiting."""
        raise UsageError(message)

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        """What an abbreviation may stand for; two spellings of one option are no ambiguity."""
        found: list[Any] = super()._get_option_tuples(option_string)
        return found[:1] if len({id(match[0]) for match in found}) == 1 else found

    def parse_known(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse everything; what is left over is an error that names the nearest flag."""
        for word in argv:
            flag = word.partition("=")[0]
            if flag in self.left_out:
                raise UsageError(f"{flag} is left out of trtkit: {self.left_out[flag]}")
        namespace, extra = self.parse_known_args(argv)
        if extra:
            first = extra[0]
            if first.startswith("-"):
                flags = [flag for action in self._actions for flag in action.option_strings]
                raise UsageError(f"unknown option {first!r}{did_you_mean(first.partition('=')[0], flags)}")
            raise UsageError(f"unexpected argument {first!r}{self.hint}")
        return namespace


def add_options(
    parser: argparse._ActionsContainer,
    title: str,
    cls: type,
    description: str | None = None,
    *,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
) -> argparse._ArgumentGroup:
    """Add an argument group with one argument for each option field of a dataclass, and return it.

    Args:
        parser: what the group is added to.
        title: title of the group.
        cls: the dataclass.
        description: text below the title.
        only: names of the fields that belong here; None for all.
        without: names of fields that this command does not offer.
    """
    group = parser.add_argument_group(title, description)
    for field, meta in options_of(cls):
        if not meta.flags or field.name in without or (only is not None and field.name not in only):
            continue
        settings: dict[str, Any] = {
            "dest": _dest(cls, field.name),
            "default": argparse.SUPPRESS,
            "help": (meta.help + _default_text(field.default, meta)).replace("%", "%%"),
        }
        if meta.count == "switch":
            settings["action"] = "store_true"
        else:
            settings["metavar"] = meta.metavar or ("{" + ",".join(meta.choices) + "}" if meta.choices else None)
            if meta.count in ("+", "*"):
                settings["nargs"] = meta.count
                settings["action"] = "extend"
            elif meta.const is not None:
                settings["nargs"] = "?"
                settings["const"] = meta.const
        group.add_argument(*meta.flags, **settings)
    return group


def read(namespace: argparse.Namespace, cls: type[T]) -> T:
    """The options object that was asked for on the command line.

    Raises:
        UsageError: a value does not parse, or the options contradict each other.
    """
    return cls(**given(namespace, cls))


def given(namespace: argparse.Namespace, cls: type) -> dict[str, Any]:
    """Values of the fields of `cls` that were given on the command line."""
    values: dict[str, Any] = {}
    for field, meta in options_of(cls):
        raw = getattr(namespace, _dest(cls, field.name), None)
        if raw is None:
            continue
        values[field.name] = raw if meta.count == "switch" else parse_option(meta, _texts(raw), meta.flags[0])
    return values


def names_any(namespace: argparse.Namespace, package: str) -> bool:
    """Whether an option was given whose class is in this package or module, which need not be imported to tell."""
    return any(dest.startswith(f"{package}.") for dest in vars(namespace))


def given_flags(namespace: argparse.Namespace, cls: type) -> list[str]:
    """The flags of the fields of `cls` that were given on the command line, in their first spelling."""
    return [meta.flags[0] for field, meta in options_of(cls) if hasattr(namespace, _dest(cls, field.name))]


def typed(
    namespace: argparse.Namespace, cls: type, part: type | None = None, without: Collection[str] = ()
) -> Iterator[str]:
    """What was typed for the fields of `cls`, or for those that it has from `part`: each flag and its texts."""
    for field, meta in options_of(part or cls):
        raw = getattr(namespace, _dest(cls, field.name), None)
        if raw is not None and field.name not in without:
            yield meta.flags[0]
            yield from () if raw is True else _texts(raw)


def refuse(cls: type, names: Iterable[str], why: str) -> None:
    """Raise UsageError where there is a field of an options class among these, as given though it has no effect."""
    flags = {field.name: meta.flags[0] for field, meta in options_of(cls) if meta.flags}
    for name in names:
        raise UsageError(f"{flags[name]} {why}")


def read_spec(text: str, cls: type, what: str) -> dict[str, Any]:
    """Values from `key=value,key=value,switch`; the keys are field names with dashes, lists stand in `[...]`.

    Raises:
        UsageError: a key is unknown, given twice or without a value, or a value does not parse.
    """
    known: dict[str, tuple[str, Option]] = {
        field.name.replace("_", "-"): (field.name, meta) for field, meta in options_of(cls)
    }
    values: dict[str, Any] = {}
    for part in split_spec(text):
        key, equals, value = part.partition("=")
        key = key.strip().replace("_", "-")
        if key not in known:
            raise UsageError(f"{what}: unknown key {key!r}{did_you_mean(key, known)} (known: name, {', '.join(known)})")
        name, meta = known[key]
        if name in values:
            raise UsageError(f"{what}: {key!r} is given twice; write a list as {key}=[a,b]")
        if meta.count == "switch":
            switch = Option(parse=boolean)
            values[name] = parse_option(switch, [value], f"{what}: {key}") if equals else True
            continue
        if not equals:
            raise UsageError(f"{what}: {key!r} needs a value, as in {key}={meta.metavar or 'VALUE'}")
        texts = split_spec(value[1:-1]) if value.startswith("[") and value.endswith("]") else [value]
        values[name] = parse_option(meta, texts if meta.count in ("+", "*") else [value], f"{what}: {key}")
    return values


def _dest(cls: type, name: str) -> str:
    return f"{cls.__module__}.{cls.__qualname__}.{name}"


def _texts(raw: str | Sequence[str]) -> Sequence[str]:
    return [raw] if isinstance(raw, str) else raw


def _default_text(default: Any, meta: Option) -> str:
    if meta.count != "one" or default is None or "default:" in meta.help or not isinstance(default, (str, int, float)):
        return ""
    return f" (default: {default})"
