"""What happened in a run, as data. Every form of output is rendered from this alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trtkit.precision_summary import PrecisionSummary
from trtkit.timing import GpuState, Latency, LayerTime, Timings

if TYPE_CHECKING:
    from trtkit.comparator.outcome import PairOutcome

__all__ = ["SCHEMA_VERSION", "Latency", "Report", "RunnerReport", "Timings", "Verdict"]

SCHEMA_VERSION = 1

Verdict = Literal["PASS", "FAIL", "RAN"]


@dataclass(frozen=True)
class RunnerReport:
    """One result of the run.

    Attributes:
        name: the runner's name; for saved outputs, file and runner name.
        backend: the backend, or `replay` for saved outputs.
        iterations: how many iterations it answered.
        latency: wall time per inference, host array in to host array out, warm-up not counted; None for saved outputs.
        gpu_latency: time on the GPU per inference, copies not counted; None where the runner does not measure it.
        measured: what the latency counts: the iterations, or as many inferences on the first feed as took
            `--duration`, without the iterations.
        layers: where the runner was asked to profile, in the order of execution; measured apart from the latency.
        gpu: the GPU just after the timed inferences; None where the runner uses none.
        precision: what the runner's engine computes in, read back after it was built, or what its model was rewritten
            to; None where neither was.
    """

    name: str
    backend: str
    iterations: int
    latency: Latency | None = None
    gpu_latency: Latency | None = None
    measured: Literal["iterations", "duration"] = "iterations"
    layers: Sequence[LayerTime] = ()
    gpu: GpuState | None = None
    precision: PrecisionSummary | None = None

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary; times in seconds, clocks in MHz."""
        return {
            "name": self.name,
            "backend": self.backend,
            "iterations": self.iterations,
            "measured": None if self.latency is None else self.measured,
            "latency": None if self.latency is None else self.latency.to_data(),
            "gpu_latency": None if self.gpu_latency is None else self.gpu_latency.to_data(),
            "layers": [layer.to_data() for layer in self.layers],
            "gpu": None if self.gpu is None else self.gpu.to_data(),
            "precision": None if self.precision is None else self.precision.to_data(),
        }


@dataclass(frozen=True)
class Report:
    """What happened.

    Attributes:
        model: the model's path as given; None where only saved outputs were compared.
        iterations: how many feeds were used.
        runners: every result in order; the last one is the expected one.
        pairs: every comparison made.
        problems: what makes the run fail beside the pairs, such as a missing iteration or a NaN under `--validate`.
        notes: what was decided in the user's place.
        saved: what was written, by option.
        judged: something was compared or validated; without that, a verdict of PASS would be hollow.
    """

    model: str | None
    iterations: int
    runners: Sequence[RunnerReport]
    pairs: Sequence[PairOutcome] = ()
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()
    saved: Mapping[str, str] = field(default_factory=dict)
    judged: bool = False

    @property
    def verdict(self) -> Verdict:
        """PASS only when something was judged and everything that was asked for holds; RAN when nothing was judged."""
        if self.problems or not all(pair.passed for pair in self.pairs):
            return "FAIL"
        return "PASS" if self.judged else "RAN"

    @property
    def passed(self) -> bool:
        """Whether the verdict is PASS."""
        return self.verdict == "PASS"

    def __bool__(self) -> bool:
        """Whether the verdict is PASS."""
        return self.passed

    @property
    def exit_code(self) -> int:
        """The exit code of `trtkit run`: 0, or 1 where something differs."""
        return 1 if self.verdict == "FAIL" else 0

    def to_data(self) -> dict[str, Any]:
        """The report as plain dictionaries and lists, ready for `json.dumps`; NaN and infinities are strings."""
        from trtkit.report.environment import environment

        return {
            "schema": "trtkit.run-report",
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "verdict_text": self.verdict_text(),
            "exit_code": self.exit_code,
            "model": self.model,
            "iterations": self.iterations,
            "runners": [runner.to_data() for runner in self.runners],
            "pairs": [pair.to_data() for pair in self.pairs],
            "problems": list(self.problems),
            "notes": list(self.notes),
            "saved": dict(self.saved),
            "environment": environment(),
        }

    def verdict_text(self) -> str:
        """The verdict in words, as the last line of the text form has it."""
        from trtkit.report.text import verdict_line

        return verdict_line(self)

    def text(self, detail: bool = False) -> str:
        """The report as text, one line per compared output; with `detail`, statistics and histograms of errors."""
        from trtkit.report.text import render

        return render(self, detail)
