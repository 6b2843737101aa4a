"""Loading engines as far as it goes without a GPU, and what is said where TensorRT refuses one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends.trt.builds import built, opened
from backends.trt.open_files import is_open
from backends.trt.package import needs_rtx

from trtkit.backends.trt import api
from trtkit.backends.trt.interrupts import raise_pending
from trtkit.backends.trt.loading import explain, load_engine
from trtkit.backends.trt.logger import Collected
from trtkit.backends.trt.plan_file import PlanHeader
from trtkit.backends.trt.stream_reader import PlanReader, _read, mapped
from trtkit.cuda.device import gpu_count
from trtkit.errors import FileError, MissingDeviceError, ModelError

DATA = bytes(range(100))


class TestReader:
    def test_reads_on(self) -> None:
        reader = PlanReader(memoryview(DATA))
        assert [bytes(reader.read(count)) for count in (0, 60, 60, 60)] == [b"", DATA[:60], DATA[60:], b""]

    @pytest.mark.parametrize("count", [-1, 0])
    def test_nothing_asked(self, count: int) -> None:
        reader = PlanReader(memoryview(DATA))
        assert bytes(reader.read(count)) == b""
        assert bytes(reader.read(1)) == DATA[:1]

    @pytest.mark.parametrize(
        ("offset", "origin", "position"),
        [
            (0, os.SEEK_SET, 0),
            (30, os.SEEK_SET, 30),
            (30, os.SEEK_CUR, 40),
            (-10, os.SEEK_CUR, 0),
            (0, os.SEEK_END, 100),
            (20, os.SEEK_END, 80),
            (-20, os.SEEK_END, 80),
        ],
    )
    def test_seek(self, offset: int, origin: int, position: int) -> None:
        reader = PlanReader(memoryview(DATA))
        reader.read(10)
        assert reader.seek(offset, origin)
        assert bytes(reader.read(5)) == DATA[position : position + 5]

    @pytest.mark.parametrize(
        ("offset", "origin"),
        [(-1, os.SEEK_SET), (101, os.SEEK_SET), (91, os.SEEK_CUR), (-11, os.SEEK_CUR), (101, os.SEEK_END)],
    )
    def test_seek_outside(self, offset: int, origin: int) -> None:
        reader = PlanReader(memoryview(DATA))
        reader.read(10)
        assert not reader.seek(offset, origin)
        assert bytes(reader.read(1)) == DATA[10:11]

    def test_nothing_is_copied(self) -> None:
        data = bytearray(DATA)
        piece = PlanReader(memoryview(data)).read(1)
        data[0] = 77
        assert piece[0] == 77

    def test_an_exception_is_not_lost(self) -> None:
        """TensorRT's bindings would print it; they get nothing to read, and it is raised afterwards."""
        data = memoryview(DATA)
        reader = PlanReader(data)
        data.release()
        assert bytes(_read(reader, 1)) == b""
        with pytest.raises(ValueError, match="released"):
            raise_pending()

    @needs_rtx
    def test_python_readers_return_what_they_read(self) -> None:
        """Unlike what the listed signatures say; a reader of the second kind cannot even be made without a driver."""
        api.set_package("tensorrt_rtx")
        assert "def read(self, num_bytes: int, stream: int) -> bytes" in api.trt().IStreamReaderV2.__doc__


def test_mapped_files_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "e.engine"
    path.write_bytes(DATA)
    with mapped(path) as data:
        assert bytes(data) == DATA
        assert is_open(path)
    assert not is_open(path)


