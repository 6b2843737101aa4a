"""Known failures: what may fail, why, and until when.

They are kept in TOML files (docs/waivers.md):

    [[waiver]]
    output = "logits*"        # a name or a glob
    metric = "simple"         # optional: all metrics
    reason = "the softmax is fused, see issue 17"
    expires = 2027-01-31      # the last day on which it holds, in UTC
    runner = "trt*"           # optional: a name or a glob
    model = "resnet*.onnx"    # optional: a name or a glob of the model's file
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from trtkit.errors import FileError
from trtkit.suggest import did_you_mean
from trtkit.toml_text import read_toml

__all__ = ["UnneededWaiver", "Waiver", "Waivers", "read_waivers", "utc_today"]

_TEXTS = ("output", "metric", "reason", "runner", "model")
_REQUIRED = ("output", "reason", "expires")
_HEADER = re.compile(r"\s*\[\[\s*(?:waiver|\"waiver\"|'waiver')\s*\]\]")


@dataclass(frozen=True)
class Waiver:
    """One known failure.

    Attributes:
        output: name or glob of the outputs that may fail, as the actual side calls them.
        reason: why it is accepted.
        expires: the last day on which it is, in UTC.
        metric: the metric that may fail; None for all.
        runner: name or glob of the runners whose outputs may fail; None for all.
        model: name or glob of the model's file; None for all.
        file: where it is written.
        line: the line of that file where it begins, if that can be told.
    """

    output: str
    reason: str
    expires: date
    metric: str | None = None
    runner: str | None = None
    model: str | None = None
    file: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """File and line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def scope(self) -> str:
        """What it is for, in words."""
        metric = "" if self.metric is None else f", metric {self.metric}"
        runner = "" if self.runner is None else f", runner {self.runner!r}"
        return f"output {self.output!r}{metric}{runner}"

    def covers(self, runner: str, output: str, metric: str) -> bool:
        """Whether it is about this metric of this output of this runner."""
        return (
            self.metric in (None, metric)
            and _matches(self.output, output)
            and (self.runner is None or _matches(self.runner, runner))
        )

    def to_data(self) -> dict[str, Any]:
        """As plain data, the date as ISO 8601."""
        return {
            "output": self.output,
            "metric": self.metric,
            "runner": self.runner,
            "model": self.model,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
            "file": self.file,
            "line": self.line,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Waiver:
        """From what `to_data` gave.

        Raises:
            ValueError, TypeError, KeyError: it is something else.
        """
        return cls(**{**data, "expires": date.fromisoformat(data["expires"])})


@dataclass(frozen=True)
class UnneededWaiver:
    """A waiver that nothing needed.

    Attributes:
        waiver: which one.
        why: what it waits for in vain, in words.
    """

    waiver: Waiver
    why: str

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {**self.waiver.to_data(), "why": self.why}


class Waivers:
    """The waivers of a run.

    Args:
        waivers: all of them.
        model: the name of the model's file; None where there is no model.
        today: the day that expiry dates are held against; by default `utc_today()`.
    """

    def __init__(self, waivers: Iterable[Waiver], model: str | None, today: date | None = None) -> None:
        self.today = utc_today() if today is None else today
        self.here: tuple[Waiver, ...] = tuple(
            each for each in waivers if each.model is None or (model is not None and _matches(each.model, model))
        )
        """Those that are about this model."""

    def find(self, runner: str, output: str, metric: str) -> tuple[Waiver | None, Waiver | None]:
        """For a metric that failed: the first waiver that holds today, and if none does, the one that expired last."""
        covering = [each for each in self.here if each.covers(runner, output, metric)]
        for each in covering:
            if each.expires >= self.today:
                return each, None
        return None, max(covering, key=lambda each: each.expires, default=None)

    def holds(self, runner: str, output: str, metric: str) -> bool:
        """Whether this metric may fail today."""
        return self.find(runner, output, metric)[0] is not None


def utc_today() -> date:
    """The day in UTC, so that a waiver expires everywhere at once."""
    return datetime.now(timezone.utc).date()


def read_waivers(path: str | Path, metrics: Sequence[str]) -> tuple[Waiver, ...]:
    """The waivers of a file, in its order.

    Args:
        path: a TOML file.
        metrics: the names of metrics that there are.

    Raises:
        FileError: it cannot be read, or an entry lacks something, or has what is not known.
    """
    data, text = read_toml(path, "waivers file")
    for key in data:
        if key != "waiver":
            raise FileError(
                f"the waivers file {str(path)!r} has the unknown key {key!r}{did_you_mean(key, ['waiver'])}; "
                "each waiver begins with [[waiver]]"
            )
    entries = data.get("waiver", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise FileError(f"the waivers file {str(path)!r}: each waiver begins with [[waiver]], in double brackets")
    headers = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    lines: Sequence[int | None] = headers if len(headers) == len(entries) else [None] * len(entries)
    return tuple(
        _waiver(entry, str(path), number, line, metrics)
        for number, (entry, line) in enumerate(zip(entries, lines, strict=True), 1)
    )


def _waiver(entry: Mapping[str, Any], file: str, number: int, line: int | None, metrics: Sequence[str]) -> Waiver:
    where = f"the waivers file {file!r}, waiver {number}" + ("" if line is None else f" (line {line})")
    for key in entry:
        if key not in (*_TEXTS, "expires"):
            raise FileError(f"{where}: unknown key {key!r}{did_you_mean(key, (*_TEXTS, 'expires'))}")
    for key in _REQUIRED:
        if key not in entry:
            raise FileError(f"{where}: {key!r} is missing; output, reason and expires are required")
    for key in _TEXTS:
        value = entry.get(key, "-")
        if not isinstance(value, str) or not value.strip():
            raise FileError(f"{where}: {key} is {value!r}; expected text that is not empty")
    expires = entry["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise FileError(f"{where}: expires is {str(expires)!r}; expected a date without quotes, such as 2027-01-31")
    metric = entry.get("metric")
    if metric is not None and metric not in metrics:
        hint = did_you_mean(metric, metrics)
        raise FileError(f"{where}: there is no metric {metric!r}{hint} (known: {', '.join(metrics)})")
    return Waiver(file=file, line=line, **entry)


def _matches(pattern: str, name: str) -> bool:
    """A name as it stands, brackets and all, or a glob; what stands in parentheses is only named as it stands."""
    return pattern == name or (not name.startswith("(") and fnmatchcase(name, pattern))
