"""The results as Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.case import BARE, POLYGRAPHY, TRTKIT, Goal
from harness.measuring import CaseResult, SizeResult

__all__ = ["goal_line", "markdown", "summary", "write"]

LINEAR = 1.05
"""The largest exponent of growth that counts as linear."""


def write(folder: Path, name: str, facts: Mapping[str, Any], results: Sequence[CaseResult]) -> tuple[Path, Path]:
    """Write NAME.md and NAME.json into the folder, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    text, data = folder / f"{name}.md", folder / f"{name}.json"
    text.write_text(markdown(facts, results))
    content = {"format": 1, **facts, "cases": [result.to_data() for result in results]}
    data.write_text(json.dumps(content, indent=1) + "\n")
    return text, data


def markdown(facts: Mapping[str, Any], results: Sequence[CaseResult]) -> str:
    """The results for people: goals first, then every figure."""
    lines = ["# trtkit, Polygraphy and the bare script, side by side", "", f"`{facts['command']}`, {facts['date']}", ""]
    lines += ["| | |", "| --- | --- |"]
    for group in ("machine", "trtkit", "polygraphy", "torch"):
        lines.append(f"| {group} | {', '.join(f'{name} {value}' for name, value in facts[group].items())} |")
    lines += ["", "## Goals", "", "At the largest size; ratios are medians of the ratios within each round.", ""]
    lines += ["| case | size | goal | trtkit has | |", "| --- | --- | --- | --- | --- |"]
    for result in results:
        for goal, value in result.goals():
            size = f"{result.sizes[-1].size:g} {result.case.unit}".strip() if result.case.unit else ""
            lines.append(f"| {result.case.name} | {size} | {goal} | {goal_line(goal, value)} |")
        grown = result.growth().get(TRTKIT)
        if grown is not None:
            met = "met" if grown <= LINEAR else "**missed**"
            lines.append(f"| {result.case.name} | | growth at most {LINEAR} | {grown:.2f} | {met} |")
        if result.skipped:
            lines.append(f"| {result.case.name} | | | not measured: {result.skipped} | |")
    lines += ["", "## Figures", "", _LEGEND]
    for result in results:
        if result.sizes:
            lines += ["", f"### {result.case.name}: {result.case.title}", "", *_table(result)]
    return "\n".join(lines) + "\n"


_LEGEND = """Medians over the rounds: `wall` and `cpu` time of the whole process and its `peak` memory; where a call is
measured within its process, its `seconds`, its processor time as `work`, and its `extra` memory beyond what was there
before. `busy` is the share of the cores that others used just before. Ratios are trtkit's time over that of the side,
in the same round."""


def goal_line(goal: Goal, value: float | None) -> str:
    """What trtkit has, and whether that is enough, as two cells."""
    if value is None:
        return "not measured | "
    if goal.against is not None and not goal.above and goal.limit < 0.5:
        shown = f"{1 / value:.3g} times" if value else "no time"
    elif goal.against is not None and not goal.above:
        shown = f"{value:.3g} times"
    else:
        shown = f"{value:+.3g} MiB" if goal.figure in ("peak", "extra") else f"{value:.3g} s"
    return f"{shown} | {'met' if value <= goal.limit else '**missed**'}"


def _table(result: CaseResult) -> list[str]:
    names = ["wall", "cpu", "peak"] + (["seconds", "work", "extra"] if result.case.inner else [])
    units = {"wall": "s", "cpu": "s", "seconds": "s", "work": "s", "peak": "MiB", "extra": "MiB"}
    head = [result.case.unit or "size", "busy", "rounds", "side", *(f"{name} {units[name]}" for name in names), "ratio"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for size in result.sizes:
        for side in size.sides:
            cells = [f"{size.size:g}", f"{size.busy:.0%}", str(len(size.sides[side])), side]
            cells += [_cell(size.median(side, name), units[name]) for name in names]
            ratio = size.ratio("seconds" if result.case.inner else "wall", side)
            lines.append(f"| {' | '.join(cells)} | {'' if side == TRTKIT or ratio is None else f'{ratio:.3g}'} |")
    for size in result.sizes:
        lines += [f"\n{side} failed at {size.size:g}: {reason}" for side, reason in size.failures.items()]
    grown = ", ".join(f"{side} {value:.2f}" for side, value in result.growth().items())
    return [*lines, "", f"Growth: {grown}."] if grown else lines


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if unit == "MiB" else f"{value:.3g}"


def summary(result: CaseResult) -> list[str]:
    """A few lines for the terminal."""
    if result.skipped:
        return [f"{result.case.name}: not measured, {result.skipped}"]
    return [f"{result.case.name} ({result.case.title})", *(f"  {_line(result, size)}" for size in result.sizes)]


def _line(result: CaseResult, size: SizeResult) -> str:
    figure = "seconds" if result.case.inner else "wall"
    parts = [f"{size.size:g} {result.case.unit}:"]
    for side in size.sides:
        time, memory = size.median(side, figure), size.median(side, "peak")
        ratio = size.ratio(figure, side)
        shown = f" (ratio {ratio:.3g})" if side in (POLYGRAPHY, BARE) and ratio is not None else ""
        cpu = size.median(side, "cpu")
        parts.append(f"{side} {time:.4g} s, cpu {cpu:.3g} s, {memory:.0f} MiB{shown};")
    return " ".join(parts)
