"""`trtkit inspect diff` of ONNX models and TensorRT networks: text, JSON, page, exit codes and every mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import TensorProto, helper, numpy_helper

from trtkit.cuda.device import gpu_count

Command = Callable[..., Any]
DOCUMENT = Path(__file__).parents[3] / "docs" / "inspect" / "diff.md"


@pytest.fixture(autouse=True)
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    return in_tmp


def save(name: str, proto: onnx.ModelProto) -> str:
    return str(zoo.save(proto, Path(name)))


def edited_chain() -> onnx.ModelProto:
    """`chain` with another opset, an Abs between its first nodes, a further output, and a wider input."""
    proto = zoo.chain()
    proto.opset_import[0].version = 18
    proto.graph.node.insert(1, zoo.node("Abs", ["a"], ["a2"], name="magnitude"))
    proto.graph.node[2].input[0] = "a2"
    proto.graph.output.append(zoo.tensor("b", ["N", 3]))
    proto.graph.input[0].CopyFrom(zoo.tensor("x", ["N", 3], TensorProto.FLOAT16))
    proto.metadata_props.add(key="author", value="me")
    return proto


def test_text(trtkit_command: Command) -> None:
    save("a.onnx", zoo.chain())
    save("b.onnx", edited_chain())
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--no-weights")
    assert (result.code, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[:9] == [
        "a: a.onnx: ONNX model g, 3 layers",
        "b: b.onnx: ONNX model g, 4 layers",
        "~ fact  opset: ai.onnx 17 -> ai.onnx 18",
        "+ fact  metadata author: (none) -> me",
        "~ input  x:[N,3]:float32 -> x:[N,3]:float16",
        "+ output  b:[N,3]:float32",
        "+ operator  Abs  0 -> 1",
        lines[7],
        lines[8],
    ]
    assert any(line.startswith("+ layer  1  magnitude  Abs  a:") for line in lines)
    assert "~ layer  2  n  Neg  input 0: a -> a2" in lines
    assert lines[-1].startswith("differ: facts +1 ~1, inputs ~1, outputs +1, operators +1, layers +1 ")
    assert lines[-1].endswith("; weights not compared by value, as --no-weights asks")
    back = trtkit_command("inspect", "diff", "b.onnx", "a.onnx")
    assert any(line.startswith("- layer  1  magnitude  Abs  a:") for line in back.out.splitlines())


@pytest.mark.parametrize("name", sorted(set(zoo.MODELS) - {"newer_ir", "newer_opset", "unknown_operator"}))
def test_a_model_equals_its_copy(trtkit_command: Command, name: str) -> None:
    zoo.write(name, Path())
    Path("copy.onnx").write_bytes(Path(f"{name}.onnx").read_bytes())
    result = trtkit_command("inspect", "diff", f"{name}.onnx", "copy.onnx")
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) == 3
    assert result.out.splitlines()[-1].startswith("equal: ")


def linear(values: Any) -> onnx.ModelProto:
    proto = zoo.linear()
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.asarray(values, np.float32), "w"))
    return proto


def test_weights(trtkit_command: Command) -> None:
    save("a.onnx", zoo.linear())
    changed = zoo.SQUARE.copy()
    changed[1, 1] += 0.5
    save("b.onnx", linear(changed))
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx")
    assert result.code == 1
    assert result.out.splitlines()[2:] == [
        "~ weight  w:[3,3]:float32  1 of 9 values differ, max abs 0.5, mean abs 0.0555556  (layer 0 m)",
        "differ: weights ~1; 1 weight compared by value",
    ]
    assert trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--no-weights").code == 0


def test_external_weights(trtkit_command: Command) -> None:
    """Where values lie is no difference; without --no-weights they must be there."""
    Path("outside").mkdir()
    zoo.write_external(Path("outside"))
    proto = zoo.linear()
    proto.graph.node[0].name = ""
    save("inside.onnx", proto)
    line = ("inspect", "diff", "inside.onnx", "outside/external.onnx")
    result = trtkit_command(*line)
    assert (result.code, result.out.splitlines()[-1]) == (0, "equal: 1 layer; 1 weight compared by value")
    Path("outside/w.bin").unlink()
    assert trtkit_command(*line).code == 3
    assert trtkit_command(*line, "--no-weights").code == 0


def branch(then_gives: str, value: float) -> onnx.ModelProto:
    """An If whose first branch has two nodes and hands one of them on, and whose second one hands on a constant."""
    constant = numpy_helper.from_array(np.full((1, 3), value, np.float32), "c")
    nodes = [zoo.node("Neg", ["x"], ["p"]), zoo.node("Exp", ["x"], ["q"])]
    then = helper.make_graph(nodes, "then", [], [zoo.tensor(then_gives, ["N", 3])])
    other = helper.make_graph([], "other", [], [zoo.tensor("c", [1, 3])], [constant])
    node = zoo.node("If", ["flag"], ["y"], name="choice", then_branch=then, else_branch=other)
    return zoo.model([node], [zoo.tensor("flag", [], TensorProto.BOOL), zoo.X], [zoo.tensor("y", None)])


def function(body: list[onnx.NodeProto], inputs: list[str], slope: float) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 17)]
    default = [helper.make_attribute("slope", slope)]
    made = helper.make_function("local", "F", inputs, ["w"], body, opsets, [], default)
    return zoo.model(
        [zoo.node("F", ["x", "x"], ["y"], domain="local")], [zoo.X], [zoo.Y], domains=["local"], functions=[made]
    )


SUB = [zoo.node("Sub", ["u", "v"], ["w"])]


def constant(place: int) -> onnx.ModelProto:
    values = numpy_helper.from_array(np.array([1.0], np.float32), "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([place], np.int64), "at"), [3])
    proto = zoo.model([zoo.node("Add", ["x", "w"], ["y"])], [zoo.X], [zoo.Y])
    proto.graph.sparse_initializer.append(sparse)
    return proto


def words(word: str) -> onnx.ModelProto:
    kind = TensorProto.STRING
    weight = numpy_helper.from_array(np.array([word] * 20, object), "w")
    return zoo.model([zoo.node("Identity", ["w"], ["y"])], [], [zoo.tensor("y", [20], kind)], [weight])


def given_constant(value: float) -> onnx.ModelProto:
    """A constant that is an output, and that no node reads."""
    weight = numpy_helper.from_array(np.array([value], np.float32), "c")
    return zoo.model([zoo.node("Neg", ["x"], ["y"])], [zoo.X], [zoo.Y, zoo.tensor("c", [1])], [weight])


HIDDEN: dict[str, tuple[onnx.ModelProto, onnx.ModelProto, str]] = {
    "what a subgraph gives": (branch("p", 1), branch("q", 1), "~ layer  0/then_branch/(outputs)  "),
    "a constant that a subgraph gives": (branch("p", 1), branch("p", 2), "~ weight  c:[1,3]:float32  3 of 3 values"),
    "order of a function's inputs": (
        function(SUB, ["u", "v"], 1),
        function(SUB, ["v", "u"], 1),
        "~ layer  local.F/0  (unnamed)  Sub  input 0: u of layer",
    ),
    "default of a function's attribute": (
        function(SUB, ["u", "v"], 1),
        function(SUB, ["u", "v"], 2),
        "~ layer  local.F/(inputs)  (unnamed)  (inputs)  attribute slope: 1 -> 2",
    ),
    "places of sparse values": (constant(0), constant(2), "~ weight  w:[3]:float32  another text, or other places"),
    "text": (words("a"), words("b"), "~ weight  w:[20]:string  another text"),
    "a constant that is an output": (given_constant(1), given_constant(2), "~ weight  c:[1]:float32  1 of 1 value"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_the_lines_of_layers_do_not_say(trtkit_command: Command, name: str) -> None:
    a, b, line = HIDDEN[name]
    paths = save("a.onnx", a), save("b.onnx", b)
    assert trtkit_command("inspect", "diff", paths[0], paths[0]).code == 0
    result = trtkit_command("inspect", "diff", *paths)
    assert (result.code, result.err) == (1, "")
    assert any(each.startswith(line) for each in result.out.splitlines()), result.out


def test_attributes(trtkit_command: Command) -> None:
    def odd(**attributes: Any) -> onnx.ModelProto:
        return zoo.model(
            [zoo.node("Odd", ["x"], ["y"], name="o", domain="mine", **attributes)], [zoo.X], [zoo.Y], domains=["mine"]
        )

    many = list(range(40))
    save("a.onnx", odd(axis=1, many=many, text="one\ntwo", gone=1, nan=float("nan")))
    save("b.onnx", odd(axis=2, many=[*many[:30], 7, *many[31:]], text="one", new=[0.5], nan=float("nan")))
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx")
    head = "~ layer  0  o  mine.Odd  attribute "
    assert sorted(result.out.splitlines()[2:-1]) == sorted(
        [
            head + "axis: 1 -> 2",
            head + "gone: 1 -> (none)",
            head + "many: 1 of 40 differ: [30] 30 -> 7",
            head + "new: (none) -> [0.5]",
            head + "text: one\\ntwo -> one",
        ]
    )


def test_names_alone(trtkit_command: Command) -> None:
    save("a.onnx", zoo.chain())
    proto = zoo.chain()
    proto.graph.node[1].name = "negative"
    save("b.onnx", proto)
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx")
    assert (result.code, result.out.splitlines()[2]) == (1, "~ layer  1  negative  Neg  name: n -> negative")
    assert trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--ignore-names").code == 0


def keys_of(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from keys_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from keys_of(value)


def test_json(trtkit_command: Command) -> None:
    save("a.onnx", linear(zoo.SQUARE))
    proto = linear(zoo.SQUARE + np.float32(np.nan))
    proto.graph.node.append(zoo.node("Relu", ["y"], ["z"], name="r"))
    proto.graph.node[0].name = "other"
    save("b.onnx", proto)
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--json")
    assert (result.code, result.err) == (1, "")
    data = json.loads(result.out)
    assert (data["schema"], data["schema_version"], data["equal"]) == ("trtkit.inspect-diff", 1, False)
    assert data["operators"] == [{"type": "Relu", "a": 0, "b": 1}]
    changed, added = data["layers"]
    assert (changed["status"], changed["a"]["name"], changed["b"]["name"]) == ("changed", "m", "other")
    assert (added["status"], added["a"], added["b"]["outputs"][0]["name"]) == ("added", None, "z")
    (weight,) = data["weights"]
    assert (weight["differing"], weight["unmatched"]) == (9, 9)
    assert data["summary"]["layers"] == {"same": 0, "added": 1, "removed": 0, "changed": 1}
    assert trtkit_command("inspect", "diff", "a.onnx", "a.onnx", "--json").code == 0


def test_every_key_is_documented(trtkit_command: Command) -> None:
    said = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    save("a.onnx", zoo.chain())
    save("b.onnx", edited_chain())
    save("c.onnx", linear(zoo.SQUARE))
    save("d.onnx", linear(-zoo.SQUARE))
    for pair in (("a.onnx", "b.onnx"), ("c.onnx", "d.onnx")):
        assert set(keys_of(json.loads(trtkit_command("inspect", "diff", *pair, "--json").out))) <= said


def page_data(path: Path) -> Any:
    found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_html(trtkit_command: Command) -> None:
    save("a.onnx", zoo.chain())
    save("b.onnx", edited_chain())
    assert trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--html", "d.html").code == 1
    nodes = {node["name"]: node for node in page_data(Path("d.html"))["nodes"]}
    assert nodes["magnitude"]["status"] == "added"
    assert (nodes["n"]["status"], nodes["n"]["detail"].splitlines()[0]) == ("changed", "input 0: a -> a2")
    assert trtkit_command("inspect", "diff", "b.onnx", "a.onnx", "--html", "d.html").code == 1
    nodes = {node["name"]: node for node in page_data(Path("d.html"))["nodes"]}
    assert (nodes["magnitude"]["status"], nodes["magnitude"]["id"]) == ("removed", "removed-1")


def test_html_of_subgraphs(trtkit_command: Command) -> None:
    proto = zoo.branch()
    proto.graph.node[0].attribute[0].g.node[0].op_type = "Exp"
    proto.graph.node.insert(0, zoo.node("Neg", ["x"], ["unused"]))
    proto.graph.node[1].attribute[1].g.node.append(zoo.node("Neg", ["x"], ["unread"]))
    save("a.onnx", proto)
    save("b.onnx", zoo.branch())
    assert trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--html", "d.html").code == 1
    nodes = {node["id"]: node for node in page_data(Path("d.html"))["nodes"]}
    name = proto.graph.node[1].attribute[1].name
    assert nodes["removed-0"]["status"] == "removed"
    assert nodes[f"0/{name}/removed-1"]["parent"] == "0"


def test_html_that_cannot_be_written(trtkit_command: Command) -> None:
    save("a.onnx", zoo.chain())
    result = trtkit_command("inspect", "diff", "a.onnx", "a.onnx", "--html", "none/d.html")
    assert (result.code, result.out) == (3, "")


NETWORK = """\
import numpy as np


