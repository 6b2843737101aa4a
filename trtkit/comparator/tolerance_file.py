"""Tolerances of the metric `simple` kept in a file, per output, each with what it rests on as comments.

    schema = "trtkit.tolerances"
    schema_version = 1

    [outputs."y"]
    # onnxrt, 5 feeds, 8 variants: largest difference 1.2e-07
    atol = 2.4e-07
    rtol = 3.1e-07

    [default] # for outputs that are not named
    atol = 1e-05
    rtol = 1e-05

An entry may also have `check_error_stat` and `error_quantile`. What an entry leaves out comes from `[default]`, what
that leaves out follows the data type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.errors import FileError, UsageError
from trtkit.suggest import did_you_mean
from trtkit.toml_text import number, printable, quoted, read_toml

if TYPE_CHECKING:
    from trtkit.comparator.metrics.simple import Options
    from trtkit.comparator.options import CompareOptions

__all__ = ["Tolerance", "merged", "read_tolerances", "with_tolerances", "write_tolerances"]

_SCHEMA = "trtkit.tolerances"
_VERSION = 1
_KEYS = ("atol", "rtol", "check_error_stat", "error_quantile")


@dataclass(frozen=True)
class Tolerance:
    """What is tolerated of one output.

    Attributes:
        atol, rtol: absolute and relative tolerance.
        evidence: what they rest on, a line each.
    """

    atol: float
    rtol: float
    evidence: tuple[str, ...] = field(default=())


def write_tolerances(outputs: Mapping[str, Tolerance], head: Iterable[str], path: str | Path) -> None:
    """Write tolerances, what they rest on as comments; the file appears when it is complete.

    Args:
        outputs: by name.
        head: lines of comment at the top.
        path: an earlier file is replaced.

    Raises:
        FileError: it cannot be written.
    """
    from trtkit.atomic import replacing

    lines = [f"# {printable(line)}" for line in head]
    lines += [f"schema = {quoted(_SCHEMA)}", f"schema_version = {_VERSION}"]
    for name, each in outputs.items():
        lines += ["", f"[outputs.{quoted(name)}]", *(f"# {printable(line)}" for line in each.evidence)]
        lines += [f"atol = {number(each.atol)}", f"rtol = {number(each.rtol)}"]
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def read_tolerances(path: str | Path) -> dict[str, dict[str, Any]]:
    """What a file says by output, under "" what it says of all others.

    Raises:
        FileError: it cannot be read, or is no such file; the message says where.
    """
    data, _ = read_toml(path, "tolerance file")
    wrong = _wrong(data)
    if wrong:
        raise FileError(f"the tolerance file {str(path)!r}: {wrong}")
    outputs: dict[str, dict[str, Any]] = dict(data.get("outputs", {}))
    return {"": data["default"], **outputs} if "default" in data else outputs


def with_tolerances(options: CompareOptions) -> CompareOptions:
    """The options with the tolerances of their file among those of `simple`; themselves where they name none.

    Raises:
        FileError: the file cannot be read.
        UsageError: a value in it makes no sense.
    """
    if options.tolerances is None:
        return options
    simple = merged(options.metrics["simple"], options.tolerances)
    return replace(options, tolerances=None, metrics={**options.metrics, "simple": simple})


def merged(options: Options, path: str | Path) -> Options:
    """The options of `simple` with what a file says, wherever they say nothing themselves.

    What the options say of all outputs goes before what the file says of one: it was typed for this run. An output that
    the file names stays named, so that it is missed where it does not exist.

    Raises:
        FileError: the file cannot be read.
    """
    said = read_tolerances(path)
    fields: dict[str, Any] = {}
    for key in _KEYS:
        own = getattr(options, key)
        filled = {name: said.get("", {}).get(key) for name in said} | {
            name: values[key] for name, values in said.items() if key in values
        }
        if key == "check_error_stat":  # tolerances mean what they meant when they were written
            filled = {name: value or "elemwise" for name, value in filled.items()}
        filled = {name: own.get("", value) for name, value in filled.items()}
        fields[key] = {name: value for name, value in filled.items() if value is not None} | dict(own)
    if "quantile" not in fields["check_error_stat"].values() and not options.error_quantile:
        fields["error_quantile"] = {}
    try:
        return replace(options, **fields)
    except UsageError as error:
        raise FileError(f"the tolerance file {str(path)!r}: {error}") from error


def _wrong(data: Mapping[str, Any]) -> str:
    """What is wrong with the content of a file; empty where nothing is."""
    if data.get("schema") != _SCHEMA:
        return f"expected schema = {_SCHEMA!r}; --calibrate-tolerance writes such files"
    if data.get("schema_version") != _VERSION:
        return f"schema_version is {data.get('schema_version')!r}, and this trtkit reads {_VERSION}"
    known = ("schema", "schema_version", "outputs", "default")
    for key in data:
        if key not in known:
            return f"unknown key {key!r}{did_you_mean(key, known)} (known: {', '.join(known)})"
    outputs = data.get("outputs", {})
    if not isinstance(outputs, dict) or "" in outputs:
        return 'expected a table for each output, as in [outputs."y"], and [default] for all others'
    if not outputs and "default" not in data:
        return 'it says nothing of any output; expected [outputs."y"] or [default]'
    entries = {f"output {name!r}": values for name, values in outputs.items()}
    if "default" in data:
        entries["[default]"] = data["default"]
    return next(filter(None, (_wrong_entry(*entry) for entry in entries.items())), "")


def _wrong_entry(where: str, values: Any) -> str:
    """What is wrong with one table; empty where nothing is."""
    if not isinstance(values, dict) or not values:
        return f"{where}: expected a table with atol and rtol"
    for key, value in values.items():
        if key not in _KEYS:
            return f"{where}: unknown key {key!r}{did_you_mean(key, _KEYS)} (known: {', '.join(_KEYS)})"
        if key == "check_error_stat":
            if not isinstance(value, str):
                return f"{where}: {key} is {value!r}; expected a text such as 'elemwise'"
        elif not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
            return f"{where}: {key} is {value!r}; expected a number of at least 0"
    if "error_quantile" in values and values.get("check_error_stat") != "quantile":
        return f"{where}: error_quantile has no effect without check_error_stat = 'quantile'"
    return ""
