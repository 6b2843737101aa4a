"""`trtkit inspect model`: helpers of the parser, JSON and its documentation, pages."""

from __future__ import annotations

import json
import re
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import numpy as np
import onnx
import pytest
import zoo
from backends.trt.package import needs_rtx
from cli.inspect.regenerate import CASES, GOLDEN
from onnx import numpy_helper

Command = Callable[..., Any]
DOCUMENT = Path(__file__).parents[3] / "docs" / "inspect" / "model.md"


@pytest.fixture
def sliced(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of which the parser makes more layers than it has nodes."""
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    weights = {"w": np.ones((3, 8), np.float32), "b": np.ones(8, np.float32)}
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    proto = zoo.model(
        [zoo.node("Gemm", ["x", "w", "b"], ["y"], name="head")], [zoo.X], [zoo.tensor("y", None)], tensors
    )
    return zoo.save(proto, Path("sliced.onnx"))


@needs_rtx
def test_helpers(trtkit_command: Command, sliced: Path) -> None:
    line = ("inspect", "model", sliced, "--display-as", "trt", "--show", "layers", "-q")
    whole = trtkit_command(*line).out.splitlines()
    count = next(text for text in whole if re.match(r"  \d+ layers", text))
    marked = [text for text in whole if text.endswith("  helper")]
    assert count == f"  {len(whole) - whole.index(count) - 1} layers, {len(marked)} of them helpers of the parser"
    assert marked
    assert all(re.match(r"    \d+  ONNXTRT_", text) for text in marked)
    found = trtkit_command(*line, "--hide-helpers").out.splitlines()
    shorter = [text for text in whole if text not in marked]
    assert found == [f"{text} (not shown)" if text == count else text for text in shorter]
    assert [text.split()[1:3] for text in found[found.index(f"{count} (not shown)") + 1 :]] == [
        ["w", "CONSTANT"],
        ["head", "MATRIX_MULTIPLY"],
        ["b", "CONSTANT"],
        ["head_0", "ELEMENTWISE"],
    ]


@needs_rtx
def test_totals_of_a_network(trtkit_command: Command, sliced: Path) -> None:
    found = json.loads(trtkit_command("inspect", "model", sliced, "--display-as", "trt", "--json", "-q").out)
    totals = found["totals"]
    assert (totals["weights"], totals["parameters"], totals["weight_bytes"]) == (2, 32, 128)
    assert (totals["operations"]["CONSTANT"], totals["operations"]["MATRIX_MULTIPLY"]) == (2, 1)
    assert totals["macs"] == {"terms": [], "counted": 0, "countable": 1}  # the first dimension is open


NETWORK = """\
import numpy as np


def load_network(network, trt):
    x = network.add_input("x", trt.float32, (2, 3, 8, 8))
    conv = network.add_convolution_nd(x, 4, (3, 3), np.ones(108, np.float32), np.zeros(4, np.float32))
    up = network.add_deconvolution_nd(conv.get_output(0), 5, (2, 2), np.ones(80, np.float32))
    other = network.add_constant((6, 10), np.ones(60, np.float32))
    plain, right = trt.MatrixOperation.NONE, network.add_constant((2, 5, 7, 3), np.ones(210, np.float32))
    product = network.add_matrix_multiply(up.get_output(0), plain, right.get_output(0), plain)
    network.mark_output(product.get_output(0))
    network.mark_output(other.get_output(0))
"""


@needs_rtx
def test_multiply_accumulates_of_a_network(
    trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    Path("net.py").write_text(NETWORK)
    totals = json.loads(trtkit_command("inspect", "model", "net.py", "--json").out)["totals"]
    conv = 2 * 4 * 6 * 6 * 3 * 9
    up = 2 * 4 * 6 * 6 * 5 * 4
    product = 2 * 5 * 7 * 3 * 7
    assert totals["macs"] == {"terms": [{"number": conv + up + product, "symbols": []}], "counted": 3, "countable": 3}
    assert totals["parameters"] == 108 + 4 + 80 + 60 + 210
    assert totals["helpers"] == 0


def keys_of(value: Any, free: frozenset[str], inside: str = "") -> Iterator[str]:
    """Every key, but for those that are names out of the model."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if inside not in free:
                yield key
            yield from keys_of(each, free, key if inside not in free else "")
    elif isinstance(value, list):
        for each in value:
            yield from keys_of(each, free)


FREE = frozenset(("facts", "details", "opsets", "metadata", "operations", "attributes", "shapes"))


def test_every_key_of_the_json_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w+)`", text))
    found: set[str] = set()
    for name in CASES:
        data = (GOLDEN / f"{name}.json").read_text(encoding="utf-8").partition("--- exit code")[0]
        if data:
            found.update(keys_of(json.loads(data), FREE))
    assert {"terms", "sized_by", "statistics", "values", "error"} <= found
    assert found <= documented


def test_json_holds_what_is_asked_for(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write("linear", in_tmp)
    head = json.loads(trtkit_command("inspect", "model", "linear.onnx", "--json").out)
    assert "layers" not in head
    (layer,) = json.loads(trtkit_command("inspect", "model", "linear.onnx", "--json", "--show", "layers").out)["layers"]
    assert {"attributes", "weights"} & set(layer) == set()
    line = ("inspect", "model", "linear.onnx", "--json", "--show", "weights", "--show-values", "-n", "-1")
    ((weight,),) = [layer["weights"] for layer in json.loads(trtkit_command(*line).out)["layers"]]
    assert weight["values"] == zoo.SQUARE.tolist()


def test_numbers_that_json_has_not(trtkit_command: Command, in_tmp: Path) -> None:
    weight = numpy_helper.from_array(np.array([np.nan, np.inf], np.float32), "w")
    node = zoo.node("Clip", ["w"], ["y"], alpha=float("-inf"))
    zoo.save(zoo.model([node], [], [zoo.tensor("y", None)], [weight]), Path("n.onnx"))
    line = ("inspect", "model", "n.onnx", "--json", "--show", "attrs", "weights", "--show-values")
    (layer,) = json.loads(trtkit_command(*line).out)["layers"]
    assert layer["attributes"] == {"alpha": "-Infinity"}
    assert layer["weights"][0]["values"] == ["NaN", "Infinity"]
    assert layer["weights"][0]["statistics"]["mean"] == "NaN"


def test_page(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write("nested", in_tmp)
    result = trtkit_command("inspect", "model", "nested.onnx", "--html", "page.html")
    assert result.code == 0
    assert result.out == trtkit_command("inspect", "model", "nested.onnx").out
    text = Path("page.html").read_text(encoding="utf-8")
    assert "local.Pick" in text
    assert "else_branch" in text


def test_visual(trtkit_command: Command, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setenv("TMPDIR", str(in_tmp))
    monkeypatch.setattr("tempfile.tempdir", None)

    def opens(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", opens)
    zoo.write("chain", in_tmp)
    assert trtkit_command("inspect", "model", "chain.onnx", "--visual").code == 0
    (url,) = opened
    page = Path(url2pathname(url.removeprefix("file://")))
    assert page.name == "chain.html"
    assert "chain.onnx" in page.read_text(encoding="utf-8")
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = trtkit_command("inspect", "model", "chain.onnx", "--visual")
    assert result.code == 4
    assert "found no browser to open" in result.error


def test_weights_of_an_unknown_size(trtkit_command: Command, in_tmp: Path) -> None:
    odd = onnx.TensorProto(name="w", data_type=99, dims=[3])
    zoo.save(zoo.model([zoo.node("Neg", ["w"], ["y"])], [], [zoo.tensor("y", None)], [odd]), Path("odd.onnx"))
    result = trtkit_command("inspect", "model", "odd.onnx", "--show", "weights")
    assert (result.code, result.err) == (0, "")
    assert "  parameters: 3 in 1 tensor" in result.out.splitlines()


def test_page_that_cannot_be_written(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.write("chain", in_tmp)
    result = trtkit_command("inspect", "model", "chain.onnx", "--html", "no/page.html")
    assert result.code == 3
    assert result.out.startswith("chain.onnx: ONNX model g")
    assert "no/page.html" in result.error
