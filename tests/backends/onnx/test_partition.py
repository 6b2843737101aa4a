"""Groups of supported and unsupported nodes, and parts of a model as models of their own."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.extract import Extractor
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.partition import Dependencies
from trtkit.errors import ModelError

N, T = zoo.node, zoo.tensor


def graph(text: str) -> onnx.GraphProto:
    """`a b>c, ...`: a node for each entry, reading a and b and writing c; K has a Constant of that name."""
    nodes = []
    for entry in text.split(","):
        reads, _, writes = entry.strip().partition(">")
        nodes.append(N("Relu" if reads else "Constant", reads.split(), writes.split()))
    return helper.make_graph(nodes, "g", [], [])


@pytest.mark.parametrize(
    ("text", "unsupported", "groups"),
    [
        ("x>a, a>b, b>c", "", "+012"),
        ("x>a, a>b, b>c", "0 1 2", "-012"),
        ("x>a, a>b, b>c", "1", "+0 -1 +2"),
        ("x>a, x>b, a>c, b c>d", "1", "-1 +023"),
        ("x>a, x>b, a>c, c>d, b d>e", "1 3", "+02 -13 +4"),
        ("x>a, a>b, x>c, c b>d, d>e", "1", "+02 -1 +34"),
        ("x>a, a>b, b>c, a>d, d>e, c e>f", "1 4", "+03 -14 +25"),
        ("c>d, b>c, x>b", "1", "+2 -1 +0"),
        (">k, x>a, a>b, b k>c", "2", "+1 -2 +03"),
        (">k, x>a, a>b, b k>c", "2 0", "+1 -02 +3"),
        (">k, x>a", "", "+01"),
        (">k, k>a, a k>b, b k>c", "2", "+01 -2 +3"),
        ("x>a, x>b", "0", "-0 +1"),
        (">k, >l", "", "+01"),
        (">k, k>a", "1", "-01"),
    ],
)
def test_groups(text: str, unsupported: str, groups: str) -> None:
    found = Dependencies(graph(text)).groups({int(word) for word in unsupported.split()})
    said = ["+-"[not group.supported] + "".join(map(str, sorted(group.nodes))) for group in found]
    assert sorted(said) == sorted(groups.split())
    made: set[str] = set()
    nodes = graph(text).node
    produced = {name for node in nodes for name in node.output}
    for group in found:
        for index in group.nodes:
            assert {name for name in nodes[index].input if name in produced} <= made, "a group needs a later one"
            made.update(nodes[index].output)


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_random_graphs_run_in_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["x", *string.ascii_lowercase[:20]]
    nodes = [N("Relu", list({str(n) for n in rng.choice(names[: i + 1], 2)}), [names[i + 1]]) for i in range(20)]
    order = rng.permutation(20)
    whole = helper.make_graph([nodes[i] for i in order], "g", [], [])
    unsupported = {int(index) for index in rng.choice(20, 5, replace=False)}
    groups = Dependencies(whole).groups(unsupported)
    made = {"x"}
    for group in groups:
        for index in group.nodes:
            assert (index in unsupported) is not group.supported
            assert set(whole.node[index].input) <= made
            made.update(whole.node[index].output)
    assert made == set(names)


def test_a_circle() -> None:
    with pytest.raises(ModelError, match="in a circle, such as 'Relu'"):
        Dependencies(graph("x>a, c>b, b>c"))


def extractor(proto: onnx.ModelProto, folder: Path) -> Extractor:
    return Extractor(open_onnx(zoo.save(proto, folder / "m.onnx")))


def described(infos: list[onnx.ValueInfoProto]) -> list[str]:
    return [info.name for info in infos]


def test_a_part_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    whole = zoo.model(
        [
            N("Constant", [], ["k"], value=numpy_helper.from_array(np.float32(2))),
            N("MatMul", ["x", "w"], ["a"]),
            N("Mul", ["a", "k"], ["b"]),
            N("Add", ["b", "v"], ["c"]),
            N("Twice", ["c"], ["y"], domain="local"),
        ],
        [zoo.X],
        [zoo.Y],
        [numpy_helper.from_array(zoo.SQUARE, "w"), numpy_helper.from_array(zoo.SQUARE[0], "v")],
        domains=["local"],
        functions=[
            helper.make_function(
                "local", name, ["v"], ["w"], [N("Add", ["v", "v"], ["w"])], [helper.make_opsetid("", 17)]
            )
            for name in ("Twice", "Unused")
        ],
    )
    cut = extractor(whole, tmp_path)
    first, second = cut.extract([1], {2}, "first"), cut.extract([3, 4], {2}, "second")
    middle = cut.extract([2], {2}, "middle")
    for part in (first, second, middle):
        onnx.checker.check_model(part, full_check=True)
    assert [each.name for each in first.graph.initializer] == ["w"]
    assert [each.name for each in second.graph.initializer] == ["v"]
    assert [each.name for each in second.functions] == ["Twice"]
    assert not first.functions
    assert [node.op_type for node in middle.graph.node] == ["Constant", "Mul"]
    assert described(middle.graph.input) == ["a"]
    assert described(middle.graph.output) == ["b"]
    inputs, outputs = cut.boundary([2], {2})
    assert list(map(str, inputs)) == ["a:[N,3]:float32"]
    assert list(map(str, outputs)) == ["b:[N,3]:float32"]


def test_what_a_branch_takes_from_outside_is_an_input(tmp_path: Path) -> None:
    proto = zoo.branch()
    proto.graph.node.insert(0, N("Relu", ["x"], ["x0"]))
    for attribute in proto.graph.node[1].attribute:
        for node in attribute.g.node:
            node.input[:] = ["x0"] * len(node.input)
    cut = extractor(proto, tmp_path)
    part = cut.extract([1], (), "part")
    onnx.checker.check_model(part, full_check=True)
    assert described(part.graph.input) == ["flag", "x0"]
    assert described(cut.extract([0], (), "part").graph.output) == ["x0"]


def test_an_input_with_a_default_keeps_it(tmp_path: Path) -> None:
    part = extractor(zoo.default_input(), tmp_path).extract([0], (), "part")
    onnx.checker.check_model(part, full_check=True)
    assert described(part.graph.input) == ["x", "bias"]
    assert [each.name for each in part.graph.initializer] == ["bias"]


def test_a_part_that_nothing_reads_has_outputs_all_the_same(tmp_path: Path) -> None:
    proto = zoo.chain()
    proto.graph.node.append(N("Sqrt", ["x"], ["unused"]))
    assert described(extractor(proto, tmp_path).extract([3], (), "part").graph.output) == ["unused"]


def test_weights_of_old_models_are_no_inputs(tmp_path: Path) -> None:
    proto = zoo.linear()
    proto.ir_version = 3
    proto.opset_import[0].version = 8
    proto.graph.input.append(T("w", [3, 3]))
    part = extractor(proto, tmp_path).extract([0], (), "part")
    onnx.checker.check_model(part, full_check=True)
    assert described(part.graph.input) == ["x"]


@pytest.mark.parametrize(
    ("nodes", "name", "dtype"),
    [
        ([N("MatMul", ["q", "w"], ["y"])], "q", "float32"),
        ([N("Neg", ["q"], ["r"]), N("Exp", ["r"], ["y"])], "q", "float32"),
        ([N("Cast", ["x"], ["i"], to=TensorProto.INT64), N("Gather", ["q", "i"], ["y"])], "q", "float32"),
        ([N("Reshape", ["x", "q"], ["y"])], "q", "int64"),
        ([N("Where", ["q", "x", "x"], ["y"])], "q", "bool"),
        ([N("Concat", ["x", "q"], ["y"], axis=0)], "q", "float32"),
        ([N("Cast", ["q"], ["y"], to=TensorProto.FLOAT)], "q", None),
        ([N("Odd", ["q"], ["y"], domain="elsewhere")], "q", None),
    ],
    ids=lambda each: each[-1].op_type if isinstance(each, list) else None,
)
def test_types_behind_an_unknown_operator(
    nodes: list[onnx.NodeProto], name: str, dtype: str | None, tmp_path: Path
) -> None:
    weights = [numpy_helper.from_array(zoo.SQUARE, "w")]
    unknown = N("Fancy", ["x"], ["q"], domain="elsewhere")
    proto = zoo.model([unknown, *nodes], [zoo.X], [T("y", None)], weights, domains=["elsewhere"])
    assert extractor(proto, tmp_path).spec(name).dtype == dtype


def test_external_weights_stay_external_and_are_the_parts_own(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path, "w.bin")
    proto = onnx.load(path, load_external_data=False)
    proto.graph.node[0].output[0] = "a"
    proto.graph.node.append(N("Relu", ["a"], ["y"]))
    cut = extractor(proto, tmp_path)
    target = tmp_path / "parts"
    target.mkdir()
    cut.save([0], (), target / "0.onnx")
    cut.save([1], (), target / "1.onnx")
    (tmp_path / "w.bin").unlink()
    assert {each.name for each in target.iterdir()} == {"0.onnx", "1.onnx"}  # 36 bytes are no large weight
    onnx.checker.check_model(str(target / "0.onnx"), full_check=True)
    assert numpy_helper.to_array(onnx.load(target / "0.onnx").graph.initializer[0]).tolist() == zoo.SQUARE.tolist()
