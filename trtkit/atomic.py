"""Files and folders that appear under their name only when they are complete.

The work happens under a hidden temporary name in the same folder, so that the last step is a rename within one file
system. Whatever goes wrong on the way, Ctrl-C included, the target is left as it was and the temporary name is removed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trtkit.errors import FileError, one_line

__all__ = ["check_writable", "replacing", "replacing_folder", "write_errors"]


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Write the file `path` anew: yields a binary file, which takes the name `path` when the block ends well.

    The permissions are those of a newly made file (0666 less the umask). A symbolic link stays a link: what it
    points to is replaced.

    Raises:
        FileError: the folder is missing or not writable, the target is a folder, a device or write-protected, or the
            disk is full. Errors of the block itself pass through.
    """
    target = _real(path)
    with write_errors(path):
        _check_file_target(target, path)
        temporary = _temporary_name(target)
        file = os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "w+b")
    try:
        with write_errors(path, only=temporary):
            yield file
            file.close()
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()  # flushing what is thrown away may fail too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def check_writable(path: str | Path) -> None:
    """Find out before long work whether `replacing(path)` will do.

    Raises:
        FileError: as for `replacing`.
    """
    target = _real(path)
    with write_errors(path):
        _check_file_target(target, path)
        temporary = _temporary_name(target)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        temporary.unlink()


@contextmanager
def replacing_folder(path: str | Path, ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Write the folder `path` anew: yields an empty temporary folder, which takes the name `path` at the end.

    A target that is missing or empty is taken. One that holds something is replaced as a whole only where
    `ours(target)` says that it is one written earlier; that is asked again before the swap.

    Raises:
        FileError: as for `replacing`; also where the target holds something else, or is the current folder.
    """
    target = _real(path)
    with write_errors(path):
        _check_folder_target(target, path, ours)
        temporary = _temporary_name(target)
        temporary.mkdir()
    try:
        with write_errors(path, only=temporary):
            yield temporary
            _check_folder_target(target, path, ours)
            _swap(temporary, target)
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def write_errors(path: str | Path, only: Path | None = None) -> Iterator[None]:
    """Turn an OSError into `FileError: cannot write PATH: reason`.

    With `only`, errors that name a file which is neither `only` nor below it are somebody else's and pass through.
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.filename is not None:
            named = Path(os.fsdecode(error.filename))
            if named != only and only not in named.parents:
                raise
        raise FileError(f"cannot write {str(path)!r}: {error.strerror or one_line(error)}") from error


def _real(path: str | Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a loop of links; a null byte in the name
        raise FileError(f"cannot write {str(path)!r}: {one_line(error)}") from error


def _temporary_name(target: Path) -> Path:
    """A hidden name beside the target that nobody else uses; short, since the target's own name may be at the limit."""
    return target.with_name(f".trtkit-{os.urandom(8).hex()}.tmp")


def _check_parent(target: Path, path: str | Path) -> None:
    if not target.parent.is_dir():
        raise FileError(f"cannot write {str(path)!r}: there is no folder {str(Path(path).parent)!r}")


def _check_file_target(target: Path, path: str | Path) -> None:
    _check_parent(target, path)
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise FileError(f"cannot write {str(path)!r}: it is a folder")
    if not stat.S_ISREG(mode):
        raise FileError(f"cannot write {str(path)!r}: it is a device or pipe, not a file")
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise FileError(f"cannot write {str(path)!r}: it is write-protected")


def _check_folder_target(target: Path, path: str | Path, ours: Callable[[Path], bool]) -> None:
    _check_parent(target, path)
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        raise FileError(f"cannot write the folder {str(path)!r}: it is a file")
    if target == Path.cwd():
        raise FileError(f"cannot write the folder {str(path)!r}: it is the current folder; name a new one")
    if any(target.iterdir()) and not ours(target):
        raise FileError(
            f"cannot write the folder {str(path)!r}: it holds other files; name a new folder, or empty this one"
        )


def _swap(temporary: Path, target: Path) -> None:
    """Rename `temporary` to `target`; what was there is removed afterwards, or put back if the rename fails."""
    if not target.exists() or not any(target.iterdir()):
        temporary.rename(target)
        return
    old = _temporary_name(target)
    target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        old.rename(target)
        raise
    _remove(old)


def _remove(folder: Path) -> None:
    import shutil  # with the archive modules of the standard library; files need none of it

    shutil.rmtree(folder, ignore_errors=True)
