"""Each rule of the casting as a row: a small model, what was decided for its nodes, and what its tensors became."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.precision import SENSITIVE, kept_nodes, node_keys, rewrite
from trtkit.backends.onnx.precision.rules import BOUNDED, CARRIERS, MOVERS, STAY_INPUTS, WIDE
from trtkit.backends.onnx.walk import nodes_of
from trtkit.errors import ModelError, UsageError
from trtkit.precision_config import Decision, Precision, PrecisionConfig, PrecisionRequest

node = zoo.node
F16, BF16, F32 = TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.FLOAT
X, Y = zoo.tensor("x", ["N", 4]), zoo.tensor("y", ["R", "C"])


def weight(name: str, *values: float, shape: Sequence[int] = ()) -> TensorProto:
    return numpy_helper.from_array(np.array(values, np.float32).reshape(shape), name)


def square(name: str, value: float = 0.5) -> TensorProto:
    return weight(name, *[value] * 16, shape=(4, 4))


def ints(name: str, *values: int) -> TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


@dataclass(frozen=True)
class Case:
    """A model from `x` [N, 4] to `y`, and what is expected of it.

    Attributes:
        nodes: its nodes; those that matter are named.
        weights: its weights.
        kept: the nodes that stay in FP32, with their reasons.
        casts: source and target of every cast of the result.
        types: types of weights of the result.
        opset: of the model.
        precision: asked for.
    """

    nodes: Sequence[onnx.NodeProto]
    weights: Sequence[TensorProto] = ()
    kept: dict[str, str] = field(default_factory=dict)
    casts: set[tuple[str, str]] | None = None
    types: dict[str, int] = field(default_factory=dict)
    opset: int = 17
    precision: Precision = "fp16"
    keep: tuple[str, ...] = ()
    domains: Sequence[str] = ()
    output: onnx.ValueInfoProto = field(default_factory=lambda: Y)


BETWEEN = "between nodes in FP32"
SUM = "sums many values"
RANGE = "range-sensitive operator"

CASES = {
    "one-cast-for-all-readers": Case(
        [
            node("MatMul", ["x", "w"], ["a"], name="m"),
            node("MatMul", ["x", "w"], ["b"], name="n"),
            node("Add", ["a", "b"], ["y"], name="s"),
        ],
        [square("w")],
        casts={("x", "x_float16"), ("y_float16", "y")},
        types={"w": F16},
    ),
    "a-weight-for-both-is-cast": Case(
        [
            node("MatMul", ["x", "w"], ["a"], name="m"),
            node("MatMul", ["a", "w"], ["y"], name="n"),
        ],
        [square("w")],
        kept={"n": "--keep-fp32 n"},
        casts={("x", "x_float16"), ("w", "w_float16"), ("a", "a_float32")},
        types={"w": F32},
        keep=("n",),
    ),
    "a-weight-beyond-float16": Case(
        [node("Mul", ["x", "w"], ["a"], name="m"), node("MatMul", ["a", "v"], ["y"], name="n")],
        [weight("w", 1e5), square("v")],
        kept={"m": "'w' has values up to 1e+05, beyond float16"},
        types={"w": F32, "v": F16},
    ),
    "what-follows-such-a-weight": Case(
        [
            node("Mul", ["x", "w"], ["a"], name="m"),
            node("Add", ["x", "a"], ["b"], name="s"),
            node("Tanh", ["b"], ["c"], name="t"),
            node("MatMul", ["c", "v"], ["y"], name="n"),
        ],
        [weight("w", -3.4e38), square("v")],
        kept={
            "m": "'w' has values up to 3.4e+38, beyond float16",
            "s": "reads what may exceed float16, from 'm'",
            "t": "reads what may exceed float16, from 'm'",
        },
    ),
    "infinity-is-in-every-range": Case(
        [node("Max", ["x", "w"], ["a"], name="m"), node("MatMul", ["a", "v"], ["y"], name="n")],
        [weight("w", -np.inf), square("v")],
        types={"w": F16},
    ),
    "the-largest-float32-is-beyond-bfloat16": Case(
        [node("Max", ["x", "w"], ["a"], name="m"), node("MatMul", ["a", "v"], ["y"], name="n")],
        [weight("w", float(np.finfo(np.float32).min)), square("v")],
        kept={"m": "'w' has values up to 3.4e+38, beyond bfloat16"},
        types={"w": F32, "v": BF16},
        precision="bf16",
    ),
    "a-weight-that-would-vanish": Case(
        [node("Add", ["x", "w"], ["a"], name="m"), node("MatMul", ["a", "v"], ["y"], name="n")],
        [weight("w", 1e-12), square("v")],
        kept={"m": "'w' would be 0 in float16: its values are at most 1e-12"},
    ),
    "some-that-vanish-are-small-beside-others": Case(
        [node("Add", ["x", "w"], ["y"], name="m")], [weight("w", 1e-12, 0, 1, 2, shape=(4,))], types={"w": F16}
    ),
    "bfloat16-holds-small-numbers": Case(
        [node("Add", ["x", "w"], ["y"], name="m")], [weight("w", 1e-12)], types={"w": BF16}, precision="bf16"
    ),
    "variance-by-hand": Case(
        [
            node("Mul", ["x", "x"], ["q"], name="square"),
            node("ReduceMean", ["q"], ["v"], name="mean", axes=[-1]),
            node("Add", ["v", "e"], ["ve"], name="eps"),
            node("Sqrt", ["ve"], ["s"], name="sqrt"),
            node("Div", ["x", "s"], ["d"], name="div"),
            node("MatMul", ["d", "w"], ["y"], name="m"),
        ],
        [weight("e", 1e-5), square("w")],
        kept={
            "square": "squares its input",
            "mean": SUM,
            "eps": "reads what may exceed float16, from 'square'",
            "sqrt": "reads what may exceed float16, from 'square'",
            "div": "reads what may exceed float16, from 'square'",
        },
        types={"e": F32, "w": F16},
    ),
    "arithmetic-between-sensitive-nodes": Case(
        [
            node("Softmax", ["x"], ["a"], name="one"),
            node("Neg", ["a"], ["b"], name="neg"),
            node("Softmax", ["b"], ["y"], name="two"),
        ],
        kept={"one": RANGE, "neg": BETWEEN, "two": RANGE},
        casts=set(),
    ),
    "moving-follows-the-readers": Case(
        [
            node("Transpose", ["x"], ["a"], name="move"),
            node("Transpose", ["a"], ["b"], name="back"),
            node("MatMul", ["b", "w"], ["c"], name="m"),
            node("Identity", ["c"], ["d"], name="through"),
            node("Softmax", ["d"], ["y"], name="soft"),
        ],
        [square("w")],
        kept={"soft": RANGE},
        casts={("x", "x_float16"), ("d", "d_float32")},
    ),
    "moving-float32-only": Case(
        [node("Transpose", ["x"], ["a"], name="move"), node("Softmax", ["a"], ["y"], name="soft")],
        kept={"move": BETWEEN, "soft": RANGE},
        casts=set(),
    ),
    "numbers-from-integers": Case(
        [
            node("Shape", ["x"], ["s"]),
            node("Cast", ["s"], ["f"], to=F32),
            node("Mul", ["f", "w"], ["g"], name="count"),
            node("Cast", ["g"], ["i"], to=TensorProto.INT64),
            node("Reshape", ["x", "i"], ["r"], name="move"),
            node("Relu", ["r"], ["y"], name="relu"),
        ],
        [weight("w", 1)],
        kept={"count": "computes with numbers that came from integers"},
    ),
    "constants-become-what-is-read": Case(
        [
            node("Constant", [], ["c"], value_float=0.5),
            node("Constant", [], ["d"], value_floats=[1.0, 2.0, 3.0, 4.0]),
            node("ConstantOfShape", ["n"], ["z"]),
            node("Mul", ["x", "c"], ["a"], name="m"),
            node("Add", ["a", "d"], ["b"], name="s"),
            node("Add", ["b", "z"], ["y"], name="t"),
        ],
        [ints("n", 4)],
        casts={("x", "x_float16"), ("y_float16", "y")},
    ),
    "constant-of-shape-not-defined-for-bfloat16": Case(
        [node("ConstantOfShape", ["n"], ["z"]), node("Add", ["x", "z"], ["y"], name="t")],
        [ints("n", 4)],
        casts={("x", "x_bfloat16"), ("z", "z_bfloat16"), ("y_bfloat16", "y")},
        precision="bf16",
    ),
    "a-cast-from-integers": Case(
        [
            node("Cast", ["x"], ["i"], to=TensorProto.INT32),
            node("Cast", ["i"], ["f"], to=F32),
            node("MatMul", ["f", "w"], ["y"], name="m"),
        ],
        [square("w")],
        casts={("x", "i"), ("i", "f"), ("y_float16", "y")},
    ),
    "partly-float16-already": Case(
        [
            node("Cast", ["x"], ["h"], to=F16),
            node("Relu", ["h"], ["k"], name="half"),
            node("Cast", ["k"], ["f"], to=F32),
            node("MatMul", ["f", "w"], ["y"], name="m"),
        ],
        [square("w")],
        casts={("x", "h"), ("y_float16", "y")},
    ),
    "scales-of-resize-stay": Case(
        [
            node("Unsqueeze", ["x", "axes"], ["u"], name="move"),
            node("Resize", ["u", "", "scales"], ["y"], name="resize"),
        ],
        [ints("axes", 0, 1), weight("scales", 1, 1, 2, 2, shape=(4,))],
        types={"scales": F32},
        output=zoo.tensor("y", [1, 1, "H", "W"]),
        casts={("x", "x_float16"), ("y_float16", "y")},
    ),
    "not-defined-in-an-old-opset": Case(
        [node("CumSum", ["x", "axis"], ["y"], name="sum")],
        [ints("axis", 1)],
        kept={"sum": "not defined for float16 in opset 13"},
        opset=13,
    ),
    "an-operator-of-others": Case(
        [
            node("Relu", ["x"], ["a"], name="r"),
            node("Special", ["a"], ["b"], name="special", domain="com.example"),
            node("MatMul", ["x", "w"], ["y"], name="m"),
        ],
        [square("w")],
        kept={"special": "not an operator of ONNX"},
        casts={("x", "x_float16"), ("a", "a_float32"), ("y_float16", "y")},
        domains=["com.example"],
        output=zoo.tensor("y", ["N", 4]),
    ),
    "what-an-operator-of-others-makes": Case(
        [node("Special", ["x"], ["a"], name="special", domain="com.example"), node("MatMul", ["a", "w"], ["y"])],
        [square("w")],
        kept={"special": "not an operator of ONNX"},
        casts={("a", "a_float16"), ("y_float16", "y")},
        domains=["com.example"],
        output=zoo.tensor("y", ["N", 4]),
    ),
    "an-attribute-beyond-float16": Case(
        [node("MatMul", ["x", "w"], ["a"]), node("Pad", ["a"], ["y"], name="pad", pads=[0, 0, 1, 1], value=-1e9)],
        [square("w")],
        kept={"pad": "its attribute 'value' has the magnitude 1e+09, beyond float16"},
        opset=10,
    ),
    "an-attribute-that-would-vanish": Case(
        [node("MatMul", ["x", "w"], ["a"]), node("LeakyRelu", ["a"], ["y"], name="leaky", alpha=1e-9)],
        [square("w")],
        kept={"leaky": "its attribute 'alpha' would be 0 in float16: its magnitude is 1e-09"},
    ),
    "a-weight-that-is-moved": Case(
        [
            node("Transpose", ["w"], ["a"], name="move"),
            node("MatMul", ["x", "a"], ["b"], name="m"),
            node("MatMul", ["b", "v"], ["y"], name="n"),
        ],
        [square("w", 1e5), square("v")],
        kept={
            "move": "'w' has values up to 1e+05, beyond float16",
            "m": "'a' has values up to 1e+05, beyond float16",
        },
        types={"w": F32, "v": F16},
    ),
    "what-quantisation-scales-beyond-float16": Case(
        [
            node("DequantizeLinear", ["q", "s"], ["a"], name="dq"),
            node("MatMul", ["x", "a"], ["b"], name="m"),
            node("MatMul", ["b", "v"], ["y"], name="n"),
        ],
        [numpy_helper.from_array(np.ones((4, 4), np.int8), "q"), weight("s", 1000), square("v")],
        kept={
            "dq": "'s' scales to values up to 1.27e+05, beyond float16",
            "m": "'a' has values up to 1.27e+05, beyond float16",
        },
        types={"s": F32, "v": F16},
        opset=19,
    ),
    "batch-normalisation-as-in-training": Case(
        [
            node("BatchNormalization", ["x", "b", "b", "b", "b"], ["a", "mean", "var"], name="bn", training_mode=1),
            node("MatMul", ["a", "w"], ["y"], name="m"),
        ],
        [weight("b", 1, 1, 1, 1, shape=(4,)), square("w")],
        kept={"bn": "normalises by what it reads, as in training"},
    ),
    "sequences": Case(
        [
            node("Relu", ["x"], ["a"], name="r"),
            node("SequenceConstruct", ["a", "x"], ["s"], name="seq"),
            node("SequenceAt", ["s", "at"], ["b"], name="at"),
            node("MatMul", ["b", "w"], ["y"], name="m"),
        ],
        [numpy_helper.from_array(np.array(0), "at"), square("w")],
        kept={"seq": "makes a sequence or an optional", "at": "reads no float32 tensor"},
    ),
    "random-numbers-stay-the-same": Case(
        [
            node("RandomNormalLike", ["x"], ["a"], name="random", seed=1.0),
            node("MatMul", ["a", "w"], ["y"], name="m"),
        ],
        [square("w")],
        kept={"random": "draws random numbers"},
    ),
    "lowest-scales-of-quantisation": Case(
        [
            node("QuantizeLinear", ["x", "s"], ["q"], name="q"),
            node("DequantizeLinear", ["q", "s"], ["d"], name="dq"),
            node("QuantizeLinear", ["d", "t"], ["q2"], name="q2"),
            node("DequantizeLinear", ["q2", "t"], ["y"], name="dq2"),
        ],
        [weight("s", 1e-6), weight("t", 0.01)],
        kept={
            "q": "the scale 's' has values down to 1e-06, too small for float16",
            "dq": "the scale 's' has values down to 1e-06, too small for float16",
        },
        types={"s": F32, "t": F16},
        opset=19,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rule(case: Case, tmp_path: Path) -> None:
    model = zoo.model(case.nodes, [X], [case.output], case.weights, opset=case.opset, domains=case.domains)
    config = rewrite(model, tmp_path, PrecisionRequest((case.precision,), keep_fp32=case.keep), None)
    if not case.domains:
        onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=not case.domains, data_prop=True)
    assert {key: each.reason for key, each in config.nodes.items() if each.precision == "fp32"} == case.kept
    types = {each.name: each.data_type for each in model.graph.initializer}
    assert types == types | case.types
    if case.casts is not None:
        assert {(each.input[0], each.output[0]) for each in nodes_of(model) if each.op_type == "Cast"} == case.casts


def test_tables_name_operators_of_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    later = {"CumProd", "RMSNormalization"}  # younger than the oldest `onnx` that trtkit takes
    assert {*SENSITIVE, *WIDE, *BOUNDED, *MOVERS, *CARRIERS, *STAY_INPUTS} - known <= later
    assert set(SENSITIVE) >= WIDE
    assert not BOUNDED & CARRIERS


def test_captured_values_are_cast_outside_once(tmp_path: Path) -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            node("MatMul", ["before", "captured"], ["p"], name="inner"),
            node("Add", ["p", "captured"], ["after"], name="add"),
            node("Identity", ["go"], ["go_on"]),
        ],
        "body",
        [info("turn", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("before", F32, [4, 4])],
        [info("go_on", TensorProto.BOOL, []), info("after", F32, [4, 4])],
    )
    nodes = [
        node("Softmax", ["x"], ["captured"], name="soft"),
        node("Loop", ["m", "", "x"], ["y"], name="loop", body=body),
    ]
    model = zoo.model(nodes, [zoo.tensor("x", [4, 4])], [zoo.tensor("y", [4, 4])], [ints("m", 3)])
    rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    onnx.checker.check_model(model, full_check=True)
    outside = [each.output[0] for each in model.graph.node if each.op_type == "Cast"]
    inner = model.graph.node[-1].attribute[0].g
    inside = [each.output[0] for each in inner.node if each.op_type == "Cast"]
    assert outside == ["captured_float16"]
    assert inside == ["before_float16", "after"]
    assert [each.type.tensor_type.elem_type for each in (*inner.input[2:], *inner.output[1:])] == [F32, F32]


def test_stated_types_are_corrected(tmp_path: Path) -> None:
    model = zoo.several()
    model = onnx.shape_inference.infer_shapes(
        zoo.model([node("MatMul", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])], [X], [Y], [square("w")])
    )
    assert [info.name for info in model.graph.value_info] == ["a"]
    rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    assert [(info.name, info.type.tensor_type.elem_type) for info in model.graph.value_info] == [("a", F16)]
    onnx.checker.check_model(model, full_check=True)


def test_weights_that_are_listed_as_inputs(tmp_path: Path) -> None:
    """Up to IR version 3 all are; later, such a weight is an input with a default, and keeps its type."""
    for ir, opset, expected in ((3, 8, F16), (9, 17, F32)):
        inputs = [X, zoo.tensor("w", [4, 4])]
        model = zoo.model([node("MatMul", ["x", "w"], ["y"])], inputs, [Y], [square("w")], ir=ir, opset=opset)
        rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
        onnx.checker.check_model(model, full_check=True)
        assert model.graph.input[1].type.tensor_type.elem_type == expected
        assert model.graph.initializer[0].data_type == expected


def test_unsorted_nodes_are_sorted(tmp_path: Path) -> None:
    nodes = [node("Relu", ["b"], ["y"]), node("Neg", ["a"], ["b"]), node("MatMul", ["x", "w"], ["a"])]
    model = zoo.model(nodes, [X], [Y], [square("w")])
    rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    onnx.checker.check_model(model, full_check=True)
    assert [each.op_type for each in model.graph.node] == ["Cast", "MatMul", "Neg", "Relu", "Cast"]


def test_local_functions_stay(tmp_path: Path) -> None:
    function = helper.make_function(
        "here", "Double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    nodes = [node("Relu", ["x"], ["r"], name="r"), node("Double", ["r"], ["y"], name="call", domain="here")]
    model = zoo.model(nodes, [X], [Y], domains=["here"], functions=[function])
    config = rewrite(model, tmp_path, PrecisionRequest(("fp16",)), None)
    onnx.checker.check_model(model, full_check=True)
    assert config.nodes["call"] == Decision("fp32", "not an operator of ONNX")
    assert model.functions[0] == function


def block() -> onnx.ModelProto:
    nodes = [
        node("MatMul", ["x", "w"], ["a"], name="/layer/MatMul"),
        node("Relu", ["a"], ["b"], name="/layer/Relu"),
        node("Softmax", ["b"], ["c"], name="/head/Softmax"),
        node("Relu", ["c"], ["y"]),
    ]
    return zoo.model(nodes, [X], [Y], [square("w")])


KEEPS = {
    "name": (("/layer/Relu",), {"/layer/Relu"}),
    "glob": (("/layer/*",), {"/layer/MatMul", "/layer/Relu"}),
    "type": (("Relu",), {"/layer/Relu", "y"}),
    "output-of-a-nameless-node": (("y",), {"y"}),
    "several": (("y", "/layer/Re*"), {"/layer/Relu", "y"}),
}


@pytest.mark.parametrize(("patterns", "expected"), KEEPS.values(), ids=KEEPS)
def test_keep_fp32(patterns: tuple[str, ...], expected: set[str], tmp_path: Path) -> None:
    request = PrecisionRequest(("fp16",), keep_fp32=patterns)
    assert set(kept_nodes(block(), request)) == expected
    model = block()
    kept = set(rewrite(model, tmp_path, request, None).kept)
    assert kept == expected | {"/head/Softmax"}
    onnx.checker.check_model(model, full_check=True)


def test_kept_nodes_have_their_outputs() -> None:
    assert kept_nodes(block(), PrecisionRequest(("fp16",), keep_fp32=("Softmax",))) == {"/head/Softmax": ("c",)}


def _config(**nodes: str) -> PrecisionConfig:
    return PrecisionConfig(("fp16",), {name.replace("_", "/"): Decision(each) for name, each in nodes.items()})


def test_config_wins_over_rules_and_keep_over_config(tmp_path: Path) -> None:
    config = _config(_head_Softmax="fp16", _layer_MatMul="fp16", _layer_Relu="fp32")
    request = PrecisionRequest(("fp16",), keep_fp32=("MatMul",), config=config)
    found = rewrite(block(), tmp_path, request, None).nodes
    assert {key: each.precision for key, each in found.items()} == {
        "/layer/MatMul": "fp32",
        "/layer/Relu": "fp32",
        "/head/Softmax": "fp16",
        "y": "fp16",
    }


def _reshaping() -> onnx.ModelProto:
    nodes = [node("Shape", ["x"], ["s"], name="shape"), node("Reshape", ["x", "s"], ["y"], name="move")]
    return zoo.model(nodes, [X], [Y])


def _large_weight() -> onnx.ModelProto:
    return zoo.model([node("Mul", ["x", "w"], ["y"], name="m")], [X], [Y], [weight("w", 1e6)])


REFUSALS: dict[str, tuple[Callable[[], onnx.ModelProto], PrecisionRequest, type[Exception], str]] = {
    "pattern": (
        block,
        PrecisionRequest(("fp16",), keep_fp32=("Softmx",)),
        UsageError,
        "--keep-fp32 'Softmx' matches no node of the model: expected a node's name, a glob, or an operator type; "
        "did you mean 'Softmax'",
    ),
    "config-names-no-node": (
        block,
        PrecisionRequest(("fp16",), config=_config(_layer_Rel="fp32")),
        ModelError,
        "the precision config names the node '/layer/Rel', which the model does not have; did you mean '/layer/Relu'",
    ),
    "config-wants-integers": (
        _reshaping,
        PrecisionRequest(("fp16",), config=_config(shape="fp16")),
        ModelError,
        "the precision config wants node 'shape' (Shape) in fp16, which cannot be: it computes nothing in floating "
        "point; set it to fp32, or take it out",
    ),
    "config-wants-overflow": (
        _large_weight,
        PrecisionRequest(("fp16",), config=_config(m="fp16")),
        ModelError,
        "the precision config wants node 'm' (Mul) in fp16, which cannot be: 'w' has values up to 1e+06, beyond "
        "float16; set it to fp32, or take it out",
    ),
}


@pytest.mark.parametrize(("make", "request_", "kind", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(
    make: Callable[[], onnx.ModelProto], request_: PrecisionRequest, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind) as caught:
        rewrite(make(), tmp_path, request_, None)
    assert str(caught.value).startswith(message)


def test_keys() -> None:
    out = zoo.tensor("o", None)
    branch = helper.make_graph([node("Neg", ["x"], ["o"])], "b", [], [out])
    nodes = [
        node("Relu", ["x"], ["a"], name="same"),
        node("Relu", ["a"], ["b"], name="same"),
        node("If", ["c"], ["i"], then_branch=branch, else_branch=branch),
        node("Split", ["b"], ["", "s"], name="split"),
        node("Relu", ["s"], ["y"]),
    ]
    model = zoo.model(nodes, [X, zoo.tensor("c", [], TensorProto.BOOL)], [Y])
    # protobuf keeps attributes in the order in which they were made: alphabetical, by make_node
    assert list(node_keys(model)) == ["a", "b", "i", "i/else_branch/o", "i/then_branch/o", "split", "y"]
    assert [each.op_type for each in node_keys(model).values()] == ["Relu", "Relu", "If", "Neg", "Neg", "Split", "Relu"]
