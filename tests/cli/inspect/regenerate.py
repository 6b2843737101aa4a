"""The golden outputs of `trtkit inspect model`, text and JSON, over the models of zoo.py and some broken ones.

    python tests/cli/inspect/regenerate.py

writes them anew into `golden/`. Look at what changed before you commit it. `test_golden.py` compares.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
sys.path.insert(0, str(HERE.parents[1]))  # tests/, where zoo.py is, when this file is run by itself

import zoo  # noqa: E402

from trtkit.cli.main import main  # noqa: E402

__all__ = ["CASES", "GOLDEN", "output"]

LINE = ("--show", "layers", "attrs", "weights", "--show-values", "-n", "1", "--list-unbounded-dds", "-q")


_PROTOBUF = re.compile(r"(?<=or is damaged: )[^\n\"]*")
"""Protobuf's words, which differ from release to release."""


def _write_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Writes the model `linear`, changed."""

    def write(path: Path) -> None:
        path.write_bytes(change(zoo.linear().SerializeToString()))

    return write


def _external(present: bool) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        made = zoo.write_external(path.parent)
        made.rename(path)
        if not present:
            (path.parent / "w.bin").unlink()

    return write


def _of_zoo(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        zoo.save(zoo.MODELS[name](), path)

    return write


CASES: dict[str, Callable[[Path], None]] = {
    **{name: _of_zoo(name) for name in zoo.MODELS},
    "broken_cut_in_a_weight": _write_bytes(lambda data: data[: data.index(b"w") + 40]),
    "broken_cut_at_the_end": _write_bytes(lambda data: data[:-1]),
    "broken_cut_at_the_start": _write_bytes(lambda data: data[:3]),
    "broken_text": _write_bytes(lambda data: b"this is no model"),
    "broken_empty": _write_bytes(lambda data: b""),
    "broken_node": _write_bytes(lambda data: data.replace(b'"\x06MatMul', b'"\x66MatMul')),
    "broken_weight": _write_bytes(lambda data: data.replace(b"\x08\x03\x08\x03\x10\x01", b"\x08\x03\x08\x04\x10\x01")),
    "broken_names": _write_bytes(lambda data: data.replace(b"\x1a\x01m", b"\x1a\x01\xff")),
    "external": _external(present=True),
    "external_missing": _external(present=False),
}
"""What each case writes."""


def output(name: str, json: bool) -> str:
    """What the command prints for a case: standard output, then standard error and exit code where it failed."""
    streams = io.StringIO(), io.StringIO()
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        real = Path(folder).resolve()
        os.chdir(folder)
        try:
            CASES[name](Path(f"{name}.onnx"))
            with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
                code = main(["inspect", "model", f"{name}.onnx", *LINE, *(["--json"] if json else [])])
        finally:
            os.chdir(before)
    out, err = (stream.getvalue().replace(str(real), "FOLDER") for stream in streams)
    whole = out + (f"--- exit code {code}, standard error:\n{err}" if code else "")
    return _PROTOBUF.sub("...", whole)


def _main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.iterdir():
        old.unlink()
    for name in CASES:
        for suffix, json in ((".txt", False), (".json", True)):
            (GOLDEN / f"{name}{suffix}").write_text(output(name, json), encoding="utf-8")
    print(f"{2 * len(CASES)} files in {GOLDEN}")


if __name__ == "__main__":
    _main()
