"""Arrays so large that they are read, written and checked in other ways: they come back, or are refused."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from faults import file_size_limit
from files.damaged import b64, error_of, npy, read_all

from trtkit import files
from trtkit.errors import FileError
from trtkit.files.space import reserve
from trtkit.results import Iteration

MANY = (33 << 20) // 4  # elements of float32 that are worth a thread
X = "cannot read 'x' of iteration 0 in 'f.{}': "

formats = pytest.mark.parametrize(
    "suffix", [row.suffix for row in files.FORMATS], ids=lambda suffix: suffix or "folder"
)


def numbers(count: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).random(count, np.float32)


def in_json(text: str, at: Path) -> None:
    at.write_text(f'[{{"x": {{"array": "{text}", "polygraphy_class": "ndarray"}}}}]')


@formats
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_large_arrays_come_back(tmp_path: Path, suffix: str, layout: str) -> None:
    table = numbers(2 * MANY).reshape(-1, 64)
    array = {"C": table[::1, :], "F": np.asfortranarray(table[: MANY // 64]), "strided": table[:, ::2]}[layout]
    path = tmp_path / f"f{suffix}"
    files.save_inputs([{"x": array, "small": np.arange(3)}] * 2, path)
    for feed in files.read_inputs(path).feeds():
        assert np.array_equal(feed["x"], array)
        assert np.array_equal(feed["small"], np.arange(3))


@formats
def test_what_is_written_may_change_at_once(tmp_path: Path, suffix: str) -> None:
    array = numbers(MANY)
    wanted = array.copy()
    with files.open_writer(tmp_path / f"f{suffix}", "inputs") as writer:
        writer.write(Iteration({"x": array}))
        array[:] = 0
    assert np.array_equal(files.load_inputs(tmp_path / f"f{suffix}")[0]["x"], wanted)


@formats
def test_a_disk_that_is_full_in_a_large_array(tmp_path: Path, suffix: str) -> None:
    writer = files.open_writer(tmp_path / f"f{suffix}", "inputs")
    with pytest.raises(FileError, match=r"^cannot write '.*': File too large$"), file_size_limit(20 << 20):
        writer.write(Iteration({"x": numbers(MANY)}))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("count", [1 << 18, 1 << 19, MANY])
def test_archives_of_other_programs(tmp_path: Path, count: int) -> None:
    array = numbers(count)
    np.savez(tmp_path / "stored.npz", x=array)
    np.savez_compressed(tmp_path / "deflated.npz", x=array)
    files.save_inputs({"x": array}, tmp_path / "ours.npz")
    for name in ("stored", "deflated", "ours"):
        assert np.array_equal(files.load_inputs(tmp_path / f"{name}.npz")[0]["x"], array)
    with np.load(tmp_path / "ours.npz") as archive:
        assert np.array_equal(archive["0000000000/x"], array)
    with zipfile.ZipFile(tmp_path / "ours.npz") as archive:
        assert archive.testzip() is None


def test_an_archive_behind_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=numbers(1 << 18))
    (tmp_path / "b.npz").write_bytes(b"#!/bin/sh\n" + (tmp_path / "a.npz").read_bytes())
    assert np.array_equal(files.load_inputs(tmp_path / "b.npz")[0]["x"], numbers(1 << 18))


@pytest.mark.parametrize("count", [1 << 18, MANY])
@pytest.mark.parametrize("where", [0.01, 0.5, 0.999])
def test_one_wrong_bit_in_an_archive(in_tmp: Path, count: int, where: float) -> None:
    np.savez("f.npz", x=np.zeros(count, np.float32))
    content = bytearray(Path("f.npz").read_bytes())
    content[int(len(content) * where)] ^= 1
    Path("f.npz").write_bytes(content)
    wanted = X.format("npz") + "Bad CRC-32 for file 'x.npy'"
    assert error_of(lambda: read_all("f.npz")) == wanted
    iteration = files.read("f.npz").runs[0].iterations
    sweep = iteration.stored(0).arrays["x"].sweep()  # type: ignore[attr-defined]  # as every format has it
    assert error_of(lambda: list(sweep.pieces)) == wanted


def test_an_archive_that_becomes_shorter(in_tmp: Path) -> None:
    np.savez("f.npz", x=np.zeros(1 << 20, np.float32))
    (run,) = files.read("f.npz").runs
    os.truncate("f.npz", 1 << 20)
    assert error_of(lambda: run.iterations[0]).startswith(X.format("npz"))


def test_a_header_that_lies_about_the_length_of_its_text(in_tmp: Path) -> None:
    """The text is as long as it is, whatever the header says; and what it says is not what is there."""
    data = npy(numbers(100_000))
    for said in (90_000, 110_000, 10**30):
        content = data.replace(b"(100000,), }", f"({said},), }}".encode().ljust(12))
        in_json(b64(content), Path("f.json"))
        assert error_of(lambda: read_all("f.json")).startswith(
            X.format("json") + f"its header asks for {4 * said} bytes"
        )


@pytest.mark.parametrize("bad", ['"', "\\", "*", "\n", "="])
@pytest.mark.parametrize("at", [100_000, 1_500_000, -1])
def test_what_is_no_base64_in_a_large_text(in_tmp: Path, bad: str, at: int) -> None:
    text = b64(npy(numbers(400_000)))
    at %= len(text)
    in_json(text[:at] + bad + text[at + 1 :], Path("f.json"))
    error_of(lambda: read_all("f.json"))


def test_a_quote_in_a_large_text_is_found_when_it_is_decoded(in_tmp: Path) -> None:
    text = b64(npy(numbers(400_000)))
    in_json(text[:200_000] + '": "' + text[200_004:], Path("f.json"))
    message = error_of(lambda: files.read("f.json").runs[0].iterations[0])
    assert message.startswith(X.format("json") + "damaged base64 text: ")


@pytest.mark.parametrize("count", [100_000, 100_001, 100_002])
def test_escaped_slashes_in_a_large_text(in_tmp: Path, count: int) -> None:
    text = b64(npy(numbers(count)))
    assert "/" in text
    in_json(text.replace("/", "\\/"), Path("f.json"))
    assert np.array_equal(files.load_inputs("f.json")[0]["x"], numbers(count))


MAPPED = """
import sys
from trtkit import files

def resident():
    return {word: int(text.split()[0]) for word, text in
            (line.split(":") for line in open("/proc/self/status") if line.startswith("Rss"))}["RssFile"]

before = resident()
iteration = files.read(sys.argv[1]).runs[0].iterations[0]
print(resident() - before)
"""


def test_pages_of_a_mapped_file_are_let_go(in_tmp: Path) -> None:
    files.save_inputs({"x": np.zeros(16 << 20, np.float32)}, "f.json")  # 85 MiB of text
    done = subprocess.run([sys.executable, "-c", MAPPED, "f.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50_000  # KiB, with the libraries that are loaded on the way


def test_room_where_there_is_none_to_take(tmp_path: Path) -> None:
    with open(os.devnull, "wb") as file:
        reserve(file, 1 << 30)  # a device has none, which is no error
    with (tmp_path / "f").open("wb") as file:
        reserve(file, 1 << 10)
        assert os.path.getsize(tmp_path / "f") == 0  # too little to ask for
        reserve(file, 1 << 24)
        assert os.path.getsize(tmp_path / "f") == 1 << 24
        with pytest.raises(OSError, match="File too large"), file_size_limit(1 << 20):
            reserve(file, 1 << 25)
