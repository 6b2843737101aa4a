"""Which weights follow the 2:4 pattern, as text and as data; one weight at a time is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trtkit.errors import WorkError
from trtkit.report.description import plain_text
from trtkit.report.text import count

if TYPE_CHECKING:
    from trtkit.backends.onnx.sparsity import Candidate

__all__ = ["SparsityReport"]


class SparsityReport:
    """What was found; weights are read while `rows` is gone through.

    Attributes:
        problems: a line for each weight that could not be read.
    """

    def __init__(self, model: str, found: Iterable[Candidate]) -> None:
        self.problems: list[str] = []
        self._model = model
        self._found = list(found)

    def rows(self) -> Iterator[dict[str, Any]]:
        """For each weight what docs/inspect/sparsity.md describes."""
        for candidate in self._found:
            yield self._row(candidate)

    def lines(self) -> Iterator[str]:
        """The text, line by line, as weights are read."""
        yield f"{self._model}: {count(len(self._found), 'weight')} of Conv, Gemm and MatMul"
        rows = []
        for row in self.rows():
            yield f"  {_line(row)}"
            rows.append(row)
        yield _verdict(rows)

    def to_data(self) -> dict[str, Any]:
        """All of it as plain data."""
        rows = list(self.rows())
        return {"model": self._model, "weights": rows, "summary": _summary(rows)}

    def _row(self, candidate: Candidate) -> dict[str, Any]:
        from trtkit.backends.onnx.sparsity import share

        spec = candidate.weight.spec
        row: dict[str, Any] = {
            "name": spec.name,
            "dtype": spec.dtype,
            "shape": list(spec.shape or ()),
            "size": candidate.weight.size,
            "nodes": candidate.nodes,
            "axis": candidate.axis,
            "sparse": None,
            "groups": None,
            "fitting": None,
            "unknown": None,
        }
        if candidate.axis is None or candidate.weight.values is None:
            row["unknown"] = "its type or rank is none that the operator takes"
        elif candidate.asymmetric:
            row["unknown"] = "it is quantised with a zero point that is not 0"
        else:
            try:
                found = share(candidate.weight.values(), candidate.axis)
            except WorkError as error:
                self.problems.append(str(error))
                row["unknown"] = str(error)
            else:
                row.update(sparse=found.sparse, groups=found.groups, fitting=found.fitting)
        return row


def _line(row: dict[str, Any]) -> str:
    """`sparse  w  float32[64,64,3,3]  axis 1  100.0% of 9216 groups fit  Conv conv1`."""
    word = {True: "sparse ", False: "dense  ", None: "unknown"}[row["sparse"]]
    shape = ",".join(map(str, row["shape"]))
    nodes = plain_text(", ".join(row["nodes"]))
    head = f"{word}  {plain_text(row['name']) or '(unnamed)'}  {row['dtype']}[{shape}]"
    if row["sparse"] is None:
        return f"{head}  {nodes}  ({row['unknown']})"
    return (
        f"{head}  axis {row['axis']}  {_percent(row['fitting'], row['groups'])} of {row['groups']} groups fit  {nodes}"
    )


def _percent(part: int, whole: int) -> str:
    """A share that is 100% of nothing but the whole, and 0% of nothing else than none."""
    if part in (0, whole):
        return "100%" if part else "0%"
    return f"{min(max(part / whole, 0.0001), 0.9999):.2%}"


def _summary(rows: list[dict[str, Any]]) -> dict[str, int]:
    sparse = [row for row in rows if row["sparse"]]
    return {
        "weights": len(rows),
        "sparse": len(sparse),
        "unknown": sum(row["sparse"] is None for row in rows),
        "values": sum(row["size"] for row in rows),
        "sparse_values": sum(row["size"] for row in sparse),
    }


def _verdict(rows: list[dict[str, Any]]) -> str:
    figures = _summary(rows)
    if not rows:
        return "no weights to look at"
    values = _percent(figures["sparse_values"], figures["values"])
    unknown = f", {figures['unknown']} unknown" if figures["unknown"] else ""
    noun = count(figures["weights"], "weight")
    verb = "follows" if figures["sparse"] == 1 else "follow"
    return f"{figures['sparse']} of {noun} {verb} the 2:4 pattern ({values} of {figures['values']} values){unknown}"
