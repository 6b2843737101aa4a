"""`trtkit inspect diff` of big models that were edited in many places: time, and what it takes for added and removed.

    python benchmarks/inspect_diff.py [--nodes N]

Each model is made of transformer-like blocks; the other one has a Tanh after every 50th node. Names of nodes and
tensors are given, or counted anew behind each Tanh, or those of nodes are missing. Nothing but the Tanh should be found
added. At the end two random graphs with nothing in common are compared, which is as slow as it gets.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onnx import NodeProto, TensorProto, helper, numpy_helper

from trtkit.description import Layer, ModelDescription
from trtkit.modeldiff import diff_models
from trtkit.tensors import TensorSpec

BLOCK = [
    ("q", "MatMul", "x w0"),
    ("k", "MatMul", "x w1"),
    ("v", "MatMul", "x w2"),
    ("s", "Mul", "q k"),
    ("p", "Softmax", "s"),
    ("o", "Mul", "p v"),
    ("d", "MatMul", "o w3"),
    ("r", "Add", "x d"),
    ("a", "Relu", "r"),
    ("f", "MatMul", "a w4"),
    ("y", "Add", "r f"),
]
"""What each node of a block is called, its operator, and what it reads; `x` is the block before, `w0` a weight."""


def nodes_of(number: int, names: str, edit: bool) -> list[NodeProto]:
    """The nodes of a model; `names` is `given`, `counted` or `none`."""
    found: list[NodeProto] = []
    last = "x"
    original = 0

    def add(kind: str, inputs: list[str], word: str) -> str:
        output = word if names == "given" else f"t{len(found)}"
        name = {"given": f"{word}.node", "counted": f"{kind}_{len(found)}", "none": ""}[names]
        found.append(helper.make_node(kind, inputs, [output], name=name))
        return output

    for block in range(number // len(BLOCK)):
        known = {"x": last}
        for word, kind, inputs in BLOCK:
            full = f"layers.{block}.{word}"
            known[word] = add(kind, [known.get(each, each) for each in inputs.split()], full)
            if edit and original % 50 == 7:
                known[word] = add("Tanh", [known[word]], f"{full}.tanh")
            original += 1
        last = known["y"]
    return [*found, helper.make_node("Identity", [last], ["y"], name="out")]


def save(path: Path, nodes: list[NodeProto]) -> None:
    """Write a model of these nodes."""
    import numpy as np

    weights = [numpy_helper.from_array(np.full((3, 3), index, np.float32), f"w{index}") for index in range(5)]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("x", "y"))
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())


def random_model(seed: int, number: int) -> ModelDescription:
    """Layers of 30 types that read any of the five before them."""
    rnd = random.Random(seed)
    specs = [TensorSpec("x", None, None), *(TensorSpec(f"t{index}", None, None) for index in range(number))]
    layers = [
        Layer(str(i), "", f"T{rnd.randrange(30)}", [rnd.choice(specs[max(0, i - 4) : i + 1])], [specs[i + 1]])
        for i in range(number)
    ]
    return ModelDescription("random", "", {}, specs[:1], specs[-1:], number, lambda: iter(layers))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=50_000, help="nodes of each model")
    number = parser.parse_args().nodes
    with tempfile.TemporaryDirectory() as folder:
        a, b = (Path(folder) / name for name in ("a.onnx", "b.onnx"))
        for names in ("given", "counted", "none"):
            save(a, nodes_of(number, names, edit=False))
            edited = nodes_of(number, names, edit=True)
            save(b, edited)
            line = [sys.executable, "-m", "trtkit", "inspect", "diff", str(a), str(b), "--ignore-names"]
            start = time.perf_counter()
            subprocess.run(line, stdout=subprocess.DEVNULL, check=False)
            seconds = time.perf_counter() - start
            shown = subprocess.run([*line, "--json"], capture_output=True, check=False)
            found = json.loads(shown.stdout)["summary"]["layers"]
            true = sum(node.op_type == "Tanh" for node in edited)
            counts = f"added {found['added']} (true {true}), removed {found['removed']}"
            print(f"names {names:8} {counts}  {seconds:.2f} s")  # noqa: T201 - a script's answer
    models = random_model(1, number), random_model(2, number)
    start = time.perf_counter()
    diff_models(*models)
    print(f"nothing in common  {time.perf_counter() - start:.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
