"""`trtkit inspect capability`: its text, its JSON and every mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zoo
from backends.trt.package import needs_rtx

Command = Callable[..., Any]

DOCUMENT = Path(__file__).parents[3] / "docs" / "inspect" / "capability.md"


@pytest.fixture
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    zoo.write("chain", in_tmp)
    nodes = [zoo.node("Relu", ["x"], ["a"], name="r")]
    nodes += [zoo.node("Det", ["a"], [f"d{index}"], name=f"det{index}") for index in range(10)]
    nodes.append(zoo.node("Sum", [f"d{index}" for index in range(10)], ["y"]))
    zoo.save(zoo.model(nodes, [zoo.tensor("x", [1, 4, 4])], [zoo.tensor("y", [1])]), in_tmp / "mixed.onnx")
    return in_tmp


@needs_rtx
def test_all_supported(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("inspect", "capability", "chain.onnx")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("chain.onnx: 3 nodes, asked the ONNX parser of TensorRT-RTX ")
    assert lines[1:] == ["", "supported: 3 of 3 nodes"]


@needs_rtx
def test_not_all_supported(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("inspect", "capability", "mixed.onnx")
    assert result.code == 1
    assert result.err == ""
    assert result.out.splitlines()[1:] == [
        "",
        "not supported",
        "  Det  10 nodes  UNSUPPORTED_NODE: refused by checkDet",
        *(f"    node {index + 1} 'det{index}'" for index in range(8)),
        "    and 2 more nodes; -v names all",
        "",
        "subgraphs, in an order in which they can run",
        "  0  supported  1 node: Relu 1",
        "    x:[1,4,4]:float32 -> a:[1,4,4]:float32",
        "  1  unsupported  10 nodes: Det 10",
        "    a:[1,4,4]:float32 -> " + ", ".join(f"d{index}:[1]:float32" for index in range(8)) + " and 2 more",
        "  2  supported  1 node: Sum 1",
        "    " + ", ".join(f"d{index}:[1]:float32" for index in range(8)) + " and 2 more -> y:[1]:float32",
        "",
        "not supported: 10 of 12 nodes",
    ]
    assert "    node 10 'det9'" in trtkit_command("inspect", "capability", "mixed.onnx", "-v").out.splitlines()


@needs_rtx
def test_names_break_no_line(trtkit_command: Command, folder: Path) -> None:
    nodes = [zoo.node("Neg", ["x\n\x1b"], ["a\r"]), zoo.node("Ab\ns", ["a\r"], ["y\n"], "n\n", domain="dom\x1b")]
    x, y = zoo.tensor("x\n\x1b", [1, "N\n"]), zoo.tensor("y\n", ["N\n"])
    zoo.save(zoo.model(nodes, [x], [y], domains=["dom\x1b"]), folder / "names.onnx")
    result = trtkit_command("inspect", "capability", "names.onnx")
    assert result.code == 1
    assert [line for line in result.out.split("\n") if not line.isprintable()] == []
    assert r"    x\n\x1b:[1,N\n]:float32 -> a\r:[1,N\n]:float32" in result.out.splitlines()


@needs_rtx
def test_json_says_all_that_is_documented(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("inspect", "capability", "mixed.onnx", "--json", "--with-partitioning", "-o", "out")
    assert result.code == 1
    data = json.loads(result.out)
    assert list(data)[:2] == ["schema", "schema_version"]
    assert data["schema"] == "trtkit.inspect-capability"
    assert data["unsupported_count"] == 10
    assert data["reasons"][0]["count"] == 10
    assert [each["file"] for each in data["subgraphs"]] == [
        "0-supported.onnx",
        "1-unsupported.onnx",
        "2-supported.onnx",
    ]
    assert json.loads((folder / "out" / "capability.json").read_text()) == data
    documented = set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))
    assert set(keys(data)) <= documented


def keys(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        yield from data
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from keys(value)


@needs_rtx
def test_where_the_subgraphs_go(trtkit_command: Command, folder: Path) -> None:
    result = trtkit_command("inspect", "capability", "mixed.onnx", "--with-partitioning")
    assert result.code == 1
    assert "  0  supported  1 node: Relu 1  mixed-capability/0-supported.onnx" in result.out.splitlines()
    names = {each.name for each in (folder / "mixed-capability").iterdir()}
    assert names == {"0-supported.onnx", "1-unsupported.onnx", "2-supported.onnx", "capability.json"}


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        ([], 2, "no model was given"),
        (["no.onnx"], 3, "no.onnx"),
        (["broken.onnx"], 3, "is not an ONNX model"),
        (["net.py"], 2, "TensorRT's parser takes ONNX models"),
        (["old.engine"], 2, "TensorRT's parser takes ONNX models"),
        (["chain.onnx", "-o", "out"], 2, "-o has no effect without --with-partitioning"),
        (["chain.onnx", "--save-external-data"], 2, "--save-external-data is left out"),
        (["chain.onnx", "--ignore-external-data"], 2, "--ignore-external-data is left out"),
        (["chain.onnx", "--trt-package", "tensorflow"], 2, "--trt-package"),
        (["chain.onnx", "--external-data-dir", "nowhere"], 3, "is not a folder"),
        (["chain.onnx", "--with-partitioning", "-o", "no/where"], 3, "there is no folder"),
        (["chain.onnx", "--fp16"], 2, "unknown option '--fp16'"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
@needs_rtx
def test_mistakes(argv: list[str], code: int, message: str, trtkit_command: Command, folder: Path) -> None:
    Path("broken.onnx").write_bytes(b"hello world")
    Path("net.py").write_text("def load_network(network): ...\n")
    Path("old.engine").write_bytes(b"ftrt")
    before = set(folder.iterdir())
    result = trtkit_command("inspect", "capability", *argv)
    assert (result.code, result.out) == (code, "")
    assert message in result.error
    assert set(folder.iterdir()) == before
