"""Loading engines onto a GPU, and each refusal of TensorRT's in trtkit's words."""

from __future__ import annotations

import importlib.util
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.trt.builds import built, opened
from backends.trt.open_files import is_open, open_count

from trtkit.backends.trt import api
from trtkit.backends.trt.loading import load_engine
from trtkit.backends.trt.plan_file import check_plan
from trtkit.errors import FileError, ModelError, WorkError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="tensorrt is not installed"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    # No tactics of cuBLAS and cuDNN, which the machine that tests need not have.
    with opened(tmp_path_factory.mktemp("engine"), "linear", "tensorrt") as net:
        sources: dict[str, Any] = {} if api.strongly_typed_only() else {"tactic_sources": ()}
        return built(net, **sources)


@pytest.fixture
def path(data: bytes, tmp_path: Path) -> Iterator[Path]:
    api.set_package("tensorrt")
    path = tmp_path / "e.engine"
    path.write_bytes(data)
    yield path
    api.set_package("auto")


def refusal(source: Path | bytes, **options: Any) -> str:
    """What is said when it is loaded: one line, an error of the command's (exit 3)."""
    with pytest.raises(WorkError) as caught:
        load_engine(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", ["file", "bytes", "view"])
def test_loaded(kind: str, path: Path, data: bytes) -> None:
    sources: dict[str, Path | bytes | memoryview] = {"file": path, "bytes": data, "view": memoryview(data)}
    with load_engine(sources[kind]) as loaded:
        assert not is_open(path)
        path.write_bytes(b"")  # nothing of the file is needed any more
        assert [loaded.engine.get_tensor_name(index) for index in range(loaded.engine.num_io_tensors)] == ["x", "y"]
        assert loaded.runtime.engine_host_code_allowed
        context = loaded.engine.create_execution_context()
        assert context is not None
        del context
    assert loaded.engine is None
    assert loaded.runtime is None


def test_the_header_of_a_real_engine(path: Path, data: bytes) -> None:
    header = check_plan(path, "tensorrt")
    assert header is not None
    assert header.size == len(data)
    assert header.title.startswith(f"TensorRT {api.version()}")


def test_empty(path: Path) -> None:
    path.write_bytes(b"")
    assert "e.engine' is empty; copy it again" in refusal(path)


@pytest.mark.parametrize("size", [3, 20, 28, 40, 1000, -1])
def test_cut_short(size: int, path: Path, data: bytes) -> None:
    path.write_bytes(data[:size])
    message = refusal(path)
    if size == 3:  # not even a tag, but a text
        assert "is a text file, not an engine" in message
    else:
        assert f"is cut short: the file has {len(data[:size])} bytes" in message


def test_too_long(path: Path, data: bytes) -> None:
    path.write_bytes(data + b"x")
    assert f"the file has {len(data) + 1} bytes, its header says {len(data)}" in refusal(path)


@pytest.mark.parametrize("content", [bytes(5000), bytes(range(256)) * 20, b"\x00"], ids=["zeros", "binary", "a byte"])
def test_not_an_engine(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    message = refusal(path)
    assert "e.engine' is not an engine, or of a format that this trtkit does not know; rebuild it here" in message


def test_bytes_that_are_no_engine(path: Path, data: bytes) -> None:
    assert "the engine is not an engine, or of a format" in refusal(b"")
    assert "what was sent is not an engine, or of a format" in refusal(bytes(5000), name="what was sent")
    assert re.search(r"cannot load the engine: \S", refusal(data[:-1]))


def patched(data: bytes, changes: dict[int, bytes]) -> bytes:
    found = bytearray(data)
    for offset, piece in changes.items():
        found[offset : offset + len(piece)] = piece
    return bytes(found)


@pytest.fixture
def archive(data: bytes) -> None:
    """Skip where the engine is not laid out as it is in 8.6.0."""
    if api.version() != "8.6.0" or (data[84], data[89], data[94], data[99]) != (8, 6, 0, 12):
        pytest.skip("the bytes to change are known of TensorRT 8.6.0 only")


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    "changes",
    [
        {25: b"\x05", 26: b"\x03", 27: b"\x01", 89: b"\x05", 94: b"\x03", 99: b"\x01"},
        {24: b"\x0a", 25: b"\x03", 27: b"\x00", 84: b"\x0a", 89: b"\x03", 99: b"\x00"},
    ],
    ids=["8.5.3.1", "10.3.0.0"],
)
def test_another_release(changes: dict[int, bytes], path: Path, data: bytes) -> None:
    content = patched(data, changes)
    path.write_bytes(content)
    there = r"\.".join(map(str, content[24:28]))
    assert re.search(
        rf"e\.engine' was built by TensorRT {there}, and the runtime here is 8\.6\.0(\.12)?; rebuild it here with "
        "trtkit convert, or build it there with --version-compatible",
        refusal(path),
    )


@pytest.mark.usefixtures("archive")
def test_another_compute_capability(path: Path, data: bytes) -> None:
    (major,) = struct.unpack_from("<I", data, 124)
    path.write_bytes(patched(data, {124: struct.pack("<I", major - 1)}))
    assert re.search(
        rf"e\.engine' was built for compute capability {major - 1}\.\d, and this GPU has {major}\.\d; rebuild it here",
        refusal(path),
    )


def test_a_runtime_library_that_is_not_there(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"--load-runtime: there is no library .*lean"):
        load_engine(path, load_runtime=tmp_path / "lean.so")


def test_a_runtime_library_that_is_none(path: Path, tmp_path: Path) -> None:
    text = tmp_path / "lean.so"
    text.write_text("no library")
    message = refusal(path, load_runtime=text)
    assert re.search(r"--load-runtime: TensorRT .* cannot load '.*lean\.so' as a runtime: .*lean\.so", message)
    assert "name the libnvinfer_lean library of the release that built the engine" in message


def test_weight_streaming(path: Path) -> None:
    """Releases without it say which have it; an engine without such weights says how to build one."""
    message = refusal(path, weight_streaming_budget="50%")
    if api.has("ICudaEngine.streamable_weights_size"):
        assert "has no weights that can be streamed; build it with --weight-streaming" in message
    else:
        assert re.fullmatch(
            r"--weight-streaming-budget: TensorRT .* has no ICudaEngine\.streamable_weights_size; it is in TensorRT "
            r"10\.0 to 11\.4 and TensorRT-RTX 1\.7; leave it out: all weights stay on the GPU",
            message,
        )


def test_dla_workspace(path: Path) -> None:
    with pytest.raises(ModelError, match=r"^--dla-workspace-allocation-strategy"):
        load_engine(path, dla_workspace_allocation_strategy="shared_static")


def test_fifty_loads_leave_nothing(path: Path) -> None:
    load_engine(path).close()
    files = open_count()
    for _ in range(50):
        load_engine(path).close()
    assert open_count() <= files
    assert not is_open(path)
