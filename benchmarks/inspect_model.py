"""What `trtkit inspect model` costs beside Polygraphy's and beside a script that only loads the structure.

    python benchmarks/inspect_model.py [--gigabytes 4] [--nodes 50000] [--rounds 5]

The first question is a model with so many gigabytes of weights in another file (a sparse one, which takes no space),
of which only the head is shown. The others are a model of so many nodes, a stack of transformer layers, of which
`--show layers` shows every node: once with types and shapes between its layers in the model, as exporters write them,
and once without. Then trtkit has ONNX infer them, and so does Polygraphy with `--shape-inference`; without that option
it shows none. With many nodes Polygraphy gets `--ignore-external-data`, which is to its advantage.

Whole processes in turn, page cache warm. Printed are medians over the rounds: of the time, of the most resident memory,
and of the ratio within each round. Run it on a quiet machine, without PYTHONDONTWRITEBYTECODE.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

SIDE = 2048
"""The big model's weights are squares of this side."""

WIDTH = 64
BARE = "import sys, onnx; onnx.load(sys.argv[1], load_external_data=False)"
TRTKIT = [sys.executable, "-m", "trtkit", "inspect", "model"]
POLYGRAPHY = [sys.executable, "-c", "from polygraphy.tools import main; main()", "inspect", "model"]


@dataclass
class Question:
    """Commands that answer the same question, the first one being trtkit's, and the goals for it.

    Attributes:
        title: what is asked.
        commands: by name.
        goals: at most so many times the time of another.
        memory: at most so many MB above another.
    """

    title: str
    commands: dict[str, list[str]]
    goals: dict[str, float]
    memory: dict[str, int]


def questions(folder: Path) -> list[Question]:
    """What is measured, of the models that `write` has put into the folder."""
    big = str(folder / "big.onnx")
    commands = {
        "trtkit": [*TRTKIT, big],
        "onnx.load": [sys.executable, "-c", BARE, big],
        "Polygraphy": [*POLYGRAPHY, big],
    }
    found = [Question("weights in another file, the head", commands, {"onnx.load": 1.1}, {"onnx.load": 40})]
    for name, title in (("stated", "many nodes, --show layers"), ("bare", "the same without types between layers")):
        line = [str(folder / f"{name}.onnx"), "--show", "layers"]
        plain = [*POLYGRAPHY, *line, "--ignore-external-data"]
        commands = {"trtkit": [*TRTKIT, *line], "Polygraphy": plain}
        if name == "bare":
            inferring = [*plain, "--shape-inference", "--no-onnxruntime-shape-inference"]
            commands = {"trtkit": commands["trtkit"], "Polygraphy": inferring, "Polygraphy without types": plain}
        found.append(Question(title, commands, {"Polygraphy": 1 / 3}, {}))
    return found


