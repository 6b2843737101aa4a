"""Damaged .npy data, archives and catalogues: one line, with the place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files.damaged import error_of, npy, read_all, safetensors

from trtkit import files


def raw_npy(header: str, data: bytes = bytes(12)) -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def header_of(descr: str = "'<f4'", shape: str = "(3,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n"


DAMAGED = "its .npy header is damaged"
BAD_NPY: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is not .npy data"),
    "no npy": (b"hello, world", "it is not .npy data"),
    "version": (b"\x93NUMPY\x09\x00" + npy()[8:], "it is .npy data of the unknown version 9"),
    "cut in the magic": (npy()[:7], "it is .npy data of the unknown version 0"),
    "cut before the header": (npy()[:9], DAMAGED),
    "cut in the header": (npy()[:40], DAMAGED),
    "cut in the data": (npy()[:-1], "its header asks for 12 bytes of data, but there are 11; it was cut short"),
    "a long header": (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", DAMAGED),
    "no type": (raw_npy(header_of("'zz9'")), DAMAGED),
    "no keys": (raw_npy("{}\n"), DAMAGED),
    "nested": (raw_npy(header_of(shape="(" * 4000 + ")" * 4000)), DAMAGED),
    "minus": (raw_npy(header_of(shape="-" * 9000 + "1")), DAMAGED),
    "negative": (raw_npy(header_of(shape="(-3,)")), "its .npy header has the shape (-3,)"),
    "enormous": (
        raw_npy(header_of(shape="(3000000000000,)")),
        "its header asks for 12000000000000 bytes of data, but there are 12; it was cut short",
    ),
    "records": (raw_npy(header_of("[('a', '<f4')]")), "trtkit does not carry arrays of type 'void32'"),
    "strings": (raw_npy(header_of("'<U1'")), "it holds strings; trtkit carries numbers and booleans only"),
    "no width": (raw_npy(header_of("'<U0'"), b""), "it holds strings; trtkit carries numbers and booleans only"),
    "pickle": (
        npy(np.array([{}]), allow_pickle=True),
        "it holds Python objects, which trtkit neither saves nor loads: loading them would run code",
    ),
}


@pytest.mark.parametrize("case", BAD_NPY)
@pytest.mark.parametrize("container", ["d", "f.npz"])
def test_bad_npy(in_tmp: Path, case: str, container: str) -> None:
    content, message = BAD_NPY[case]
    if container == "d":
        Path("d").mkdir()
        Path("d/x.npy").write_bytes(content)
    else:
        with zipfile.ZipFile("f.npz", "w") as archive:
            archive.writestr("x.npy", content)
    assert error_of(lambda: read_all(container)) == f"cannot read 'x' of iteration 0 in {container!r}: {message}"


@pytest.mark.parametrize("container", ["d", "f.npz"])
def test_a_shape_beyond_numpy(in_tmp: Path, container: str) -> None:
    content = raw_npy(header_of(shape="(0, 1" + "0" * 30 + ")"), b"")
    Path("d").mkdir()
    Path("d/x.npy").write_bytes(content)
    with zipfile.ZipFile("f.npz", "w") as archive:
        archive.writestr("x.npy", content)
    assert error_of(lambda: read_all(container)).startswith(f"cannot read 'x' of iteration 0 in {container!r}: ")


def test_other_versions_of_npy(in_tmp: Path) -> None:
    Path("d").mkdir()
    for version in (1, 2, 3):
        with Path(f"d/{version}.npy").open("wb") as file:
            np.lib.format.write_array(file, np.arange(version), (version, 0))
    assert {n: len(a) for n, a in files.load_inputs("d")[0].items()} == {"1": 1, "2": 2, "3": 3}


@pytest.mark.parametrize("content", [b"", b"hello", npy()], ids=["empty", "text", "npy"])
def test_an_archive_that_is_no_zip(in_tmp: Path, content: bytes) -> None:
    Path("f.npz").write_bytes(content)
    assert error_of(lambda: files.read("f.npz")) == (
        "cannot read 'f.npz': it is not a zip archive: File is not a zip file"
    )


def test_damaged_archives(in_tmp: Path) -> None:
    files.save_inputs({"x": np.zeros(1000)}, "f.npz")
    content = bytearray(Path("f.npz").read_bytes())
    content[5000] ^= 1
    Path("f.npz").write_bytes(content)
    assert error_of(lambda: read_all("f.npz")) == (
        "cannot read 'x' of iteration 0 in 'f.npz': Bad CRC-32 for file '0000000000/x.npy'"
    )
    Path("f.npz").write_bytes(content[:-30])
    assert error_of(lambda: files.read("f.npz")) == (
        "cannot read 'f.npz': it is not a zip archive: File is not a zip file"
    )
    with zipfile.ZipFile("f.npz", "w") as archive:
        archive.writestr("readme.txt", "")
    assert error_of(lambda: files.read("f.npz")) == "cannot read 'f.npz': the archive holds no .npy members"


GOOD_CATALOG: dict[str, Any] = {
    "format": "trtkit",
    "version": 1,
    "kind": "outputs",
    "tensors": {"y": {"name": "y"}},
    "layouts": [["y"]],
    "runs": [{"name": "r", "folder": "r", "layout": [0], "runtimes": [None]}],
}
RUN = GOOD_CATALOG["runs"][0]
DAMAGED_CATALOG = "its catalogue (trtkit.json) is damaged"
BAD_CATALOG: dict[str, tuple[dict[str, Any], str]] = {
    "format": ({"format": "x"}, "its catalogue (trtkit.json) was not written by trtkit"),
    "version": (
        {"version": 2},
        "it was written by another trtkit (format version 2, this one reads 1); update trtkit",
    ),
    "kind": ({"kind": "x"}, DAMAGED_CATALOG),
    "tensors": ({"tensors": []}, DAMAGED_CATALOG),
    "a stem that leaves the folder": ({"tensors": {"../y": {"name": "y"}}}, DAMAGED_CATALOG),
    "a folder that leaves the folder": ({"runs": [RUN | {"folder": ".."}]}, DAMAGED_CATALOG),
    "an absolute folder": ({"runs": [RUN | {"folder": "/etc"}]}, DAMAGED_CATALOG),
    "layouts": ({"layouts": [["z"]]}, DAMAGED_CATALOG),
    "a layout": ({"runs": [RUN | {"layout": [1]}]}, DAMAGED_CATALOG),
    "a negative layout": ({"runs": [RUN | {"layout": [-1]}]}, DAMAGED_CATALOG),
    "runtimes": ({"runs": [RUN | {"runtimes": []}]}, DAMAGED_CATALOG),
    "a runtime": ({"runs": [RUN | {"runtimes": ["x"]}]}, DAMAGED_CATALOG),
    "runs": ({"runs": 3}, DAMAGED_CATALOG),
}


@pytest.mark.parametrize("case", BAD_CATALOG)
@pytest.mark.parametrize("path", ["d", "f.npz", "f.safetensors"])
def test_bad_catalogues(in_tmp: Path, case: str, path: str) -> None:
    change, message = BAD_CATALOG[case]
    text = json.dumps(GOOD_CATALOG | change)
    if path == "d":
        Path("d").mkdir()
        Path("d/trtkit.json").write_text(text)
    elif path == "f.npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("trtkit.json", text)
    else:
        Path(path).write_bytes(safetensors({"__metadata__": {"trtkit": text}}))
    assert error_of(lambda: files.read(path)) == f"cannot read {path!r}: {message}"


def test_a_catalogue_that_is_no_json(in_tmp: Path) -> None:
    Path("d").mkdir()
    Path("d/trtkit.json").write_text("[" * 100_000)
    assert error_of(lambda: files.read("d")).startswith("cannot read the catalogue in 'd': it is not valid JSON: ")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("d", "No such file or directory"),
        ("f.npz", "the archive has no member 'r/0000000000/y.npy'"),
        ("f.safetensors", "the file has no tensor 'r/0000000000/y'"),
    ],
)
def test_a_tensor_that_the_catalogue_names_is_gone(in_tmp: Path, path: str, reason: str) -> None:
    text = json.dumps(GOOD_CATALOG)
    Path("d").mkdir()
    Path("d/trtkit.json").write_text(text)
    with zipfile.ZipFile("f.npz", "w") as archive:
        archive.writestr("trtkit.json", text)
    Path("f.safetensors").write_bytes(safetensors({"__metadata__": {"trtkit": text}}))
    assert error_of(lambda: read_all(path)) == f"cannot read 'y' of iteration 0 of 'r' in {path!r}: {reason}"
