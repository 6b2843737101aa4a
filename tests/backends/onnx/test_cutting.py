"""The bytes of a model without its large weights: whatever the file, the answer is that of reading all of it."""

from __future__ import annotations

import io
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.cutting import UncutError, cut
from trtkit.backends.onnx.external import external_tensors, load_tensor, location_of, place
from trtkit.backends.onnx.reading import read_structure
from trtkit.backends.onnx.walk import tensors_of
from trtkit.backends.onnx.wire import prefix
from trtkit.errors import ModelError

COUNT = 300
LARGE = 4 * COUNT


def weight(name: str = "") -> TensorProto:
    values = np.random.default_rng(len(name)).normal(0, 1, COUNT).astype(np.float32)
    return numpy_helper.from_array(values, name)


def sparse(name: str) -> onnx.SparseTensorProto:
    indices = numpy_helper.from_array(np.arange(COUNT), f"{name}_places")
    return helper.make_sparse_tensor(weight(name), indices, [2 * COUNT])


def everywhere() -> onnx.ModelProto:
    """A model with large weights wherever ONNX has a place for them."""
    constant = zoo.node("Constant", [], ["c"], value=weight())
    arm = helper.make_graph([constant], "arm", [], [zoo.tensor("c", [COUNT])], [weight("inner")])
    nodes = [
        zoo.node("If", ["flag"], ["y"], then_branch=arm, else_branch=arm),
        zoo.node("Constant", [], ["d"], sparse_value=sparse("d")),
        zoo.node("Odd", [], ["o"], domain="local", several=[weight("a"), weight("b")], graphs=[arm]),
    ]
    function = helper.make_function("local", "Twice", ["v"], ["c"], [constant], [helper.make_opsetid("", 17)])
    function.attribute_proto.append(helper.make_attribute("default", weight("default")))
    made = zoo.model(nodes, [zoo.tensor("flag", [], TensorProto.BOOL)], [zoo.tensor("y", [COUNT])], [weight("w")])
    made.functions.append(function)
    made.graph.sparse_initializer.append(sparse("s"))
    made.training_info.add().algorithm.CopyFrom(arm)
    made.metadata_props.add(key="made", value="here")
    return made


def loaded(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model with the weights that were left in its file."""
    training: list[Any] = [SimpleNamespace(graph=each.algorithm, functions=[]) for each in model.training_info]
    training += [SimpleNamespace(graph=each.initialization, functions=[]) for each in model.training_info]
    for whole in (model, *training):
        for tensor in external_tensors(whole):
            if location_of(tensor) == path.name:
                load_tensor(tensor, path.parent)
    return model


def read(path: Path) -> onnx.ModelProto | str:
    """The model with its weights, read apart, or why it cannot be."""
    try:
        model = read_apart(path, everywhere=True, large=100)
    except ModelError as error:
        return str(error)
    return loaded(model, path)


def read_whole(path: Path) -> onnx.ModelProto | str:
    """The model, read as a whole, or why it cannot be."""
    try:
        return read_structure(path)
    except ModelError as error:
        return str(error)


def test_cut_wherever_weights_can_be(tmp_path: Path) -> None:
    path = zoo.save(everywhere(), tmp_path / "m.onnx")
    model = read_apart(path, everywhere=True, large=LARGE)
    assert not any(len(tensor.raw_data) >= LARGE for tensor in tensors_of(model))
    training = model.training_info[0].algorithm
    assert not training.initializer[0].raw_data
    assert len(external_tensors(model)) == sum(len(tensor.raw_data) >= LARGE for tensor in tensors_of(everywhere()))
    place(model, [tmp_path])  # every extent lies in the file, and has the size of its type and shape
    assert loaded(model, path) == everywhere()


def test_smaller_weights_stay(tmp_path: Path) -> None:
    path = zoo.save(everywhere(), tmp_path / "m.onnx")
    assert read_apart(path, everywhere=True, large=2 * LARGE + 1) == everywhere()


def test_main_graph_alone(tmp_path: Path) -> None:
    model = read_apart(zoo.save(everywhere(), tmp_path / "m.onnx"), large=LARGE)
    assert [tensor.name for tensor in external_tensors(model)] == ["w"]


class Counted(io.FileIO):
    """A file that counts the bytes read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size) or b""
        self.count += len(data)
        return data


