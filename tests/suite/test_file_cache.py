"""Files by their content: used where they are, fetched once where they are not, never taken for what they are not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zoo

from trtkit.comparator.inputs import InputOptions
from trtkit.errors import FileError
from trtkit.plan import ExecutionOptions, RunPlan
from trtkit.suite.executor import Ended, Task
from trtkit.suite.file_cache import FileCache
from trtkit.suite.parcels import Parcel, as_named_here, moved, parcels_of, unpacked, weights_of


class Far:
    """A machine whose files are below another folder than their paths say."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []

    def write(self, path: str, content: bytes) -> str:
        (self.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path[1:]).write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def fetch(self, path: str) -> Iterator[bytes]:
        self.asked.append(path)
        content = (self.root / path[1:]).read_bytes()
        yield content[:3]
        yield content[3:]


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path / "far")


def test_fetched_once_and_kept_in_place(far: Far, tmp_path: Path) -> None:
    files = {"m.onnx": far.write("/x/m.onnx", b"model"), "d/w.bin": far.write("/x/d/w.bin", b"weights")}
    parcel = Parcel("/x/m.onnx", files)
    place = FileCache(tmp_path / "cache", far.fetch).place(parcel)
    assert place is not None
    assert {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()} == {
        "m.onnx": b"model",
        "d/w.bin": b"weights",
    }
    assert all(path.stat().st_nlink == 1 and not path.is_symlink() for path in place.rglob("*") if path.is_file())
    assert FileCache(tmp_path / "cache", far.fetch).place(parcel) == place
    assert far.asked == ["/x/m.onnx", "/x/d/w.bin"]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_what_is_here_is_used(far: Far, tmp_path: Path) -> None:
    here = tmp_path / "m.onnx"
    here.write_bytes(b"model")
    parcel = Parcel(str(here), {"m.onnx": hashlib.sha256(b"model").hexdigest()})
    cache = FileCache(tmp_path / "cache", far.fetch)
    assert cache.place(parcel) is None
    weights = far.write(str(tmp_path / "w.bin"), b"weights")  # one of two is not: they have to stay together
    place = cache.place(Parcel(str(here), {**parcel.files, "w.bin": weights}))
    assert place is not None
    assert sorted(path.name for path in place.iterdir()) == ["m.onnx", "w.bin"]
    assert far.asked == [str(tmp_path / "w.bin")]


def test_another_file_under_the_same_path_is_not_taken(far: Far, tmp_path: Path) -> None:
    here = tmp_path / "m.onnx"
    here.write_bytes(b"other")
    sha256 = far.write(str(here), b"model")
    place = FileCache(tmp_path / "cache", far.fetch).place(Parcel(str(here), {"m.onnx": sha256}))
    assert place is not None
    assert (place / "m.onnx").read_bytes() == b"model"


def test_a_damaged_copy_is_fetched_again(far: Far, tmp_path: Path) -> None:
    parcel = Parcel("/x/m.onnx", {"m.onnx": far.write("/x/m.onnx", b"model")})
    cache = FileCache(tmp_path / "cache", far.fetch)
    place = cache.place(parcel)
    assert place is not None
    (place / "m.onnx").write_bytes(b"broken")
    (tmp_path / "cache" / f"{place.name}.part").mkdir()
    (tmp_path / "cache" / f"{place.name}.part" / "left").touch()
    assert cache.place(parcel) == place
    assert [path.name for path in place.iterdir()] == ["m.onnx"]
    assert (place / "m.onnx").read_bytes() == b"model"


