"""What a conversion came to, as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trtkit.precision_summary import PrecisionSummary
from trtkit.report.jsondata import tensor_data
from trtkit.report.latency_text import count, duration
from trtkit.report.wording import size_text
from trtkit.tensors import TensorSpec

__all__ = ["SCHEMA_VERSION", "ConvertReport"]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ConvertReport:
    """What was written.

    Attributes:
        model: the model or script, as given.
        output: the file written.
        kind: what it is.
        size: its bytes.
        seconds: what building the engine took, or saving the model.
        name: the name of the network or graph.
        inputs: its inputs, in order.
        outputs: its outputs, in order.
        external_data: for ONNX, where the weights are that are not in the file.
        opset: for ONNX, its operator sets.
        profiles: for an engine, how many optimisation profiles it has; 0 for fixed shapes.
        typing: for an engine, whether the network's data types were kept (strong), or the builder might choose (weak).
        package: for an engine, the package that built it.
        version: its version.
        precision: for an engine, what it computes in, as it was read back; for ONNX, what its nodes were rewritten to.
    """

    model: str
    output: str
    kind: Literal["engine", "onnx"]
    size: int
    seconds: float
    name: str
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    external_data: str | None = None
    opset: str | None = None
    profiles: int | None = None
    typing: str | None = None
    package: str | None = None
    version: str | None = None
    precision: PrecisionSummary | None = None

    def to_data(self) -> dict[str, Any]:
        """As plain dictionaries and lists, ready for `json.dumps`; what does not apply to the kind is None."""
        return {
            "schema": "trtkit.convert-report",
            "schema_version": SCHEMA_VERSION,
            **vars(self),
            "inputs": _tensors(self.inputs),
            "outputs": _tensors(self.outputs),
            "precision": None if self.precision is None else self.precision.to_data(),
        }

    def text(self) -> str:
        """A line for the file, two for what is in it, and one for each input and output."""
        what = "TensorRT engine, " if self.kind == "engine" else "ONNX model, "
        how = f"built in {duration(self.seconds)} from" if self.kind == "engine" else "saved from"
        lines = [f"{self.output}: {what}{size_text(self.size)}, {how} {self.model}"]
        if self.kind == "engine":
            facts = f"{self.package} {self.version}, {self.typing} typing, {count(self.profiles or 0, 'profile')}"
            lines.append(f"  network {self.name}, {facts}")
        else:
            weights = f", weights in {self.external_data}" if self.external_data else ""
            lines.append(f"  graph {self.name}, opset {self.opset}{weights}")
        lines += [f"  precision: {self.precision.text()}"] if self.precision is not None else []
        for noun, specs in (("input", self.inputs), ("output", self.outputs)):
            lines += [f"  {count(len(specs), noun)}", *(f"    {spec}" for spec in specs)]
        return "\n".join(lines)


def _tensors(specs: Iterable[TensorSpec]) -> list[dict[str, Any]]:
    return [tensor_data(spec) for spec in specs]
