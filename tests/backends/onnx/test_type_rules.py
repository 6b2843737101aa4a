"""Types that follow from what operators allow."""

from __future__ import annotations

import time

from onnx import TensorProto, helper

from trtkit.backends.onnx.type_rules import complete_types

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
OPSETS = {"": 17}


def test_both_ways() -> None:
    nodes = [
        helper.make_node("Foreign", ["x"], ["a"], domain="com.example"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Gather", ["b", "places"], ["y"]),
        helper.make_node("Shape", ["y"], ["s"]),
    ]
    found = complete_types(nodes, OPSETS, {"y": FLOAT})
    assert found == {"a": FLOAT, "b": FLOAT, "s": INT64}  # places may be of two types


def test_a_long_way_back_takes_no_time() -> None:
    count = 20_000
    nodes = [helper.make_node("Relu", [f"h{place}"], [f"h{place + 1}"]) for place in range(count)]
    start = time.process_time()
    found = complete_types(nodes, OPSETS, {f"h{count}": FLOAT})
    assert time.process_time() - start < 10  # well under 1 s; a turn through all nodes for each would take minutes
    assert set(found.values()) == {FLOAT}
    assert len(found) == count
