"""The models of the cases: IR version 9, opset 17, seeds fixed; big weights are zeros but for one number, and
holes in sparse files.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["layers", "residual", "squares", "tensors", "wide"]

SIDE = 2048
"""Big weights are squares of this side, 16 MiB."""


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any]) -> onnx.ModelProto:
    """A model of these parts."""
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])


def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    """A float32 tensor's name and shape."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(proto: onnx.ModelProto, path: str) -> None:
    """Write a model."""
    Path(path).write_bytes(proto.SerializeToString())


def layers(path: str, number: str) -> None:
    """A chain of so many small nodes, with names and types stated between them."""
    count = int(number)
    ops = [("Mul", ["scale"]), ("Relu", []), ("Add", ["shift"]), ("Tanh", [])]
    nodes = []
    for index in range(count):
        op, more = ops[index % len(ops)]
        nodes.append(helper.make_node(op, [f"t{index}", *more], [f"t{index + 1}"], name=f"/block.{index // 4}/{op}"))
    rng = np.random.default_rng(7)
    weights = [numpy_helper.from_array(rng.random(64, np.float32), name) for name in ("scale", "shift")]
    made = model(nodes, [value("t0", 1, 64)], [value(f"t{count}", 1, 64)], weights)
    made.graph.value_info.extend(value(f"t{index}", 1, 64) for index in range(1, count))
    save(made, path)


def wide(path: str, elements: str) -> None:
    """x -> 2 x + x: an output of so many elements."""
    nodes = [helper.make_node("Add", ["x", "x"], ["t"]), helper.make_node("Add", ["t", "x"], ["y"])]
    save(model(nodes, [value("x", int(elements))], [value("y", int(elements))], []), path)


def tensors(path: str, number: str, elements: str) -> None:
    """A chain of so many tensors of so many elements."""
    size, count = int(elements), int(number)
    ops = ["Add" if index % 2 else "Abs" for index in range(count)]
    nodes = [
        helper.make_node(op, [f"t{index}"] * (2 if op == "Add" else 1), [f"t{index + 1}"], name=f"n{index}")
        for index, op in enumerate(ops)
    ]
    save(model(nodes, [value("t0", size)], [value(f"t{count}", size)], []), path)


def squares(path: str, megabytes: str, where: str) -> None:
    """A chain of products with square matrices, so many MiB in all, `embedded` or `external`."""
    side = SIDE if float(megabytes) >= 64 else 256
    step = side * side * 4
    count = max(1, round(float(megabytes) * (1 << 20) / step))
    nodes, weights = [], []
    for index in range(count):
        nodes.append(helper.make_node("MatMul", [f"t{index}", f"w{index}"], [f"t{index + 1}"], name=f"product{index}"))
        tensor = TensorProto(name=f"w{index}", data_type=TensorProto.FLOAT, dims=[side, side])
        if where == "external":
            tensor.data_location = TensorProto.EXTERNAL
            for key, entry in (("location", "weights.bin"), ("offset", index * step), ("length", step)):
                tensor.external_data.add(key=key, value=str(entry))
        else:
            tensor.raw_data = first(index) + bytes(step - 4)
        weights.append(tensor)
    save(model(nodes, [value("t0", 1, side)], [value(f"t{count}", 1, side)], weights), path)
    if where == "external":
        with Path(path).with_name("weights.bin").open("wb") as file:
            for index in range(count):
                file.seek(index * step)
                file.write(first(index))
            file.truncate(count * step)


def first(index: int) -> bytes:
    """The first number of a weight, different in each: ONNX Runtime keeps equal ones once."""
    return struct.pack("<f", (index + 1) / 4096)


def residual(path: str) -> None:
    """ResNet-18 of `examples/resnet`."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "resnet"))
    import make_model  # type: ignore[import-not-found,unused-ignore]

    make_model.write(Path(path))