@pytest.mark.parametrize("name", ["nothing", "empty", ""])
def test_files_that_cannot_be_mapped(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(FileError, match="cannot read the engine"), mapped(tmp_path / name):
        pass


OLD = PlanHeader("tensorrt", (8, 5, 3, 1), 600)
SAME = PlanHeader("tensorrt", (8, 6, 0, 12), 600)

REASONS: dict[str, tuple[PlanHeader, str, str | None, str]] = {
    "another release": (
        SAME,
        "6: The engine plan file is not compatible with this version of TensorRT, expecting library version "
        "8.6.0.12 got 8.5.3.1, please rebuild.",
        "8.6.0",
        "E was built by TensorRT 8.5.3.1, and the runtime here is 8.6.0.12; rebuild it here with trtkit convert, "
        "or build it there with --version-compatible",
    ),
    "another release by the header alone": (
        OLD,
        "Assertion failed",
        "8.6.0",
        "E was built by TensorRT 8.5.3.1, and the runtime here is 8.6.0; rebuild it here with trtkit convert, or build "
        "it there with --version-compatible; HERE says: Assertion failed",
    ),
    "another release by another wording": (
        SAME,
        "Version tag does not match. Note: Current Version: 232, Serialized Engine Version: 236",
        "8.6.0",
        "E was built by another release of TensorRT, and the runtime here is 8.6.0; rebuild it here with trtkit "
        "convert, or build it there with --version-compatible; HERE says: Version tag does not match. Note: Current "
        "Version: 232, Serialized Engine Version: 236",
    ),
    "another GPU": (
        SAME,
        "The engine plan file is generated on an incompatible device, expecting compute 9.0 got compute 8.6, please "
        "rebuild.",
        "8.6.0",
        "E was built for compute capability 8.6, and this GPU has 9.0; rebuild it here with trtkit convert, or build "
        "it with --hardware-compatibility-level where its GPU and this one are of Ampere or later",
    ),
    "a plugin, 8.6": (
        SAME,
        "3: getPluginCreator could not find plugin: Gelu_TRT version: 1",
        "8.6.0",
        "E needs the plugin 'Gelu_TRT', version 1, which is not registered; name its library with --plugins",
    ),
    "a plugin, 10": (
        SAME,
        "getCreator: Error Code 4: API Usage Error (Cannot find plugin: Gelu, version: 2, namespace:.)",
        "8.6.0",
        "E needs the plugin 'Gelu', version 2, which is not registered; name its library with --plugins",
    ),
}


@pytest.fixture
def rtx() -> Iterator[None]:
    api.set_package("tensorrt_rtx")
    yield
    api.set_package("auto")


def said(*texts: str) -> Collected:
    messages = Collected()
    messages.errors += texts
    return messages


@needs_rtx
@pytest.mark.usefixtures("rtx")
class TestReasons:
    @pytest.mark.parametrize(("header", "text", "here", "message"), REASONS.values(), ids=REASONS)
    def test_known(self, header: PlanHeader, text: str, here: str | None, message: str) -> None:
        error = explain("E", header, said(text, "Engine deserialization failed"), here)
        assert isinstance(error, ModelError)
        assert str(error).replace("; Engine deserialization failed", "") == message.replace("HERE", api.title())

    @pytest.mark.parametrize("here", ["8.5.3.1", "8.5.3", None])
    def test_a_release_that_is_no_reason(self, here: str | None) -> None:
        """The same one with or without its build number, or that of a library which is not known."""
        assert "was built by" not in str(explain("E", OLD, said("out of memory"), here))

    def test_others_are_said_as_they_are(self) -> None:
        assert "cannot load E" in str(explain("E", SAME, said("out of memory"), "8.6.0"))
        assert "out of memory" in str(explain("E", SAME, said("out of memory"), "8.6.0"))


@needs_rtx
@pytest.mark.usefixtures("rtx")
class TestLoading:
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Path:
        path = tmp_path / "e.engine"
        with opened(tmp_path) as net:
            path.write_bytes(built(net))
        return path

    @pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")
    @pytest.mark.parametrize("kind", ["file", "bytes", "view"])
    def test_no_gpu(self, engine: Path, kind: str) -> None:
        data = engine.read_bytes()
        sources: dict[str, Path | bytes | memoryview] = {"file": engine, "bytes": data, "view": memoryview(data)}
        with pytest.raises(MissingDeviceError, match=r"cannot load the engine.* without an NVIDIA GPU") as caught:
            load_engine(sources[kind])
        assert "\n" not in str(caught.value)
        assert not is_open(engine)

    def test_damaged_files_are_refused_before(self, engine: Path) -> None:
        engine.write_bytes(engine.read_bytes()[:-5])
        with pytest.raises(ModelError, match="is cut short"):
            load_engine(engine)

    def test_no_runtime_library(self, engine: Path, tmp_path: Path) -> None:
        (tmp_path / "libnvinfer_lean.so.8").touch()
        with pytest.raises(FileError, match=r"^--load-runtime: there is no library .*did you mean .*lean\.so\.8"):
            load_engine(engine, load_runtime=tmp_path / "libnvinfer_lean.so.9")

    def test_a_runtime_library_that_is_none(self, engine: Path, tmp_path: Path) -> None:
        path = tmp_path / "lean.so"
        path.write_text("no library")
        with pytest.raises(ModelError, match=r"^--load-runtime: TensorRT-RTX .* cannot load '.*lean\.so' as a runtime"):
            load_engine(engine, load_runtime=path)
