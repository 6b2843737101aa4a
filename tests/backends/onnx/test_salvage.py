"""What is shown of damaged ONNX files, and the message classes without the onnx package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import zoo

from trtkit.backends.onnx.protos import protos
from trtkit.backends.onnx.salvage import what_is_left


def cut(folder: Path, data: bytes) -> tuple[onnx.ModelProto, str] | None:
    path = folder / "m.onnx"
    path.write_bytes(data)
    left = what_is_left(path)
    return None if left is None else (left[0].structure(), left[1])


def test_every_length_gives_the_whole_nodes_before_it(tmp_path: Path) -> None:
    data = zoo.chain().SerializeToString()
    numbers = []
    for length in range(len(data)):
        left = cut(tmp_path, data[:length])
        numbers.append(0 if left is None else len(left[0].graph.node))
        assert left is None or left[1].startswith("the file is damaged or cut short at byte ") or not left[1]
    assert numbers == sorted(numbers)
    assert set(numbers) == {0, 1, 2, 3}


def test_a_whole_file(tmp_path: Path) -> None:
    left = cut(tmp_path, zoo.chain().SerializeToString())
    assert left is not None
    assert left == (zoo.chain(), "")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 30, b"text", b"\x3a\x7f\x0a"], ids=repr)
def test_nothing_left(data: bytes, tmp_path: Path) -> None:
    assert cut(tmp_path, data) is None


def test_damage_inside(tmp_path: Path) -> None:
    """A length in the second node that leads beyond it."""
    data = bytearray(zoo.chain().SerializeToString())
    data[data.index(b"\x03Neg")] = 0x40
    left = cut(tmp_path, bytes(data))
    assert left is not None
    assert [node.op_type for node in left[0].graph.node] == ["Relu"]


def test_message_classes_are_those_of_the_package() -> None:
    """In either order; and reading a structure does not import the package."""
    program = (
        "import sys\n"
        "from trtkit.backends.onnx.protos import protos\n"
        "first = protos().ModelProto\n"
        "assert 'onnx' not in sys.modules and 'numpy' not in sys.modules\n"
        "import onnx, onnx.onnx_ml_pb2\n"
        "assert onnx.ModelProto is first is onnx.onnx_ml_pb2.ModelProto\n"
        "onnx.checker.check_model(first(ir_version=9, graph=onnx.GraphProto(name='g'),\n"
        "    opset_import=[onnx.helper.make_opsetid('', 17)]))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert protos().ModelProto is onnx.ModelProto
