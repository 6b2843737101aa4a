"""What a suite keeps between its runs: results of jobs by the hash of all that they depend on, and hashes of files.

    .trtkit-suite/
        .gitignore          so that it is never committed
        CACHEDIR.TAG        so that it is not backed up (https://bford.info/cachedir/)
        hashes.json         path -> size, time, inode and SHA-256
        results/KEY.json    one for each job that ended
        references/KEY/     outputs of a reference (trtkit.suite.references)

Every file appears when it is complete, so whatever ends a suite, what was finished stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.atomic import replacing, write_errors
from trtkit.errors import FileError
from trtkit.fingerprint import file_sha256
from trtkit.suite.verdicts import JobResult

__all__ = ["FOLDER", "REFERENCES", "FileHashes", "Store"]

FOLDER = ".trtkit-suite"
REFERENCES = "references"

_VERSION = 1
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of trtkit suite; it can be removed.\n"
_OLD = 30 * 86400
"""Seconds after which a result that nothing asked for is removed."""

_FRESH = 2.0
"""Seconds within which a file that was just written could be written again without another time."""


class Store:
    """A folder with results.

    Args:
        folder: made where it is missing.

    Raises:
        FileError: it cannot be made, or is somebody else's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._results = folder / "results"
        self.references = folder / REFERENCES
        with write_errors(folder):
            if folder.is_dir() and any(folder.iterdir()) and not (folder / "CACHEDIR.TAG").exists():
                raise FileError(f"{str(folder)!r} holds other files; --work-dir needs a folder of its own")
            self._results.mkdir(parents=True, exist_ok=True)
            self.references.mkdir(exist_ok=True)
            for name, text in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
                if not (folder / name).exists():
                    (folder / name).write_text(text, encoding="utf-8")
        self.hashes = FileHashes(folder / "hashes.json")
        self._remove_old()

    def result(self, key: str) -> JobResult | None:
        """What a job came to that had this key; None where none has ended, or its file is damaged."""
        path = self._path(key)
        try:
            data = json.loads(path.read_bytes())
            found = JobResult.from_data(data["job"]) if data["version"] == _VERSION else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def keep(self, result: JobResult) -> None:
        """Keep a result under its key.

        Raises:
            FileError: it cannot be written.
        """
        with replacing(self._path(result.key)) as file:
            file.write(json.dumps({"version": _VERSION, "job": result.to_data()}, allow_nan=False).encode())

    def forget_reference(self, reference: str) -> None:
        """Remove the answers of a reference, where there are some."""
        if reference:
            shutil.rmtree(self.references / reference, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._results / f"{key}.json"

    def _remove_old(self) -> None:
        with contextlib.suppress(OSError):
            for entry in (*self._results.iterdir(), *self.references.iterdir()):
                if time.time() - entry.stat().st_mtime > _OLD:
                    if entry.is_dir():
                        shutil.rmtree(entry)
                    else:
                        entry.unlink()


class FileHashes:
    """SHA-256 of files, computed once for each content as far as size, times and inode tell.

    Args:
        path: where they are kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        self._used: dict[str, list[Any]] = {}
        self._here: dict[str, str | None] = {}
        self._stamps: dict[str, list[int] | None] = {}
        with contextlib.suppress(OSError, ValueError):
            data = json.loads(path.read_bytes())
            if isinstance(data, dict) and data.get("version") == _VERSION:
                self._known = data["files"]

    def of(self, path: Path) -> Mapping[str, str | None]:
        """The hash of a file, or of each file in a folder, by absolute path; None for what cannot be read."""
        try:
            if path.is_dir():
                # What Python compiles on the way says nothing that the sources do not, and comes with the first job.
                found = (each for each in sorted(path.rglob("*")) if "__pycache__" not in each.relative_to(path).parts)
                return {str(each): self._one(each) for each in found if not each.is_dir()}
            return {str(path): self._one(path)}
        except OSError:
            return {str(path): None}

    def changed(self, path: str) -> bool:
        """Whether a file that was asked for is another than it was then, as far as size, times and inode tell."""
        return path in self._stamps and self._stamps[path] != _stamp(Path(path))

    def save(self) -> None:
        """Keep what was asked for.

        Raises:
            FileError: it cannot be written.
        """
        kept = {name: entry for name, entry in self._known.items() if os.path.exists(name)} | self._used
        if kept != self._known:
            with replacing(self._path) as file:
                file.write(json.dumps({"version": _VERSION, "files": kept}).encode())

    def _one(self, path: Path) -> str | None:
        """The hash of a file as it was when it was first asked for."""
        name = str(path)
        if name not in self._here:
            self._stamps[name] = _stamp(path)
            try:
                self._here[name] = self._looked_up(path)
            except (OSError, FileError):
                self._here[name] = None
        return self._here[name]

    def _looked_up(self, path: Path) -> str | None:
        found = path.stat()
        stamp = _stamp_of(found)
        known = self._known.get(str(path))
        if isinstance(known, list) and known[:-1] == stamp:
            digest = str(known[-1])
        elif not path.is_file():
            return None  # a device, which might never end
        else:
            digest = file_sha256(path)
            if time.time() - found.st_mtime < _FRESH:
                return digest
        self._used[str(path)] = [*stamp, digest]
        return digest


def _stamp(path: Path) -> list[int] | None:
    """What tells a file from another content of it; None where there is none."""
    try:
        return _stamp_of(path.stat())
    except OSError:
        return None


def _stamp_of(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]
