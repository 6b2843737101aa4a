from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults import file_size_limit

from trtkit.atomic import replacing, replacing_folder
from trtkit.errors import FileError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def never(_: Path) -> bool:
    return False


def always(_: Path) -> bool:
    return True


def fail(error: type[BaseException], after: object) -> None:
    """Raise, once `after` has been evaluated."""
    raise error


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_file_appears_at_the_end_under_hidden_name_until_then(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with replacing(target) as file:
        file.write(b"new")
        assert [name[0] for name in names(tmp_path)] == ["."]
    assert names(tmp_path) == ["a.bin"]
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(error), replacing(target) as file:
        fail(error, file.write(b"x" * 100_000))
    assert names(tmp_path) == ["a.bin"]
    assert target.read_bytes() == b"old"


@pytest.mark.usefixtures("umask")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    with replacing(tmp_path / "file"):
        pass
    with replacing_folder(tmp_path / "folder", never):
        pass
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "real")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
        assert len(names(tmp_path / "far")) == 2  # the temporary file is beside what is replaced
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "real").read_bytes() == b"new"


def test_a_name_at_the_limit_of_the_file_system(tmp_path: Path) -> None:
    with replacing(tmp_path / ("n" * 255)) as file:
        file.write(b"x")
    assert names(tmp_path) == ["n" * 255]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing/a", "cannot write 'missing/a': there is no folder 'missing'"),
        ("folder", "cannot write 'folder': it is a folder"),
        ("pipe", "cannot write 'pipe': it is a device or pipe, not a file"),
        ("n" * 256, f"cannot write '{'n' * 256}': File name too long"),
        ("loop", "cannot write 'loop': it is a device or pipe, not a file"),
        ("file/a", "cannot write 'file/a': there is no folder 'file'"),
    ],
)
def test_targets_that_cannot_be_files(in_tmp: Path, path: str, message: str) -> None:
    (in_tmp / "folder").mkdir()
    (in_tmp / "file").touch()
    os.mkfifo(in_tmp / "pipe")
    (in_tmp / "loop").symlink_to("loop")
    before = names(in_tmp)
    with pytest.raises(FileError) as caught, replacing(path):
        pytest.fail("the block must not be entered")
    assert str(caught.value) == message
    assert names(in_tmp) == before


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of one's own as current folder; the superuser, who may write everywhere, becomes somebody else."""
    before = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        monkeypatch.chdir(folder)
        if before == 0:
            os.seteuid(65534)
        yield
        Path("shut").chmod(0o700)
        os.seteuid(before)


@pytest.mark.usefixtures("as_nobody")
def test_no_permission() -> None:
    Path("shut").mkdir(mode=0o500)
    Path("protected").touch(mode=0o400)
    for path, reason in (("shut/a", "Permission denied"), ("protected", "it is write-protected")):
        with pytest.raises(FileError) as caught, replacing(path):
            pass
        assert str(caught.value) == f"cannot write {path!r}: {reason}"


@pytest.mark.parametrize("size", [5_000, 50_000], ids=["while closing", "while writing"])
def test_a_full_disk(in_tmp: Path, size: int) -> None:
    with pytest.raises(FileError) as caught, file_size_limit(4_000), replacing("a") as file:
        file.write(b"x" * size)
    assert str(caught.value) == "cannot write 'a': File too large"
    assert names(in_tmp) == []


def test_a_full_disk_in_a_folder(in_tmp: Path) -> None:
    with pytest.raises(FileError) as caught, file_size_limit(4_000), replacing_folder("a", never) as folder:
        (folder / "x").write_bytes(b"x" * 50_000)
    assert str(caught.value) == "cannot write 'a': File too large"
    assert names(in_tmp) == []


def test_errors_about_other_files_pass_through(in_tmp: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, replacing("a"):
        Path("elsewhere").read_bytes()
    assert caught.value.errno == errno.ENOENT
    assert names(in_tmp) == []


def test_a_folder_is_new_or_replaces_an_empty_one(tmp_path: Path) -> None:
    for _ in range(2):
        with replacing_folder(tmp_path / "out", never) as folder:
            assert folder.parent == tmp_path
            assert folder.name[0] == "."
        assert names(tmp_path) == ["out"]


def test_our_own_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with replacing_folder(tmp_path / "out", always) as folder:
            (folder / content).touch()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["two"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").touch()
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "out", always) as folder:
        fail(KeyboardInterrupt, (folder / "new").write_bytes(b""))
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["kept"]


def asked_twice() -> Callable[[Path], bool]:
    answers = [True, False]
    return lambda _: answers.pop(0)


@pytest.mark.parametrize(
    ("path", "ours", "message"),
    [
        ("full", never, "cannot write the folder 'full': it holds other files; name a new folder, or empty this one"),
        (
            "full",
            asked_twice(),
            "cannot write the folder 'full': it holds other files; name a new folder, or empty this one",
        ),
        ("file", always, "cannot write the folder 'file': it is a file"),
        (".", always, "cannot write the folder '.': it is the current folder; name a new one"),
        ("missing/a", always, "cannot write 'missing/a': there is no folder 'missing'"),
    ],
    ids=["foreign", "foreign at the end", "a file", "the current folder", "no parent"],
)
def test_targets_that_cannot_be_folders(in_tmp: Path, path: str, ours: Callable[[Path], bool], message: str) -> None:
    (in_tmp / "full").mkdir()
    (in_tmp / "full" / "kept").touch()
    (in_tmp / "file").touch()
    with pytest.raises(FileError) as caught, replacing_folder(path, ours):
        pass
    assert str(caught.value) == message
    assert names(in_tmp) == ["file", "full"]
    assert names(in_tmp / "full") == ["kept"]
