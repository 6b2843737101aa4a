"""What the ONNX parser of TensorRT supports, whichever release this is; 8.6 tells one error at a time and no names."""

from __future__ import annotations

from pathlib import Path

import pytest
import zoo

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.capability import Survey

pytest.importorskip("tensorrt")
pytestmark = pytest.mark.gpu

TRT = NetworkOptions(trt_package="tensorrt")


def test_all_supported(tmp_path: Path) -> None:
    assert Survey(open_onnx(zoo.write("chain", tmp_path)), TRT).report().supported


def test_every_refusal_is_found_and_every_group_is_parsed(tmp_path: Path) -> None:
    cube = [1, 4, 4]
    nodes = [
        zoo.node("Relu", ["x"], ["a"], name="r"),
        zoo.node("Fancy", ["a"], ["b"], name="f1", domain="elsewhere"),
        zoo.node("Neg", ["b"], ["c"], name="n"),
        zoo.node("Fancy", ["c"], ["d"], name="f2", domain="elsewhere"),
        zoo.node("Odd", ["d"], ["e"], name="o", domain="elsewhere"),
        zoo.node("Exp", ["e"], ["y"], name="e"),
    ]
    proto = zoo.model(nodes, [zoo.tensor("x", cube)], [zoo.tensor("y", cube)], domains=["elsewhere"])
    proto.graph.value_info.extend(zoo.tensor(name, cube) for name in "bde")
    report = Survey(open_onnx(zoo.save(proto, tmp_path / "m.onnx")), TRT).report()
    found = [(reason.operator, [place.name for place in reason.places]) for reason in report.reasons]
    assert found == [("elsewhere.Fancy", ["f1", "f2"]), ("elsewhere.Odd", ["o"])]
    assert [(each.status, list(each.nodes)) for each in report.subgraphs] == [
        ("supported", [0]),
        ("unsupported", [1]),
        ("supported", [2]),
        ("unsupported", [3, 4]),
        ("supported", [5]),
    ]
