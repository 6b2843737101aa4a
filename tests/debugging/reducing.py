"""What the tests of `trtkit debug reduce` share: a model, a check, and a call of the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it ships no types
import zoo
from onnx import numpy_helper

__all__ = ["Command", "answers", "branches", "check", "names", "place", "reduced"]

Command = Callable[..., Any]
N, T = zoo.node, zoo.tensor

HAS = """\
import sys
text = open(sys.argv[1], "rb").read()
sys.exit(all(word.encode() in text for word in sys.argv[2:]))
"""
"""A check that fails on a model that has all these operators."""


def branches(width: int = 8) -> onnx.ModelProto:
    """Two branches between a Relu and an Add, a dead node, an unnamed MatMul."""
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((width, width), np.float32), "w")
    nodes = [
        N("Relu", ["x"], ["a"], name="r"),
        N("MatMul", ["a", "w"], ["b"]),
        N("Erf", ["b"], ["c"], name="bad"),
        N("Neg", ["a"], ["d"], name="n"),
        N("Cos", ["d"], ["dead"], name="dead_end"),
        N("Tanh", ["d"], ["e"], name="t"),
        N("Add", ["c", "e"], ["f"], name="sum"),
        N("Exp", ["f"], ["g"], name="x1"),
        N("Sqrt", ["g"], ["y"], name="x2"),
    ]
    return zoo.model(nodes, [T("x", ["N", width])], [T("y", ["N", width])], [weight])


def place(folder: Path) -> Path:
    """Put the model and the check into a folder."""
    zoo.save(branches(), folder / "m.onnx")
    (folder / "has.py").write_text(HAS)
    return folder


def check(*operators: str) -> list[str]:
    return ["--check", sys.executable, "has.py", "{model}", *operators]


def reduced(command: Command, *argv: str) -> dict[str, Any]:
    result = command("debug", "reduce", "m.onnx", "-o", "r.onnx", "--json", "-q", *argv)
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert isinstance(data, dict)
    return data


def names(data: dict[str, Any], key: str) -> list[str]:
    return [each["name"] for each in data[key]]


def answers(path: str, feed: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, feed), strict=True))
