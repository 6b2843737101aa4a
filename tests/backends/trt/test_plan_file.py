"""Headers of engine files, read and judged without TensorRT and without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import zoo
from backends.trt.builds import built, opened
from backends.trt.package import needs_rtx

from trtkit.backends.trt import api
from trtkit.backends.trt.plan_file import PlanHeader, check_plan, parse_header, read_header
from trtkit.errors import FileError, ModelError


def plan(tag: bytes = b"ftrt", version: tuple[int, ...] = (8, 6, 0, 12), size: int = 600, says: int = 600) -> bytes:
    """Bytes that begin as an engine does."""
    head = tag + bytes(12) + says.to_bytes(8, "little") + bytes(version)
    return (head + bytes(size))[:size]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.engine"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (plan(), PlanHeader("tensorrt", (8, 6, 0, 12), 600)),
        (plan(b"vtrt", (1, 7, 1, 116)), PlanHeader("tensorrt_rtx", (1, 7, 1, 116), 600)),
        (plan(says=1 << 33), PlanHeader("tensorrt", (8, 6, 0, 12), 1 << 33)),
        (plan(b"ptrt"), None),
        (plan(b"vtrt"), None),
        (plan(version=(1, 7, 1, 116)), None),
        (plan(version=(0, 0, 0, 0)), None),
        (plan(size=27), None),
        (plan(size=28), PlanHeader("tensorrt", (8, 6, 0, 12), 600)),
        (b"", None),
    ],
    ids=["8.6", "rtx", "large", "tag", "tag and version", "version", "no version", "27", "28", "empty"],
)
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_headers(data: bytes, header: PlanHeader | None, kind: type[bytes | memoryview], file: Path) -> None:
    assert parse_header(kind(data)) == header
    file.write_bytes(data)
    assert read_header(file) == header


@needs_rtx
def test_a_real_engine(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path) as net:
        data = built(net)
        version = tuple(int(number) for number in api.version().split("."))
    file.write_bytes(data)
    header = check_plan(file, "tensorrt_rtx")
    assert header == PlanHeader("tensorrt_rtx", version, len(data))
    assert header.title == f"TensorRT-RTX {api.version()}"
    assert check_plan(file) == header
    with pytest.raises(ModelError, match=f"built by {header.title}, and TensorRT cannot load it; .*tensorrt_rtx"):
        check_plan(file, "tensorrt")
    file.write_bytes(data[:-1])
    with pytest.raises(ModelError, match=f"cut short: the file has {len(data) - 1} bytes.* says {len(data)}; copy"):
        check_plan(file, "tensorrt_rtx")


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"the engine '.*e\.engine' is empty; copy it again, or rebuild it"),
    "cut short": (plan(size=500), r"is cut short: the file has 500 bytes, its header says 600; copy it again"),
    "too long": (plan(size=601), r"does not end where it should: the file has 601 bytes, its header says 600; copy"),
    "no header": (plan(size=9), r"is cut short: the file has 9 bytes, less than its header; copy it again"),
    "other package": (
        plan(b"vtrt", (1, 7, 1, 116)),
        r"was built by TensorRT-RTX 1\.7\.1\.116, and TensorRT cannot load it; choose --trt-package tensorrt_rtx",
    ),
    "text": (b"no engine\n" * 1000, r"e\.engine' is a text file, not an engine; name an engine"),
    "text cut in a character": ("ä".encode() * 300 + b"x", "is a text file"),
    "odd text cut in a character": (b"x" + "ä".encode() * 300, "is a text file"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(data: bytes, message: str, file: Path) -> None:
    file.write_bytes(data)
    with pytest.raises(ModelError, match=message) as caught:
        check_plan(file, "tensorrt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", zoo.MODELS)
def test_an_onnx_model(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is an ONNX model, not an engine; say so with --model-type onnx"):
        check_plan(zoo.write(name, tmp_path))


LEFT_TO_TENSORRT = {
    "another tag": plan(b"ptrt"),
    "a layout that is not known": plan(version=(0, 0, 0, 0), size=500),
    "binary": bytes(range(256)) * 4,
    "one byte": b"\x00",
    "two bytes that an ONNX model begins with": b"\x08\x09",
}


@pytest.mark.parametrize("data", LEFT_TO_TENSORRT.values(), ids=LEFT_TO_TENSORRT)
def test_left_to_tensorrt(data: bytes, file: Path) -> None:
    file.write_bytes(data)
    assert check_plan(file, "tensorrt") is None


def test_any_package_where_none_is_in_use(file: Path) -> None:
    for data in (plan(), plan(b"vtrt", (1, 7, 1, 116))):
        file.write_bytes(data)
        assert check_plan(file) == parse_header(data)


@pytest.mark.parametrize("check", [check_plan, read_header])
def test_no_file(check: type, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read the engine '.*nothing': No such file"):
        check(tmp_path / "nothing")
    with pytest.raises(FileError, match=r"cannot read the engine .*: Is a directory"):
        check(tmp_path)
