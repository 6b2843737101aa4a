"""What TensorRT's parser supports: asked for real, and the parts give what the whole gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it ships no types
import pytest
import zoo
from backends.trt.package import needs_rtx
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.capability import REPORT_NAME, Survey, survey_into
from trtkit.errors import FileError, ModelError, UsageError
from trtkit.report.capability import CapabilityReport

N, T = zoo.node, zoo.tensor
RTX = NetworkOptions(trt_package="tensorrt_rtx")
CUBE = T("x", [1, 4, 4])
Y = T("y", None)

pytestmark = needs_rtx


def fancy(reads: str, writes: str, name: str) -> onnx.NodeProto:
    return N("Fancy", [reads], [writes], name=name, domain="elsewhere")


def mixed() -> onnx.ModelProto:
    """Det is refused by a check of every node, NonZero by its import; If and a local function are in between."""
    arms = {
        name: helper.make_graph([N(op, ["a2"], [f"{name}_y"])], name, [], [T(f"{name}_y", [1, 4, 4])])
        for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))
    }
    twice = helper.make_function(
        "local", "Twice", ["v"], ["w"], [N("Add", ["v", "v"], ["w"])], [helper.make_opsetid("", 17)]
    )
    nodes = [
        N("Relu", ["x"], ["a"], name="r"),
        N("Constant", [], ["k"], value=numpy_helper.from_array(np.float32(2))),
        N("Mul", ["a", "k"], ["a1"]),
        N("Add", ["a1", "w"], ["a2"]),
        N("If", ["flag"], ["a3"], name="choice", **arms),
        N("Det", ["a3"], ["d"], name="d1"),
        N("Exp", ["d"], ["e"]),
        N("Mul", ["e", "k"], ["e2"]),
        N("NonZero", ["a2"], ["nz"], name="nz1"),
        N("Cast", ["nz"], ["f"], to=TensorProto.FLOAT),
        N("Twice", ["f"], ["g"], name="call", domain="local"),
        N("NonZero", ["g"], ["nz2"], name="nz2"),
        N("Cast", ["nz2"], ["h"], to=TensorProto.FLOAT),
        N("ReduceSum", ["h"], ["s"], keepdims=0),
        N("Add", ["s", "e2"], ["y"]),
    ]
    weight = numpy_helper.from_array(np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4), "w")
    inputs = [CUBE, T("flag", [], TensorProto.BOOL)]
    return zoo.model(nodes, inputs, [Y, T("d", [1])], [weight], domains=["local"], functions=[twice])


def report_of(proto: onnx.ModelProto, folder: Path, options: NetworkOptions = RTX) -> CapabilityReport:
    return Survey(open_onnx(zoo.save(proto, folder / "m.onnx")), options).report()


def said(report: CapabilityReport) -> list[tuple[str, list[int]]]:
    return [(reason.operator, [place.index for place in reason.places]) for reason in report.reasons]


def statuses(report: CapabilityReport) -> list[tuple[str, list[int]]]:
    return [(each.status, sorted(each.nodes)) for each in report.subgraphs]


@pytest.mark.parametrize("name", ["chain", "branch", "linear", "local_function", "scalar", "unicode_names", "several"])
def test_all_supported(name: str, tmp_path: Path) -> None:
    report = Survey(open_onnx(zoo.write(name, tmp_path)), RTX).report()
    assert report.supported
    assert [each.status for each in report.subgraphs] == ["supported"]
    assert report.package == "tensorrt_rtx"


def test_every_refusal_is_found_and_every_group_is_parsed(tmp_path: Path) -> None:
    report = report_of(mixed(), tmp_path)
    assert said(report) == [("NonZero", [8, 11]), ("Det", [5])]
    assert {place.found for reason in report.reasons for place in reason.places} == {"whole", "part"}
    assert statuses(report) == [
        ("supported", [0, 1, 2, 3, 4]),
        ("unsupported", [5, 8]),
        ("supported", [6, 7, 9, 10]),
        ("unsupported", [11]),
        ("supported", [12, 13, 14]),
    ]
    assert not report.supported
    assert report.unsupported_nodes == 3


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("external", [False, True])
def test_the_parts_give_what_the_whole_gives(external: bool, flag: bool, tmp_path: Path) -> None:
    proto = mixed()
    big = np.random.default_rng(0).standard_normal((4, 512, 4), np.float32)
    proto.graph.node[3].input[1] = "big"
    proto.graph.node.insert(3, N("ReduceMean", ["many"], ["big"], axes=[1], keepdims=0))
    proto.graph.initializer.append(numpy_helper.from_array(big, "many"))
    path = tmp_path / "m.onnx"
    if external:
        onnx.save(proto, path, save_as_external_data=True, location="w.bin", size_threshold=1024)
    else:
        zoo.save(proto, path)
    folder = tmp_path / "parts"
    report = survey_into(folder, open_onnx(path), RTX)
    assert not report.supported
    assert len(report.subgraphs) == 5
    assert (folder / "0-supported.onnx.data").exists() is external
    feed = {"x": np.random.default_rng(1).standard_normal((1, 4, 4), np.float32), "flag": np.array(flag)}
    expected = session(path).run(None, feed)
    known: dict[str, np.ndarray] = dict(feed)
    for each in report.subgraphs:
        assert each.file is not None
        onnx.checker.check_model(str(folder / each.file), full_check=True)
        part = session(folder / each.file)
        names = [out.name for out in part.get_outputs()]
        assert names == [spec.name for spec in each.outputs]
        answers = part.run(names, {info.name: known[info.name] for info in part.get_inputs()})
        known.update(zip(names, answers, strict=True))
    for name, array in zip(["y", "d"], expected, strict=True):
        np.testing.assert_array_equal(known[name], array)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def test_what_follows_an_operator_without_types_is_unchecked(tmp_path: Path) -> None:
    nodes = [N("Relu", ["x"], ["a"]), fancy("a", "b", "f1"), N("Cast", ["b"], ["c"], to=1), N("Det", ["c"], ["y"])]
    proto = zoo.model(nodes, [CUBE], [Y], domains=["elsewhere"])
    report = report_of(proto, tmp_path)
    assert said(report) == [("elsewhere.Fancy", [1]), ("Det", [3])]
    assert statuses(report) == [("supported", [0]), ("unsupported", [1]), ("unchecked", [2]), ("unsupported", [3])]
    assert report.subgraphs[2].unchecked == "the type of its input 'b' is not known"
    proto.graph.value_info.append(T("b", [1, 4, 4]))
    assert statuses(report_of(proto, tmp_path))[2] == ("supported", [2])
    proto.graph.value_info[0].CopyFrom(T("b", None))
    again = report_of(proto, tmp_path)
    assert again.subgraphs[2].unchecked is not None
    assert "the rank of its input 'b' is not known" in again.subgraphs[2].unchecked


def test_a_scalar_is_not_taken_for_an_input_without_rank(tmp_path: Path) -> None:
    report = Survey(open_onnx(zoo.write("unknown_rank", tmp_path)), RTX).report()
    assert not report.supported
    assert not report.reasons
    assert statuses(report) == [("unchecked", [0])]


def test_nodes_inside_of_others(tmp_path: Path) -> None:
    arms = {
        name: helper.make_graph(
            [fancy("a", f"{name}_y", "inner") if name == "then_branch" else N("Neg", ["a"], [f"{name}_y"])],
            name,
            [],
            [T(f"{name}_y", [1, 4, 4])],
        )
        for name in ("then_branch", "else_branch")
    }
    body = [fancy("v", "w", "deep")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("elsewhere", 1)]
    call = helper.make_function("local", "Odd", ["v"], ["w"], body, opsets)
    nodes = [
        N("Relu", ["x"], ["a"]),
        N("If", ["flag"], ["b"], name="choice", **arms),
        N("Odd", ["a"], ["c"], name="call", domain="local"),
        N("Add", ["a", "b"], ["y"]),
    ]
    inputs = [CUBE, T("flag", [], TensorProto.BOOL)]
    proto = zoo.model(nodes, inputs, [Y, T("c", None)], domains=["local", "elsewhere"], functions=[call])
    report = report_of(proto, tmp_path)
    assert [reason.operator for reason in report.reasons] == ["Fancy"]
    places = {place.name: place for place in report.reasons[0].places}
    assert places["choice"].inner == "inner"
    assert places["choice"].operator == "If"
    assert places["choice"].inside[0].startswith("choice")
    assert places["call"].inner == "deep"
    assert places["call"].operator == "local.Odd"
    text = "\n".join(report.lines())
    assert "    node 1 'choice', If: node 'inner' inside of it, through choice (If)" in text


@pytest.mark.parametrize(
    ("dtype", "unsupported"), [(TensorProto.COMPLEX64, [0, 1]), (TensorProto.FLOAT, [])], ids=["complex", "float"]
)
def test_a_type_that_tensorrt_lacks(dtype: int, unsupported: list[int], tmp_path: Path) -> None:
    nodes = [N("Identity", ["q"], ["a"]), N("Identity", ["a"], ["b"]), N("Relu", ["x"], ["y"])]
    proto = zoo.model(nodes, [T("q", [2], dtype), CUBE], [Y, T("b", [2], dtype)])
    report = report_of(proto, tmp_path)
    assert sorted({place.index for reason in report.reasons for place in reason.places}) == unsupported
    assert report.supported is not bool(unsupported)
    assert all("'q'" in reason.text for reason in report.reasons)


def test_weights_of_a_type_that_tensorrt_lacks(tmp_path: Path) -> None:
    nodes = [N("Relu", ["x"], ["y"]), N("Identity", ["w"], ["q"])]
    weight = numpy_helper.from_array(np.array(["a"], object), "w")
    proto = zoo.model(nodes, [CUBE], [Y, T("q", [1], TensorProto.STRING)], [weight])
    report = report_of(proto, tmp_path)
    assert said(report) == [("Identity", [1])]
    assert statuses(report) == [("supported", [0]), ("unsupported", [1])]


def test_parser_flags_and_their_mistakes(tmp_path: Path) -> None:
    proto = zoo.chain()
    assert report_of(proto, tmp_path, NetworkOptions("tensorrt_rtx", onnx_flags=("native_instancenorm",))).supported
    with pytest.raises(UsageError, match="--onnx-flags"):
        report_of(proto, tmp_path, NetworkOptions("tensorrt_rtx", onnx_flags=("nonsense",)))
    with pytest.raises(FileError, match="--plugins"):
        report_of(proto, tmp_path, NetworkOptions("tensorrt_rtx", plugins=(tmp_path / "no.so",)))


def test_an_edited_model_and_data_elsewhere(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    path = zoo.write_external(home, data=data / "w.bin")
    assert Survey(open_onnx(path, OnnxOptions(external_data_dir=data)), RTX).report().supported
    with pytest.raises(ModelError, match=r"external data of tensor 'w' is missing"):
        Survey(open_onnx(path), RTX)
    inferred = OnnxOptions(shape_inference=True, no_onnxruntime_shape_inference=True)
    assert Survey(open_onnx(zoo.write("chain", tmp_path), inferred), RTX).report().supported


def test_the_folder_is_replaced_only_where_it_is_ours(tmp_path: Path) -> None:
    model, folder = open_onnx(zoo.save(mixed(), tmp_path / "m.onnx")), tmp_path / "parts"
    survey_into(folder, model, RTX)
    survey_into(folder, open_onnx(zoo.write("chain", tmp_path)), RTX)
    assert {each.name for each in folder.iterdir()} == {"0-supported.onnx", REPORT_NAME}
    assert json.loads((folder / REPORT_NAME).read_text())["supported"] is True
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(FileError, match="it holds other files"):
        survey_into(folder, model, RTX)
    assert (folder / "mine.txt").exists()


@pytest.mark.parametrize("content", ["[]", "{}", "not json", '{"schema": "trtkit.inspect-capability"}'])
def test_a_folder_of_another_kind_stays(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / REPORT_NAME).write_text(content)
    with pytest.raises(FileError, match="it holds other files"):
        survey_into(folder, open_onnx(zoo.write("chain", tmp_path)), RTX)
    assert (folder / REPORT_NAME).read_text() == content


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path)
    (tmp_path / "w.bin").unlink()
    before = set(tmp_path.iterdir())
    with pytest.raises(ModelError, match="is missing"):
        survey_into(tmp_path / "parts", open_onnx(path), RTX)
    assert set(tmp_path.iterdir()) == before
