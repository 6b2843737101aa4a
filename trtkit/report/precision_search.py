"""Which nodes have to stay in FP32, as text and as data."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from trtkit.report.description import plain_text
from trtkit.report.text import count

__all__ = ["SCHEMA_VERSION", "KeptNode", "PrecisionSearchReport"]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class KeptNode:
    """A node that has to stay in FP32.

    Attributes:
        key: what it is called in precision configs.
        op_type: its operator.
        reason: what was measured of it, in a few words.
        error: its relative error in the lower precision by itself; None where it was not measured.
        overflows: its results become infinite or NaN.
        magnitude: the largest finite magnitude among the tensors that it takes and makes.
    """

    key: str
    op_type: str
    reason: str
    error: float | None
    overflows: bool
    magnitude: float


@dataclass(frozen=True)
class PrecisionSearchReport:
    """What a search came to.

    Attributes:
        model: the model's path, as given.
        precisions: those asked for.
        judge: the backend that was compared with the reference.
        found: whether there is an answer; else the evaluations did not suffice.
        minimal: whether each of the kept nodes was shown to be needed, by leaving it out.
        kept: the answer, in the model's order; empty where nothing has to be kept.
        candidates: how many nodes would be computed in a lower precision.
        nodes: how many nodes there are.
        iterations: how many feeds every evaluation went through, at most.
        evaluations: how many sets of nodes were tried.
        max_evaluations: how many might have been.
        output: the precision config that was written.
    """

    model: str
    precisions: tuple[str, ...]
    judge: str
    found: bool
    minimal: bool
    kept: tuple[KeptNode, ...]
    candidates: int
    nodes: int
    iterations: int
    evaluations: int
    max_evaluations: int
    output: str | None

    @property
    def exit_code(self) -> int:
        """0 where there is an answer, else 1."""
        return 0 if self.found else 1

    @property
    def next_command(self) -> str | None:
        """The command line that converts the model as found; None where nothing was found or written."""
        if not self.found or (self.kept and self.output is None):
            return None
        path = PurePath(self.model)
        flags = [f"--{each}" for each in self.precisions]
        config = ["--precision-config", self.output] if self.output is not None else []
        target = str(path.with_name(f"{path.stem}.{'-'.join(self.precisions)}.onnx"))
        return shlex.join(["trtkit", "convert", self.model, *flags, *config, "-o", target])

    def lines(self) -> Iterator[str]:
        """The text, line by line."""
        for node in self.kept:
            yield f"  {plain_text(node.key)}  {node.op_type}  {node.reason}"
        yield self._verdict()
        tried = f"{count(self.evaluations, 'evaluation')} of at most {self.max_evaluations}"
        yield f"{tried}, under {self.judge}, on {count(self.iterations, 'feed')}"
        if self.output is not None:
            yield f"written to {self.output}"
        if self.next_command is not None:
            yield f"next: {self.next_command}"
        elif self.found:
            yield "write a precision config for the next command with -o FILE.toml"

    def to_data(self) -> dict[str, Any]:
        """As plain data, with its schema; docs/precision/search.md describes the keys."""
        return {
            "schema": "trtkit.debug-precision",
            "schema_version": SCHEMA_VERSION,
            **vars(self),
            "precisions": list(self.precisions),
            "kept": [vars(node) for node in self.kept],
            "next_command": self.next_command,
        }

    def _verdict(self) -> str:
        words = " and ".join(self.precisions)
        if not self.found:
            return (
                f"no set of nodes was found within {self.max_evaluations} evaluations; allow more with "
                "--max-evaluations"
            )
        if not self.kept:
            return f"nothing has to stay in FP32: the outputs match with {count(self.candidates, 'node')} in {words}"
        of = f"{len(self.kept)} of {count(self.candidates, 'node')} that {words} would change"
        verb = "has" if len(self.kept) == 1 else "have"
        if self.minimal:
            return f"{of} {verb} to stay in FP32; without any one of them the outputs differ"
        return f"{of} suffice in FP32; the evaluations were used up before it was known whether fewer do"