def test_weights_are_not_read(tmp_path: Path) -> None:
    path, size, number = tmp_path / "m.onnx", 256 << 20, 6
    with path.open("wb") as file:
        raw = prefix(9, size)
        head = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size // 4]).SerializeToString()
        one = prefix(5, len(head) + len(raw) + size) + head + raw
        file.write(prefix(7, number * (len(one) + size)))
        for _ in range(number):
            file.write(one)
            file.seek(size, io.SEEK_CUR)  # a hole
        file.truncate(file.tell())
    with Counted(path) as counted:
        data = cut(counted, "m.onnx")
    assert len(data) < 1000
    assert counted.count < 1 << 18
    assert len(onnx.ModelProto.FromString(data).graph.initializer) == number


def test_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with path.open("wb") as file:
        file.truncate((1 << 31) + 5)
    with pytest.raises(ModelError, match=r"2147483653 bytes.*at most 2147483647"):
        read_apart(path)


GRAPH: bytes = helper.make_graph([], "g", [], [], [weight("w")]).SerializeToString()


def nested(depth: int) -> bytes:
    """Graphs in attributes of nodes in graphs, with a large weight in the innermost."""
    data = GRAPH
    for _ in range(depth):
        for number in (6, 5, 1):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            data = prefix(number, len(data)) + data
    return prefix(7, len(data)) + data


def doubled(number: int, message: bytes) -> bytes:
    """A model with a Constant whose attribute holds a message twice."""
    value = b"\x0a\x05value" + 2 * (prefix(number, len(message)) + message)
    node = b"\x22\x08Constant" + prefix(5, len(value)) + value
    graph = prefix(1, len(node)) + node
    return prefix(7, len(graph)) + graph


WHOLE = everywhere().SerializeToString()
TENSOR = weight("w").SerializeToString()

UNUSUAL = {
    "empty": b"",
    "no-graph": onnx.ModelProto(ir_version=9).SerializeToString(),
    "empty-graph": b"\x3a\x00",
    "length-past-the-end": prefix(7, len(GRAPH) + 1) + GRAPH,
    "length-of-gigabytes": prefix(7, 1 << 40) + GRAPH,
    "length-in-too-many-bytes": b"\x3a" + bytes([len(GRAPH) & 0x7F | 0x80, len(GRAPH) >> 7 | 0x80, 0x80, 0]) + GRAPH,
    "number-without-end": b"\x08" + b"\xff" * 30 + prefix(7, len(GRAPH)) + GRAPH,
    "length-without-end": b"\x3a" + b"\xff" * 30,
    "graph-as-number": b"\x38\x05",
    "graph-twice": 2 * (prefix(7, len(GRAPH)) + GRAPH),
    "field-zero": b"\x00\x00" + prefix(7, len(GRAPH)) + GRAPH,
    "unknown-field": prefix(99, 3) + b"abc" + prefix(7, len(GRAPH)) + GRAPH,
    "group": b"\x0b" + b"\x08\x01" + b"\x0c" + prefix(7, len(GRAPH)) + GRAPH,
    "group-without-end": prefix(7, len(GRAPH)) + GRAPH + b"\x0b",
    "kind-6": b"\x3e" + GRAPH,
    "nested-10": nested(10),
    "nested-25": nested(25),
    "nested-40": nested(40),
    "nested-2000": nested(2000),
    "tensor-twice": doubled(5, TENSOR),
    "sparse-twice": doubled(22, sparse("s").SerializeToString()),
    "values-twice": doubled(5, TENSOR + prefix(9, 1200) + b"x" * 1200),
    "raw-and-typed": doubled(5, TENSOR + prefix(4, 1200) + b"x" * 1200),
    "raw-and-external": doubled(5, TENSOR + b"\x70\x01"),
    "raw-as-number": doubled(5, TENSOR + b"\x48\x01"),
    "text": b"not a model" * 1000,
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_files(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    assert read(path) == read_whole(path)


def test_damaged_anywhere(tmp_path: Path) -> None:
    chance, path = random.Random(0), tmp_path / "m.onnx"
    accepted = 0
    for turn in range(800):
        data = bytearray(WHOLE)
        if turn % 4:
            for _ in range(chance.randint(1, 3)):
                data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        else:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        whole = read_whole(path)
        accepted += isinstance(whole, onnx.ModelProto)
        apart = read(path)
        if isinstance(whole, str) or isinstance(apart, str):
            assert apart == whole
        else:
            assert apart.SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)
    assert 100 < accepted < 700


def test_cut_refuses_what_is_unusual(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(UNUSUAL["group"])
    with path.open("rb", buffering=0) as file, pytest.raises(UncutError):
        cut(file, "m.onnx")
