"""What was decided about the precision of each node of a model: asked for, decided, and kept in a file.

The file is TOML, so that a decision can be reviewed and repeated:

    schema = "trtkit.precision-config"
    schema_version = 1
    precisions = ["fp16"]
    model = "model.onnx"

    [nodes]
    "/encoder/MatMul" = "fp16"
    "/encoder/Softmax" = "fp32" # range-sensitive operator

    [ranges]
    "x" = 2.64

A node is called by its name, or by its first output where it has none or shares it. `ranges` holds the largest
magnitude of each activation that is quantised, so that quantising needs no data the next time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from trtkit.errors import FileError, UsageError
from trtkit.toml_text import number, printable, quoted, read_toml

__all__ = [
    "EIGHT_BITS",
    "FP32",
    "METHODS",
    "PRECISIONS",
    "SIXTEEN_BITS",
    "TOOLS",
    "Decision",
    "Method",
    "Precision",
    "PrecisionConfig",
    "PrecisionRequest",
    "Tool",
    "read_precision_config",
    "write_precision_config",
]

Precision = Literal["fp16", "bf16", "int8", "fp8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
SIXTEEN_BITS: tuple[Precision, ...] = ("fp16", "bf16")
EIGHT_BITS: tuple[Precision, ...] = ("int8", "fp8")
FP32 = "fp32"

Tool = Literal["trtkit", "modelopt"]
TOOLS: tuple[Tool, ...] = get_args(Tool)

Method = Literal["minmax", "entropy", "percentile"]
METHODS: tuple[Method, ...] = get_args(Method)

_SCHEMA = "trtkit.precision-config"
_VERSION = 1


@dataclass(frozen=True)
class Decision:
    """In which precision a node computes.

    Attributes:
        precision: `fp32`, or one of those asked for.
        reason: why, in a few words; empty where the node follows what was asked.
    """

    precision: str
    reason: str = ""


@dataclass(frozen=True)
class PrecisionConfig:
    """What was decided for a model.

    Attributes:
        precisions: those asked for.
        nodes: the decision for each node, in the model's order; a node that is missing is decided anew.
        ranges: the largest magnitude of each quantised activation.
        model: the file that it was decided for; for people.
        idle: nodes that no output of the model needs, so that it says nothing that they compute in some precision;
            known where the model is, not kept in files.
    """

    precisions: tuple[str, ...]
    nodes: Mapping[str, Decision] = field(default_factory=dict)
    ranges: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    idle: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def kept(self) -> tuple[str, ...]:
        """The nodes that stay in FP32."""
        return tuple(name for name, decision in self.nodes.items() if decision.precision == FP32)


@dataclass(frozen=True)
class PrecisionRequest:
    """What a model shall be rewritten to.

    Attributes:
        precisions: at most one of 16 bits and one of 8 bits.
        keep_fp32: nodes that stay in FP32: names, globs such as `/head/*`, or operator types.
        config: decisions of an earlier command. They come before trtkit's own rules, and after `keep_fp32`.
        tool: who rewrites.
        method: how the range of an activation is told from data, for 8 bits.
        percentile: for the method of that name: which share of the magnitudes, in percent, lies in the range.

    Raises:
        UsageError: precisions that exclude each other, or none.
    """

    precisions: tuple[Precision, ...]
    keep_fp32: tuple[str, ...] = ()
    config: PrecisionConfig | None = None
    tool: Tool = "trtkit"
    method: Method = "minmax"
    percentile: float = 99.99

    def __post_init__(self) -> None:
        if not self.precisions:
            raise UsageError("no precision was asked for; one of --fp16, --bf16, --int8 and --fp8 is")
        for pair in (SIXTEEN_BITS, EIGHT_BITS):
            if set(pair) <= set(self.precisions):
                raise UsageError(
                    f"--{pair[0]} and --{pair[1]}: a model is rewritten to one of them; ask for one at a time"
                )


def read_precision_config(path: str | Path) -> PrecisionConfig:
    """Read a file of decisions.

    Raises:
        FileError: it cannot be read, or is none; the message says where.
    """
    data, _ = read_toml(path, "precision config")
    wrong = _wrong(data)
    if wrong:
        raise FileError(f"the precision config {str(path)!r}: {wrong}")
    nodes = {name: Decision(precision) for name, precision in data["nodes"].items()}
    ranges = {name: float(value) for name, value in data.get("ranges", {}).items()}
    return PrecisionConfig(tuple(data["precisions"]), nodes, ranges, str(data.get("model", "")))


def write_precision_config(config: PrecisionConfig, path: str | Path) -> None:
    """Write decisions, the reasons as comments; the file appears when it is complete.

    Raises:
        FileError: it cannot be written.
    """
    from trtkit.atomic import replacing

    kept = len(config.kept)
    lines = [
        f"# {kept} of {len(config.nodes)} nodes stay in FP32. Give this file to --precision-config.",
        f"schema = {quoted(_SCHEMA)}",
        f"schema_version = {_VERSION}",
        f"precisions = [{', '.join(map(quoted, config.precisions))}]",
        f"model = {quoted(config.model)}",
        "",
        "[nodes]",
    ]
    for name, decision in config.nodes.items():
        reason = f" # {printable(decision.reason)}" if decision.reason else ""
        # What the model has in a precision that was not asked for is worth a look, but nobody's decision.
        start = "" if decision.precision in (FP32, *config.precisions) else "# "
        lines.append(f"{start}{quoted(name)} = {quoted(decision.precision)}{reason}")
    if config.ranges:
        lines += ["", "# the largest magnitude of each quantised activation", "[ranges]"]
        lines += [f"{quoted(name)} = {number(value)}" for name, value in config.ranges.items()]
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _wrong(data: Mapping[str, Any]) -> str:
    """What is wrong with the content of a file; empty where nothing is."""
    if data.get("schema") != _SCHEMA:
        return f"expected schema = {_SCHEMA!r}; --save-precision-config writes such files"
    if data.get("schema_version") != _VERSION:
        return f"schema_version is {data.get('schema_version')!r}, and this trtkit reads {_VERSION}"
    precisions = data.get("precisions")
    if not isinstance(precisions, list) or not precisions or not all(each in PRECISIONS for each in precisions):
        return f"precisions is {precisions!r}; expected a list of {', '.join(PRECISIONS)}"
    nodes, ranges = data.get("nodes"), data.get("ranges", {})
    if not isinstance(nodes, dict) or not isinstance(ranges, dict):
        return "expected the tables [nodes] and, for 8 bits, [ranges]"
    allowed = (FP32, *precisions)
    for name, value in nodes.items():
        if value not in allowed:
            return f"node {name!r} is {value!r}; expected one of {', '.join(allowed)}"
    for name, value in ranges.items():
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not real or not math.isfinite(value) or value < 0:
            return f"the range of {name!r} is {value!r}; expected a finite number of at least 0"
    return ""