def load_network(network, trt):
    x = network.add_input("x", trt.float32, (1, 3, 8, 8))
    layer = network.add_convolution_nd(x, 4, (3, 3), np.arange(108, dtype=np.float32), np.zeros(4, np.float32))
    layer.name, layer.stride_nd = "conv", (STRIDE, 2)
    soft = network.add_softmax(layer.get_output(0))
    soft.name = "soft"
    soft.get_output(0).name = "y"
    network.mark_output(soft.get_output(0))
"""


@needs_rtx
def test_networks(trtkit_command: Command) -> None:
    Path("a.py").write_text(NETWORK.replace("STRIDE", "2"))
    Path("b.py").write_text(NETWORK.replace("STRIDE", "1").replace("np.zeros", "np.ones"))
    result = trtkit_command("inspect", "diff", "a.py", "b.py")
    assert (result.code, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[:3] == [
        "a: a.py: TensorRT network (unnamed), 2 layers",
        "b: b.py: TensorRT network (unnamed), 2 layers",
        "~ output  y:[1,4,3,3]:float32 -> y:[1,4,6,3]:float32",
    ]
    assert "~ layer  0  conv  CONVOLUTION  attribute stride_nd: [2, 2] -> [1, 2]" in lines
    assert "~ weight  bias:[4]:float32  4 of 4 values differ, max abs 1, mean abs 1  (layer 0 conv)" in lines
    assert not any("kernel" in line for line in lines)
    Path("c.py").write_text(Path("a.py").read_text())
    assert trtkit_command("inspect", "diff", "a.py", "c.py").code == 0


@needs_rtx
def test_networks_of_onnx_models(trtkit_command: Command) -> None:
    save("a.onnx", zoo.linear())
    save("b.onnx", linear(zoo.SQUARE + np.float32(1)))
    result = trtkit_command("inspect", "diff", "a.onnx", "b.onnx", "--display-as", "trt")
    assert (result.code, result.err) == (1, "")
    assert any(
        line.startswith("~ weight  ") and "9 of 9 values differ, max abs 1" in line for line in result.out.splitlines()
    )
    assert trtkit_command("inspect", "diff", "a.onnx", "a.onnx", "--display-as", "trt").code == 0


def plan() -> bytes:
    """The beginning of an engine, which says itself that nothing follows."""
    return b"ftrt" + bytes(12) + (28).to_bytes(8, "little") + bytes((8, 6, 0, 12))


MISTAKES: list[tuple[str, int, str]] = [
    ("", 2, "two models are needed"),
    ("a.onnx", 2, "two models are needed"),
    ("a.onnx none.onnx", 3, "there is no model file 'none.onnx'"),
    (
        "a.onnx e.engine",
        2,
        "models of different kinds cannot be compared: 'a.onnx' is an ONNX model, 'e.engine' is an engine",
    ),
    ("a.onnx n.py", 2, "add --display-as trt"),
    ("e.engine n.py --display-as trt", 2, "--display-as is for ONNX models"),
    ("a.onnx a.onnx --display-as onnx", 2, "--display-as"),
    ("a.onnx a.onnx --plugins p.so", 2, "--plugins has no effect on ONNX models without --display-as trt"),
    ("a.onnx a.onnx --load-runtime r.so", 2, "--load-runtime is for engines"),
    ("n.py n.py --external-data-dir .", 2, "--external-data-dir is for ONNX models"),
    ("a.onnx a.onnx --no-weights --external-data-dir .", 2, "--external-data-dir has no effect with --no-weights"),
    ("e.engine e.engine --trt-outputs y", 2, "--trt-outputs is for networks"),
    ("a.onnx broken.onnx", 3, "'broken.onnx' is not an ONNX model"),
    ("a.onnx a.onnx a.onnx", 2, "unexpected argument 'a.onnx'"),
]


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES, ids=[line or "nothing" for line, _, _ in MISTAKES])
def test_mistakes(trtkit_command: Command, line: str, code: int, message: str) -> None:
    save("a.onnx", zoo.chain())
    Path("broken.onnx").write_bytes(b"none")
    Path("n.py").write_text(NETWORK)
    Path("e.engine").write_bytes(plan())
    result = trtkit_command("inspect", "diff", *line.split())
    assert (result.code, result.out) == (code, "")
    assert message in result.error


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
def test_engines_need_a_gpu(trtkit_command: Command) -> None:
    Path("e.engine").write_bytes(plan())
    result = trtkit_command("inspect", "diff", "e.engine", "e.engine")
    assert (result.code, result.out) == (4, "")
    assert "needs an NVIDIA GPU" in result.error