def measure(command: list[str]) -> tuple[float, float]:
    """Wall time in seconds and most resident memory in MB of a process.

    The kernel counts the memory of the process that starts it as well, so this one stays small and imports no onnx.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def answer(question: Question, rounds: int) -> list[str]:
    """Measure everybody in turn, and tell the medians and whether the goals are met."""
    times: dict[str, list[float]] = {name: [] for name in question.commands}
    peaks: dict[str, list[float]] = {name: [] for name in question.commands}
    for command in question.commands.values():
        measure(command)
    for _ in range(rounds):
        for name, command in question.commands.items():
            seconds, peak = measure(command)
            times[name].append(seconds)
            peaks[name].append(peak)
    lines = [question.title]
    for name, values in times.items():
        ratio = statistics.median(one / other for one, other in zip(times["trtkit"], values, strict=True))
        above = statistics.median(peaks["trtkit"]) - statistics.median(peaks[name])
        line = f"  {name:24}  {statistics.median(values):7.3f} s  {statistics.median(peaks[name]):6.0f} MB"
        if name != "trtkit":
            line += f"   trtkit: {ratio:.3f} times the time, {above:+.0f} MB"
        for goal, value in ((question.goals.get(name), ratio), (question.memory.get(name), above)):
            if goal is not None:
                line += f"  (at most {goal:.3g}: {'met' if value <= goal else 'MISSED'})"
        lines.append(line)
    return lines


def write(folder: Path, gigabytes: float, nodes: int) -> None:
    """Write the models."""
    big, size = stack(round(gigabytes * (1 << 30) / (SIDE * SIDE * 4)))
    (folder / "big.onnx").write_bytes(big.SerializeToString())
    with (folder / "big.bin").open("wb") as file:
        file.truncate(size)
    with (folder / "small.bin").open("wb") as file:
        file.truncate(WIDTH * WIDTH * 4)
    for name, stated in (("stated", True), ("bare", False)):
        (folder / f"{name}.onnx").write_bytes(transformer(nodes, stated).SerializeToString())


def outside(name: str, dims: list[int], file: str, offset: int) -> TensorProto:
    """A float32 weight in a file."""
    import math

    from onnx import TensorProto

    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", file), ("offset", offset), ("length", 4 * math.prod(dims))):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def stack(layers: int) -> tuple[ModelProto, int]:
    """So many products with a square matrix, and the bytes of all matrices."""
    from onnx import helper

    nodes, weights, step = [], [], SIDE * SIDE * 4
    for index in range(layers):
        weights.append(outside(f"w{index}", [SIDE, SIDE], "big.bin", index * step))
        nodes.append(helper.make_node("MatMul", [f"x{index}", f"w{index}"], [f"p{index}"], name=f"product{index}"))
        nodes.append(helper.make_node("Relu", [f"p{index}"], [f"x{index + 1}"], name=f"relu{index}"))
    ends = [helper.make_tensor_value_info(name, 1, ["N", SIDE]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, "big", ends[:1], ends[1:], weights)
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), layers * step


class _Builder:
    """Collects nodes, weights and what is stated of the tensors between nodes."""

    def __init__(self) -> None:
        from onnx import NodeProto, ValueInfoProto

        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.infos: list[ValueInfoProto] = []

    def node(self, op: str, inputs: list[str], shape: list[int | str], name: str, **attributes: object) -> str:
        """Add a node, and give the name of its output."""
        from onnx import helper

        output = f"{name}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        self.infos.append(helper.make_tensor_value_info(output, 1, shape))
        return output

    def weight(self, name: str, *dims: int) -> str:
        """Add a weight; all of them lie in the same place."""
        self.weights.append(outside(name, list(dims), "small.bin", 0))
        return name


def transformer(number: int, stated: bool) -> ModelProto:
    """A stack of layers as exporters write them, cut off after so many nodes."""
    import numpy as np
    from onnx import helper, numpy_helper

    made, tensor, index = _Builder(), "x", 0
    for name, values in (("split", [0, 0, 4, WIDTH // 4]), ("merge", [0, 0, WIDTH])):
        made.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
    while len(made.nodes) < number:
        tensor = attention(made, f"/model/layers.{index}", tensor)
        index += 1
    del made.nodes[number:]
    shape = ["batch", "seq", WIDTH]
    graph = helper.make_graph(
        made.nodes,
        "transformer",
        [helper.make_tensor_value_info("x", 1, shape)],
        [helper.make_tensor_value_info(made.nodes[-1].output[0], 1, None)],
        made.weights,
        value_info=made.infos[: number - 1] if stated else [],
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])


def attention(made: _Builder, path: str, tensor: str) -> str:
    """Normalisation, self-attention and a sum."""
    shape: list[int | str] = ["batch", "seq", WIDTH]
    heads: list[int | str] = ["batch", 4, "seq", WIDTH // 4]
    scores: list[int | str] = ["batch", 4, "seq", "seq"]
    norm = [tensor, made.weight(f"{path}.ln.weight", WIDTH), made.weight(f"{path}.ln.bias", WIDTH)]
    normal = made.node("LayerNormalization", norm, shape, f"{path}/ln", axis=-1)
    parts = []
    for word in "qkv":
        found = [normal, made.weight(f"{path}.{word}.weight", WIDTH, WIDTH)]
        found = [made.node("MatMul", found, shape, f"{path}/attn/{word}/MatMul")]
        found = [
            made.node("Add", [*found, made.weight(f"{path}.{word}.bias", WIDTH)], shape, f"{path}/attn/{word}/Add")
        ]
        found = [made.node("Reshape", [*found, "split"], heads, f"{path}/attn/{word}/Reshape")]
        order = [0, 2, 3, 1] if word == "k" else [0, 2, 1, 3]
        parts.append(made.node("Transpose", found, heads, f"{path}/attn/{word}/Transpose", perm=order))
    score = made.node("MatMul", parts[:2], scores, f"{path}/attn/MatMul")
    score = made.node("Softmax", [score], scores, f"{path}/attn/Softmax", axis=-1)
    value = made.node("MatMul", [score, parts[2]], heads, f"{path}/attn/MatMul_1")
    value = made.node("Transpose", [value], heads, f"{path}/attn/Transpose", perm=[0, 2, 1, 3])
    value = made.node("Reshape", [value, "merge"], shape, f"{path}/attn/Reshape")
    value = made.node("MatMul", [value, made.weight(f"{path}.o.weight", WIDTH, WIDTH)], shape, f"{path}/attn/o/MatMul")
    return made.node("Add", [tensor, value], shape, f"{path}/Add")


def main() -> None:
    """Print a few lines for each question."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=4, help="weights of the big model")
    parser.add_argument("--nodes", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is not None:
        write(Path(options.write), options.gigabytes, options.nodes)
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--write", folder], check=True)
        for question in questions(Path(folder)):
            print("\n".join(answer(question, options.rounds)))  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
