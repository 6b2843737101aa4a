"""What `debug reduce` and `debug build` came to, as data and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trtkit.report.description import plain_text
from trtkit.report.jsondata import tensor_data
from trtkit.report.text import count, duration
from trtkit.tensors import TensorSpec

__all__ = ["SCHEMA_VERSION", "BuildsReport", "Built", "NodeName", "ReduceReport"]

SCHEMA_VERSION = 1

_LISTED = 20
"""Nodes that the text names; JSON has all of them."""


@dataclass(frozen=True)
class NodeName:
    """A node of the model: what it is called there (`trtkit.backends.onnx.precision.keys`), and its operator."""

    name: str
    operator: str


@dataclass(frozen=True)
class ReduceReport:
    """What was found.

    Attributes:
        model: the model, as given.
        output: the model that was written.
        inputs_file: its inputs.
        external_data: the file of its weights; None where they are inside.
        minimal: nothing smaller than the whole model was seen to fail, so that is what was written.
        mode: how it was searched.
        checks: how often the judge was asked, the confirmation of the result included.
        most_checks: how often it might have been before the confirmation.
        skipped: parts that could not be judged.
        feeds: the feeds that each part was judged on.
        reason: what the judge says of the result.
        failure: the way in which the whole model and the result fail.
        node_count: nodes of the main graph of the whole model.
        nodes: nodes of the main graph of the result.
        inputs, outputs: of the result.
        notes: what the user should know.
        command: what to type to see the failure.
    """

    model: str
    output: str
    inputs_file: str
    external_data: str | None
    minimal: bool
    mode: str
    checks: int
    most_checks: int
    skipped: int
    feeds: int
    reason: str
    failure: str
    node_count: int
    nodes: Sequence[NodeName]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    notes: Sequence[str]
    command: str

    def to_data(self) -> dict[str, Any]:
        """As plain dictionaries and lists, ready for `json.dumps`."""
        return {
            "schema": "trtkit.debug-reduce",
            "schema_version": SCHEMA_VERSION,
            **vars(self),
            "nodes": [vars(node) for node in self.nodes],
            "inputs": [tensor_data(spec) for spec in self.inputs],
            "outputs": [tensor_data(spec) for spec in self.outputs],
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """What remains, what it is called, what was written, and what to type next."""
        size = f"{len(self.nodes)} of {count(self.node_count, 'node')}"
        verb = "fails" if len(self.nodes) == 1 else "fail"
        found = "already minimal: no smaller part was seen to fail" if self.minimal else f"{size} still {verb}"
        lines = [f"{self.model}: {found} ({self.reason})"]
        operators = Counter(node.operator for node in self.nodes)
        if len(self.nodes) > _LISTED:
            lines.append("  " + ", ".join(f"{number} {name}" for name, number in operators.most_common()))
        lines += [f"  {node.operator}  {plain_text(node.name)}" for node in self.nodes[:_LISTED]]
        if len(self.nodes) > _LISTED:
            lines.append(f"  and {len(self.nodes) - _LISTED} more (--json lists all)")
        for noun, specs in (("input", self.inputs), ("output", self.outputs)):
            lines += [f"  {count(len(specs), noun)}", *(f"    {plain_text(str(spec))}" for spec in specs)]
        lines += [f"  note: {note}" for note in self.notes]
        skipped = f"; {count(self.skipped, 'part')} could not be judged" if self.skipped else ""
        lines.append(f"{count(self.checks, 'check')} on {count(self.feeds, 'feed')}{skipped}")
        files = [self.output, *([self.external_data] if self.external_data else []), self.inputs_file]
        lines += [f"written: {', '.join(files)}", f"next: {self.command}"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Built:
    """One build.

    Attributes:
        iteration: its number, from 1.
        good: what the check said.
        reason: why, in a few words.
        seconds: what the build took.
        size: bytes of the engine.
        artifacts: where the sorted files are.
    """

    iteration: int
    good: bool
    reason: str
    seconds: float
    size: int
    artifacts: Sequence[str]


@dataclass(frozen=True)
class BuildsReport:
    """What a series of builds came to.

    Attributes:
        model: the model or script, as given.
        until: when to stop: a number, `good` or `bad`.
        builds: in order.
        finished: whether the series came to its end; not where it was interrupted or a build failed.
    """

    model: str
    until: str
    builds: Sequence[Built]
    finished: bool

    @property
    def exit_code(self) -> int:
        """0 where all builds are good, 1 where some are bad."""
        return 0 if all(each.good for each in self.builds) else 1

    def to_data(self) -> dict[str, Any]:
        """As plain dictionaries and lists, ready for `json.dumps`."""
        return {
            "schema": "trtkit.debug-build",
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "until": self.until,
            "finished": self.finished,
            "good": self._number(True),
            "bad": self._number(False),
            "builds": [{**vars(each), "artifacts": list(each.artifacts)} for each in self.builds],
        }

    def text(self) -> str:
        """A line for each build, and the count."""
        lines = []
        for each in self.builds:
            word = "good" if each.good else "BAD "
            lines.append(f"  {word}  build {each.iteration}  {duration(each.seconds)}  {each.reason}")
            lines += [f"        {path}" for path in each.artifacts]
        done = "" if self.finished else ", not finished"
        figures = f"{self._number(True)} good, {self._number(False)} bad"
        lines.append(f"{self.model}: {count(len(self.builds), 'build')}, {figures}{done}")
        return "\n".join(lines)

    def _number(self, good: bool) -> int:
        return sum(each.good is good for each in self.builds)
