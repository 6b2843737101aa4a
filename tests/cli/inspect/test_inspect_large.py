"""Large models with their weights inside: shown as if all of the file were read, which it is not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx import model as loaded
from trtkit.backends.onnx.wire import prefix

Command = Callable[..., Any]

SIDE = 1100
"""A square of float32 of this side is larger than files are that are read as a whole."""


def large() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    square = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    square[:, ::2] = 0
    constant = numpy_helper.from_array(rng.normal(0, 1, (SIDE, 9)).astype(np.float32), "values")
    halves = numpy_helper.from_array(rng.normal(0, 1, (9, SIDE)).astype(np.float16), "halves")
    arm = helper.make_graph([zoo.node("Constant", [], ["k"], value=halves)], "arm", [], [zoo.tensor("k", None)])
    nodes = [
        zoo.node("MatMul", ["x", "w"], ["m"], name="first"),
        zoo.node("Constant", [], ["c"], value=constant),
        zoo.node("MatMul", ["m", "c"], ["y"], name="second"),
        zoo.node("If", ["flag"], ["z"], then_branch=arm, else_branch=arm),
    ]
    inputs = [zoo.tensor("x", ["N", SIDE]), zoo.tensor("flag", [], TensorProto.BOOL)]
    outputs = [zoo.tensor("y", ["N", 9]), zoo.tensor("z", [9, SIDE], TensorProto.FLOAT16)]
    small = numpy_helper.from_array(np.arange(3), "small")
    return zoo.model(nodes, inputs, outputs, [numpy_helper.from_array(square, "w"), small])


@pytest.fixture
def path(in_tmp: Path) -> Path:
    zoo.save(large(), in_tmp / "m.onnx")
    return Path("m.onnx")


LINES = {
    "head": ["model", "m.onnx"],
    "everything": ["model", "m.onnx", "--show", "layers", "attrs", "weights", "--show-values"],
    "json": ["model", "m.onnx", "--show", "layers", "attrs", "weights", "--show-values", "--json"],
    "inferred": ["model", "m.onnx", "--show", "layers", "--shape-inference"],
    "data-dependent": ["model", "m.onnx", "--list-unbounded-dds"],
    "link": ["model", "link.onnx", "--show", "weights"],
    "sparsity": ["sparsity", "m.onnx"],
    "diff": ["diff", "m.onnx", "other.onnx"],
}


def _rounded(text: str) -> str:
    """Twelve digits of every number: pieces of other sizes add up to a mean with another last digit."""
    return re.sub(r"\d+\.\d{12,}", lambda found: f"{float(found[0]):.12g}", text)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_same_as_read_whole(
    line: list[str], path: Path, trtkit_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = large()
    other.graph.node[1].attribute[0].t.CopyFrom(numpy_helper.from_array(np.ones((SIDE, 9), np.float32), "values"))
    zoo.save(other, Path("other.onnx"))
    Path("elsewhere").mkdir()
    Path("elsewhere", "real.onnx").write_bytes(path.read_bytes())
    Path("link.onnx").symlink_to(Path("elsewhere", "real.onnx"))
    apart = trtkit_command("inspect", *line)
    monkeypatch.setattr(loaded, "_WHOLE", 1 << 40)
    whole = trtkit_command("inspect", *line)
    assert (apart.code, _rounded(apart.out), apart.err) == (whole.code, _rounded(whole.out), whole.err)
    assert apart.code == (1 if "diff" in line else 0)
    assert "external data" not in apart.out


def test_weights_of_the_wrong_size(in_tmp: Path, trtkit_command: Command) -> None:
    """Whether they fit their type and shape is seen where they are read."""
    model = large()
    model.graph.initializer[0].dims[0] += 1
    zoo.save(model, Path("m.onnx"))
    assert trtkit_command("inspect", "model", "m.onnx").code == 0
    result = trtkit_command("inspect", "model", "m.onnx", "--show", "weights")
    assert result.code == 3
    assert "tensor 'w' is broken" in result.err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell peak memory there")
def test_memory_does_not_grow_with_weights(in_tmp: Path) -> None:
    """400 MiB of weights, a hole in the file."""
    size = 400 << 20
    head = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size // 4]).SerializeToString() + prefix(9, size)
    rest = zoo.linear().graph.SerializeToString()
    with Path("m.onnx").open("wb") as file:
        file.write(prefix(7, len(rest) + len(prefix(5, len(head) + size)) + len(head) + size) + rest)
        file.write(prefix(5, len(head) + size) + head)
        file.truncate(file.tell() + size)
    script = (
        "from trtkit.cli.main import main; main(['inspect', 'model', 'm.onnx']);"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "parameters: 104857609 in 2 tensors, 400 MiB" in done.stdout
    assert int(done.stdout.splitlines()[-1]) < 40 << 10  # KiB
