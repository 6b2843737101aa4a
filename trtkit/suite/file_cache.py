"""Files by what is in them: a folder on each machine of a cluster, for those that a job reads and the machine lacks.

    KEY/...       the files of a parcel in their places; KEY is the SHA-256 of their names and hashes
    KEY.part/     the same while it is filled
    KEY.lock      held by the process that fills it

Each file is a file of its own, neither a symbolic nor a hard link: ONNX refuses to read weights from those.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trtkit.atomic import write_errors
from trtkit.errors import FileError
from trtkit.fingerprint import file_sha256, short
from trtkit.suite.parcels import Parcel

__all__ = ["FileCache", "default_folder"]

Fetch = Callable[[str], Iterable[bytes]]
"""The bytes of a file of the machine that the suite was started on, piece by piece; raises OSError."""

_hashes: dict[tuple[str, int, int, int, int], str] = {}
"""SHA-256 by path, size, times and inode of what this process has read."""


class FileCache:
    """The files of this machine.

    Args:
        folder: where those are kept that were fetched; made where it is missing, readable for this user only.
        fetch: gets one.

    Raises:
        FileError: the folder cannot be made, or belongs to another user.
    """

    def __init__(self, folder: str | Path, fetch: Fetch) -> None:
        self._folder, self._fetch = Path(folder), fetch
        with write_errors(folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._folder.stat().st_uid != os.getuid():
                raise FileError(f"{str(folder)!r} belongs to another user; name another folder with --ray-cache")

    def place(self, parcel: Parcel) -> Path | None:
        """A folder with the files of a parcel; None where they are all on this machine under their own paths.

        Raises:
            FileError: a file cannot be fetched or written, or is another than it was.
        """
        if all(_is(Path(parcel.folder, name), sha256) for name, sha256 in parcel.files.items()):
            return None
        key = hashlib.sha256(json.dumps(sorted(parcel.files.items())).encode()).hexdigest()
        whole, part = self._folder / key, self._folder / f"{key}.part"
        with write_errors(whole), _lock(self._folder / f"{key}.lock"):
            if all(_is(whole / name, sha256) for name, sha256 in parcel.files.items()):
                return whole
            for left in (whole, part):
                shutil.rmtree(left, ignore_errors=True)
            for name, sha256 in parcel.files.items():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                self._bring(Path(parcel.folder, name), sha256, part / name)
            part.rename(whole)
        return whole

    def _bring(self, source: Path, sha256: str, target: Path) -> None:
        if _is(source, sha256):
            shutil.copyfile(source, target)
        else:
            pieces = iter(self._fetch(str(source)))
            with target.open("wb") as file:
                while (piece := _next(pieces, source)) is not None:
                    file.write(piece)
        if not _is(target, sha256):
            raise FileError(
                f"{str(source)!r} has changed since the suite began: its SHA-256 is not {short(sha256)}; start the "
                "suite anew"
            )


def default_folder() -> Path:
    """Where files are kept if nobody says where."""
    return Path(tempfile.gettempdir()) / f"trtkit-files-{os.getuid()}"


def _next(pieces: Iterator[bytes], source: Path) -> bytes | None:
    try:
        return next(pieces, None)
    except OSError as error:
        raise FileError(
            f"cannot read {str(source)!r} on the machine that the suite runs on: {error.strerror or error}"
        ) from error


def _is(path: Path, sha256: str) -> bool:
    """Whether a file is there with this content; it is read once as long as nothing tells that it was changed."""
    try:
        found = path.stat()
        key = (str(path), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        if key not in _hashes:
            if not path.is_file():
                return False
            _hashes[key] = file_sha256(path)
    except (OSError, FileError):
        return False
    return _hashes[key] == sha256


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time pass; the lock of one that is killed is free."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.ExitStack() as stack:
            stack.callback(fcntl.flock, file, fcntl.LOCK_UN)
            yield
