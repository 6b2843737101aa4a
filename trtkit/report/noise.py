"""What a calibration of tolerances found, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.noise.plan import MARGIN
from trtkit.report.latency_text import count

if TYPE_CHECKING:
    from trtkit.noise.floor import OutputFloor

__all__ = ["NoiseReport"]

_SHOWN = 1


@dataclass(frozen=True)
class NoiseReport:
    """The noise floor of one runner.

    Attributes:
        reference: its name.
        feeds: how many feeds it was measured on.
        variants: what it was compared with, beside the twin.
        twin: the backend that ran the float64 twin; None where nothing could, with the reason in `why_no_twin`.
        outputs: what is known of each output.
        path: the file that was written; `replaced` where one was there before.
        notes: what was decided in the user's place.
    """

    reference: str
    feeds: int
    variants: Sequence[str]
    twin: str | None
    why_no_twin: str
    outputs: Sequence[OutputFloor]
    path: str
    replaced: bool
    notes: Sequence[str] = ()

    def evidence_lines(self) -> list[str]:
        """What the floor rests on."""
        lines = [f"{count(self.feeds, 'feed')}; variants: {', '.join(self.variants) or 'none'}"]
        lines.append(f"float64 twin: run by {self.twin}" if self.twin else f"no float64 twin: {self.why_no_twin}")
        return lines

    def text(self) -> str:
        """A line per output, then the file."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"noise floor of {self.reference}"
        yield from (f"  {line}" for line in self.evidence_lines())
        yield ""
        rows = [("output", "type", "floor", "atol", "rtol", "reached by")]
        for output in self.outputs:
            tolerance = output.tolerance()
            numbers = (f"{output.largest:.3g}", f"{tolerance.atol:g}", f"{tolerance.rtol:g}")
            rows.append((output.name, output.dtype, *numbers, _reached(output)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for output in self.outputs:
            yield from (f"{output.name}: {line}" for line in output.remarks())
        yield ""
        written = "replaced" if self.replaced else "written"
        yield f"{self.path}: tolerances of {count(len(self.outputs), 'output')} {written}, {MARGIN:g} times the floor"


def _reached(output: OutputFloor) -> str:
    """The pairs that reach the floor."""
    if not output.largest:
        return "no difference"
    names = [name for name, value in output.reached.items() if value == output.largest]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "; ".join(names[:_SHOWN]) + more
