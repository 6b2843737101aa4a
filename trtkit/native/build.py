"""Compile the C of this folder into a library beside it: `python -m trtkit.native.build`.

The installation does so too (hatch_build.py), and goes on without where it fails. The library knows nothing of Python,
so one serves every version of it. The standard library only: this runs where nothing is installed yet.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from trtkit.native.sources import FOLDER, LIBRARY, fingerprint

__all__ = ["build"]

_FLAGS = (
    "-std=gnu11",
    "-O3",
    "-funroll-loops",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",  # a * b + c in one rounding would be another result where the processor can do that
    "-Wall",
    "-Wextra",
)


def build(library: Path = LIBRARY, more: tuple[str, ...] = ()) -> str:
    """Compile the library, whole or not at all.

    Args:
        library: the file to write.
        more: further flags for the compiler.

    Returns:
        An empty string, or why there is no library.
    """
    compiler = os.environ.get("CC", "").split() or next(([name] for name in ("cc", "gcc", "clang") if _found(name)), [])
    if sys.platform != "linux" or not compiler or not _found(compiler[0]):
        return "there is no C compiler" if sys.platform == "linux" else f"it is not built on {sys.platform}"
    flags = [*_FLAGS, *(["-mprefer-vector-width=512"] if platform.machine() == "x86_64" else []), *more]
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as folder:
        made = Path(folder, library.name)
        sources = map(str, sorted(FOLDER.glob("*.c")))
        command = [*compiler, *flags, f"-DTRTKIT_SOURCES={fingerprint()}u", "-o", str(made), *sources, "-lm"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{compiler[0]} does not start: {error}"
        if answer.returncode or not made.exists():
            return f"{compiler[0]} fails: {answer.stderr.strip()}"
        if answer.stderr:
            print(answer.stderr.strip(), file=sys.stderr)  # noqa: T201 - a program of its own, and pip's output
        os.replace(made, library)
    return ""


def _found(name: str) -> bool:
    return shutil.which(name) is not None


if __name__ == "__main__":
    sys.exit(build() or None)
