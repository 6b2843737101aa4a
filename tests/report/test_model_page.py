"""What of a model goes into the data of its page."""

from __future__ import annotations

from trtkit.description import Layer, ModelDescription, Totals
from trtkit.report.model_page import model_page
from trtkit.tensors import TensorSpec

X = TensorSpec("x", "float32", (None, 3))
Y = TensorSpec("y", None, None)


def page(*layers: Layer, hide_helpers: bool = False) -> dict[str, object]:
    model = ModelDescription(
        kind="ONNX model",
        name="",
        facts={"opset": "17"},
        inputs=[X],
        outputs=[Y],
        layer_count=len(layers),
        layers=lambda: iter(layers),
        metadata={"author": "me"},
        totals=lambda: Totals({"Neg": 1}, 1, 9, 36),
    )
    return model_page(model, "m.onnx", hide_helpers)


def test_a_node() -> None:
    layer = Layer("0", "n", "Neg", [X, None], [Y], precision="float16", origin=["a"], attributes=lambda: {"k": 1})
    found = page(layer)
    assert found["nodes"] == [
        {
            "id": "0",
            "name": "n",
            "type": "Neg",
            "inputs": ["x", None],
            "outputs": ["y"],
            "attributes": {"k": 1},
            "precision": "float16",
            "tactic": None,
            "origin": ["a"],
            "parent": None,
            "status": None,
            "detail": None,
        }
    ]
    assert found["tensors"] == {"x": {"dtype": "float32", "shape": [None, 3]}, "y": {"dtype": None, "shape": None}}
    assert (found["title"], found["kind"], found["inputs"], found["outputs"]) == ("m.onnx", "ONNX model", ["x"], ["y"])
    assert found["facts"] == {
        "name": "(unnamed)",
        "opset": "17",
        "metadata: author": "me",
        "parameters": "9 in 1 tensor, 36 B",
    }


def test_metadata_and_remarks_take_no_other_facts_place() -> None:
    model = ModelDescription(
        kind="ONNX model",
        name="g",
        facts={"opset": "17"},
        inputs=[X],
        outputs=[],
        layer_count=0,
        layers=lambda: iter(()),
        metadata={"name": "mine", "opset": "none"},
        remarks={"x": ["on the host", "formats LINEAR"]},
    )
    assert model_page(model, "m.onnx")["facts"] == {
        "name": "g",
        "opset": "17",
        "metadata: name": "mine",
        "metadata: opset": "none",
        "remarks on x": "on the host, formats LINEAR",
    }


def test_tensors_of_one_name_in_several_graphs() -> None:
    wide, other = TensorSpec("x", "float16", (1,)), TensorSpec("x", None, None)
    found = page(
        Layer("0", "", "If", [X], [Y]),
        Layer("0/then_branch/0", "", "T", [wide], []),
        Layer("F/0", "", "T", [other], []),
    )
    tensors = found["tensors"]
    assert isinstance(tensors, dict)
    assert tensors["x"] == {"dtype": "float32", "shape": [None, 3]}
    assert found["inner_tensors"] == {
        "0/then_branch": {"x": {"dtype": "float16", "shape": [1]}},
        "F": {"x": {"dtype": None, "shape": None}},
    }


def test_parents() -> None:
    names = ["0", "0/body/0", "0/body/0/then/1", "local.F/0", "local.F/0/then/0"]
    nodes = page(*(Layer(name, "", "T", (), ()) for name in names))["nodes"]
    assert isinstance(nodes, list)
    assert {node["id"]: node.get("parent") for node in nodes} == {
        "0": None,
        "0/body/0": "0",
        "0/body/0/then/1": "0/body/0",
        "local.F/0": "local.F",
        "local.F/0/then/0": "local.F/0",
        "local.F": None,
    }


def test_helpers() -> None:
    helper = Layer("0", "", "T", (), (), helper=True)
    nodes = page(helper)["nodes"]
    assert isinstance(nodes, list)
    assert nodes[0]["attributes"] == {"helper of the parser": True}
    assert page(helper, hide_helpers=True)["nodes"] == []
