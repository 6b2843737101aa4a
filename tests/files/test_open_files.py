"""Open files: folders of more arrays than there may be, and archives that nobody closes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zoo

from trtkit import files
from trtkit.files.npy import map_npy
from trtkit.files.npz import open_archive

LARGE = (1 << 20) // 4  # elements of float32 that make 1 MiB

LIMITED = """
import resource, sys
import onnxruntime  # it opens files while it is loaded
from trtkit.cli.main import entry
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
entry()
"""

READ = """
import errno, os, resource, sys
import numpy as np
from pathlib import Path
from trtkit.files.npy import map_npy
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
low = os.open(os.devnull, os.O_RDONLY)
try:
    while True:
        os.open(os.devnull, os.O_RDONLY)
except OSError as error:
    assert error.errno == errno.EMFILE
os.close(low)  # one is left: enough to open the file, not to map it
array = map_npy(Path(sys.argv[1]), "x")
assert not isinstance(array.base, np.memmap) and not array.flags.writeable
print(array.sum())
"""


@pytest.mark.parametrize(("elements", "mapped"), [(LARGE, True), (LARGE - 32, False), (0, False)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_mapped(tmp_path: Path, elements: int, mapped: bool, order: str) -> None:
    wanted = np.arange(elements, dtype=np.float32).reshape(16, -1)
    np.save(tmp_path / "x.npy", np.asfortranarray(wanted) if order == "F" else wanted)
    before = len(os.listdir("/proc/self/fd"))
    array = map_npy(tmp_path / "x.npy", "x")
    assert isinstance(array.base, np.memmap) is mapped
    assert len(os.listdir("/proc/self/fd")) - before <= mapped
    assert np.array_equal(array, wanted)
    assert not array.flags.writeable


def test_last_free_descriptor_is_enough(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(LARGE, np.float32))
    done = subprocess.run([sys.executable, "-c", READ, tmp_path / "x.npy"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{float(LARGE)}\n"), done.stderr


def limited(*argv: str) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS: 100 outputs compared")


@pytest.mark.parametrize("elements", [3, LARGE], ids=["small", "large"])
def test_saved_folders_of_many_arrays(in_tmp: Path, elements: int) -> None:
    arrays = {f"y{index}": np.full(elements, index, np.float32) for index in range(100)}
    files.save_outputs(arrays, in_tmp / "a", "one")
    files.save_outputs(arrays, in_tmp / "b", "other")
    limited("run", "--load-outputs", "a", "b")


def test_sequential_runners_with_many_outputs(in_tmp: Path) -> None:
    names = [f"y{index}" for index in range(100)]
    nodes = [zoo.node("Neg", ["x"], [name]) for name in names]
    shape = [1 << 18]
    model = zoo.model(nodes, [zoo.tensor("x", shape)], [zoo.tensor(name, shape) for name in names])
    zoo.save(model, in_tmp / "many.onnx")
    limited("run", "many.onnx", "--onnxrt", "--runner", "onnxrt:name=again", "--sequential-runners")


def test_an_archive_among_garbage_closes_its_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3, np.float32))
    archive = open_archive(tmp_path / "a.npz", "a.npz")
    file = archive.fp
    assert file is not None
    circle: list[object] = [archive]
    circle.append(circle)
    del archive, circle
    gc.collect()
    assert file.closed