def test_what_cannot_be_had(far: Far, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", far.fetch)
    sha256 = far.write("/x/m.onnx", b"model")
    (far.root / "x" / "m.onnx").write_bytes(b"changed")
    with pytest.raises(FileError, match=r"'/x/m\.onnx' has changed since the suite began.*; start the suite anew"):
        cache.place(Parcel("/x/m.onnx", {"m.onnx": sha256}))
    with pytest.raises(FileError, match=r"cannot read '/x/gone' on the machine that the suite runs on: No such file"):
        cache.place(Parcel("/x/gone", {"gone": sha256}))
    assert [path.suffix for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [".part", ".part"]


def test_a_folder_that_is_not_mine(far: Far, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(FileError, match="cannot write"):
        FileCache(tmp_path / "cache", far.fetch)
    if os.getuid() == 0:
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", 12345, -1)
        with pytest.raises(FileError, match="belongs to another user; name another folder with --ray-cache"):
            FileCache(tmp_path / "theirs", far.fetch)


def test_parcels(tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    inputs = InputOptions(data_loader_script=f"{tmp_path}/scripts/load.py:feeds")
    execution = ExecutionOptions(postprocess_func_script=str(tmp_path / "p.py"))
    plan = RunPlan(tmp_path / "m.onnx", ["onnxrt"], inputs=inputs, execution=execution, baseline=golden)
    names = ["m.onnx", "w.bin", "golden/a.json", "golden/in/x.npz", "scripts/load.py", "scripts/more.py", "p.py"]
    task = Task("k", "n", plan, {str(tmp_path / name): name for name in names} | {"/far/away.txt": "far"})
    weights = {str(tmp_path / "w.bin"): str(tmp_path / "w.bin")}
    parcels = parcels_of(task, weights)
    assert {each.named: dict(each.files) for each in parcels} == {
        str(tmp_path / "m.onnx"): {"m.onnx": "m.onnx", "w.bin": "w.bin"},
        str(golden): {"golden/a.json": "golden/a.json", "golden/in/x.npz": "golden/in/x.npz"},
        str(tmp_path / "scripts/load.py"): {"load.py": "scripts/load.py", "more.py": "scripts/more.py"},
        str(tmp_path / "p.py"): {"p.py": "p.py", "scripts/more.py": "scripts/more.py"},
    }
    assert unpacked(task, parcels, weights) == ["/far/away.txt"]
    there = moved(plan, {each.named: f"/cache/{Path(each.named).name}" for each in parcels})
    assert there.model_file is not None
    assert str(there.model_file.path) == "/cache/m.onnx"
    assert (there.baseline, there.inputs.data_loader_script) == ("/cache/golden", "/cache/load.py:feeds")


def test_weights_behind_a_link(tmp_path: Path) -> None:
    import numpy as np
    import onnx

    (tmp_path / "real").mkdir()
    weights = np.ones((3, 3), np.float32)
    (tmp_path / "real" / "w.bin").write_bytes(weights.tobytes())
    model = zoo.model(
        [zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], [zoo.external_tensor("w", weights, "w.bin")]
    )
    onnx.save(model, tmp_path / "real" / "m.onnx")
    (tmp_path / "link").symlink_to("real")
    path = tmp_path / "link" / "m.onnx"
    plan = RunPlan(path, ["onnxrt"])
    # A suite knows weights by their paths without links.
    task = Task("k", "n", plan, {str(path): "m", str(tmp_path / "real" / "w.bin"): "w"})
    (parcel,) = parcels_of(task, weights_of(plan))
    assert dict(parcel.files) == {"m.onnx": "m", "w.bin": "w"}


def test_the_users_paths_are_told() -> None:
    report = b'{"model": "/c\\u00e4che/k/m.onnx", "more": ["/c\\u00e4che/k/w.bin: x"]}'
    ended = Ended("k", "finished", report, "cannot read /cäche/k/m.onnx", "at /cäche/k/p.py:3")
    told = as_named_here(ended, {"/cäche/k": "/home/me"})
    assert told.report == b'{"model": "/home/me/m.onnx", "more": ["/home/me/w.bin: x"]}'
    assert (told.message, told.log) == ("cannot read /home/me/m.onnx", "at /home/me/p.py:3")
