"""Which weights a backend may map out of a model's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.base import MappedModel, file_stamp
from trtkit.backends.onnx.apart import read_apart
from trtkit.backends.onnx.external import external_tensors, load_weights, place
from trtkit.backends.onnx.mapped import mapped_model
from trtkit.errors import FileError

SIDE = 32
X, Y = zoo.tensor("x", [2, SIDE]), zoo.tensor("y", None)
SQUARE = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
W = numpy_helper.from_array(SQUARE, "w")


def made(path: Path, large: int = 1000, least: int = 1000) -> MappedModel | None:
    own = str(path.absolute())
    outline = read_apart(path, own, everywhere=True, large=large)
    root = place(outline, [path.parent, path.resolve().parent], own)
    return mapped_model(outline, path.absolute(), root, file_stamp(path), least)


def mapped_names(path: Path) -> list[str]:
    found = made(path)
    if found is None:
        return []
    return [tensor.name for tensor in external_tensors(onnx.ModelProto.FromString(found.data))]


def branch(inner: list[onnx.NodeProto], output: str) -> onnx.ModelProto:
    arm = helper.make_graph(inner, "arm", [], [zoo.tensor(output, None)])
    nodes = [zoo.node("MatMul", ["x", "w"], ["m"]), zoo.node("If", ["c"], ["y"], then_branch=arm, else_branch=arm)]
    return zoo.model(nodes, [X, zoo.tensor("c", [], TensorProto.BOOL)], [Y], [W])


def plain(*nodes: onnx.NodeProto, weights: tuple[TensorProto, ...] = (W,), more: bool = False) -> onnx.ModelProto:
    outputs = [Y, zoo.tensor("w", [SIDE, SIDE])] if more else [Y]
    return zoo.model(nodes, [X], outputs, weights)


PRODUCT = zoo.node("MatMul", ["x", "w"], ["y"])
SUM = zoo.node("ReduceSum", ["w"], ["s"])
BYTES = numpy_helper.from_array(np.ones((SIDE, SIDE), np.int8), "w")

FIT: dict[str, tuple[Callable[[], onnx.ModelProto], list[str]]] = {
    "product": (lambda: plain(PRODUCT), ["w"]),
    "left-operand": (lambda: plain(zoo.node("MatMul", ["w", "x"], ["y"])), []),
    "both-operands": (lambda: plain(zoo.node("MatMul", ["w", "w"], ["y"])), []),
    "batch-of-matrices": (lambda: plain(PRODUCT, weights=(numpy_helper.from_array(SQUARE[None], "w"),)), []),
    "wide": (lambda: plain(PRODUCT, weights=(numpy_helper.from_array(SQUARE.astype(np.float64), "w"),)), []),
    "added": (lambda: plain(zoo.node("Add", ["w", "x"], ["y"])), ["w"]),
    "added-to-a-product": (lambda: plain(zoo.node("Gemm", ["x", "x", "w"], ["y"])), []),
    "sum": (lambda: plain(SUM, zoo.node("Add", ["x", "s"], ["y"])), []),
    "product-and-sum": (lambda: plain(PRODUCT, SUM), []),
    "read-by-a-subgraph": (lambda: branch([zoo.node("MatMul", ["x", "w"], ["o"])], "o"), []),
    "output-of-a-subgraph": (lambda: branch([], "w"), []),
    "beside-a-subgraph": (lambda: branch([zoo.node("Neg", ["x"], ["o"])], "o"), ["w"]),
    "output": (lambda: plain(PRODUCT, more=True), []),
    "input-with-default": (lambda: zoo.model([PRODUCT], [X, zoo.tensor("w", [SIDE, SIDE])], [Y], [W]), []),
    "operator-of-another-domain": (lambda: plain(zoo.node("MatMul", ["x", "w"], ["y"], domain="mine")), []),
    "constant": (lambda: plain(zoo.node("Constant", [], ["w"], value=W), PRODUCT, weights=()), []),
    "small": (lambda: zoo.linear(), []),
    "bytes": (lambda: plain(zoo.node("MatMulInteger", ["x", "w"], ["y"]), weights=(BYTES,)), ["w"]),
}


@pytest.mark.parametrize(("model", "names"), FIT.values(), ids=FIT)
def test_what_is_mapped(model: Callable[[], onnx.ModelProto], names: list[str], tmp_path: Path) -> None:
    assert mapped_names(zoo.save(model(), tmp_path / "m.onnx")) == names


def test_nothing_is_lost(tmp_path: Path) -> None:
    constant = zoo.node("Constant", [], ["k"], value=numpy_helper.from_array(SQUARE + 1, "k"))
    model = plain(PRODUCT, constant, weights=(W, numpy_helper.from_array(SQUARE[:, :9].copy(), "v")))
    found = made(zoo.save(model, tmp_path / "m.onnx"))
    assert found is not None
    assert found.folder == tmp_path
    stub = onnx.ModelProto.FromString(found.data)
    assert [tensor.name for tensor in external_tensors(stub)] == ["w", "v"]
    load_weights(stub, found.folder)
    assert stub == model


def linked(tmp_path: Path, external: bool) -> Path:
    """A link to a model elsewhere; with some data beside the link."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "w.bin").write_bytes(SQUARE.tobytes())
    more = [zoo.external_tensor("e", SQUARE, "w.bin", offset=0, length=SQUARE.nbytes)] if external else []
    zoo.save(plain(PRODUCT, weights=(W, *more)), there / "real.onnx")
    (here / "m.onnx").symlink_to(there / "real.onnx")
    return here / "m.onnx"


def test_link(tmp_path: Path) -> None:
    found = made(linked(tmp_path, external=False))
    assert found is not None
    assert found.folder == tmp_path / "there"
    (tensor,) = external_tensors(onnx.ModelProto.FromString(found.data))
    assert {each.key: each.value for each in tensor.external_data}["location"] == "real.onnx"


def test_link_with_data_beside_it(tmp_path: Path) -> None:
    assert made(linked(tmp_path, external=True)) is None


def test_data_elsewhere_stays_there(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(SQUARE.tobytes())
    other = zoo.external_tensor("e", SQUARE, "w.bin", offset=0, length=SQUARE.nbytes)
    assert mapped_names(zoo.save(plain(PRODUCT, weights=(W, other)), tmp_path / "m.onnx")) == ["w", "e"]


@pytest.mark.parametrize("change", ["replaced", "written", "gone"])
def test_changed_since(change: str, tmp_path: Path) -> None:
    path = zoo.save(plain(PRODUCT), tmp_path / "m.onnx")
    found = made(path)
    assert found is not None
    found.check_unchanged()
    if change == "replaced":
        zoo.save(plain(PRODUCT), tmp_path / "other.onnx").replace(path)
    elif change == "written":
        with path.open("ab") as file:
            file.write(b"\0")
    else:
        path.unlink()
    with pytest.raises(FileError, match="was replaced or written to while it was loaded"):
        found.check_unchanged()
