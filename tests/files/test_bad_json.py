"""Damaged JSON: one line, with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files.damaged import b64, error_of, npy, read_all


def feed_of(array: Any) -> str:
    return json.dumps([{"x": array}])


def nd(text: str, **extra: Any) -> dict[str, Any]:
    return {"array": text, **extra, "polygraphy_class": "ndarray"}


NOT_JSON = "cannot read 'f.json': it is not valid JSON: "
X = "cannot read 'x' of iteration 0 in 'f.json': "
NEITHER = ", neither saved inputs nor saved outputs"
GOOD = b64(npy())

BAD_JSON: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "cannot read 'f.json': the file is empty"),
    "spaces": (" ", NOT_JSON + "it starts neither with '[' nor with '{' (byte 1)"),
    "text": ("hello", NOT_JSON + "it starts neither with '[' nor with '{' (byte 0)"),
    "binary": (npy(), NOT_JSON + "it starts neither with '[' nor with '{' (byte 0)"),
    "cut in a string": (
        feed_of(nd(GOOD))[:60],
        NOT_JSON + "the string that starts at byte 17 has no end; the file was cut short (byte 60)",
    ),
    "cut in a list": (
        feed_of(nd(GOOD))[:-1],
        NOT_JSON + "expected ',' or ']', but the file ends; it was cut short (byte 240)",
    ),
    "more": ("[] []", NOT_JSON + "there is more after the end (byte 3)"),
    "numbers": ("[1, 2]", "cannot read 'f.json': item 0 of its list is no object of named arrays (byte 1)"),
    "other": ('{"version": 1}', f"cannot read 'f.json': it holds an object whose 'version' is no array{NEITHER}"),
    "lst": ('{"lst": []}', f"cannot read 'f.json': it holds an object whose 'lst' is no array{NEITHER}"),
    "class": ('{"polygraphy_class": "Foo"}', f"cannot read 'f.json': it holds Polygraphy's Foo{NEITHER}"),
    "old class": (
        '{"__polygraphy_encoded_Foo": "polygraphy_serialized_json_type"}',
        f"cannot read 'f.json': it holds Polygraphy's Foo{NEITHER}",
    ),
    "no lst": (
        '{"polygraphy_class": "RunResults"}',
        f"cannot read 'f.json': it holds Polygraphy's RunResults{NEITHER}",
    ),
    "no pairs": (
        '{"lst": [["r", []], ["r", [], 3]], "polygraphy_class": "RunResults"}',
        f"cannot read 'f.json': it holds Polygraphy's RunResults{NEITHER}",
    ),
    "no outputs": (
        '{"lst": [["r", [{}]]], "polygraphy_class": "RunResults"}',
        "cannot read iteration 0 of 'r' in 'f.json': it has no outputs",
    ),
    "a bad output": (
        '{"lst": [["r", [{"outputs": {"y": {}}}]]], "polygraphy_class": "RunResults"}',
        "cannot read 'y' of iteration 0 of 'r' in 'f.json': it has no polygraphy_class, not an array as Polygraphy "
        "writes them",
    ),
    "a list": (feed_of([1, 2]), X + "it is not an array as Polygraphy writes them"),
    "no class": (feed_of({"array": GOOD}), X + "it has no polygraphy_class, not an array as Polygraphy writes them"),
    "a class": (
        feed_of({"array": GOOD, "polygraphy_class": "Foo"}),
        X + "it is a 'Foo', not an array as Polygraphy writes them",
    ),
    "lazy in lazy": (
        feed_of({"values": {"values": nd(GOOD), "polygraphy_class": "LazyArray"}, "polygraphy_class": "LazyArray"}),
        X + "it is a 'LazyArray', not an array as Polygraphy writes them",
    ),
    "no base64": (feed_of(nd("ü漢")), X + "its text is no base64"),
    "no npy": (feed_of(nd("AAAA")), X + "its text is neither base64 of .npy data nor an older form of it"),
    "base64 cut": (
        feed_of(nd(GOOD[:-2])),
        X + "damaged base64 text: the base64 text was cut short: its length is no multiple of 4",
    ),
    "data cut": (
        feed_of(nd(GOOD[:-4])),
        X + "its header asks for 12 bytes of data, but there are 10; it was cut short",
    ),
    "too much": (feed_of(nd(b64(npy() + b"abc"))), X + "its header asks for 12 bytes of data, but there are 15"),
    "twice": (
        f'[{{"x": {json.dumps(nd(GOOD))}, "x": {json.dumps(nd(GOOD))}}}]',
        X + "the name is there twice",
    ),
    "dtype": (
        feed_of(nd(GOOD, dtype="bfloat15")),
        X + "unknown data type 'bfloat15'; did you mean 'bfloat16' or 'float16' or 'float64'?",
    ),
    "dtype of another width": (
        feed_of(nd(GOOD, dtype="bfloat16")),
        X + "it is said to be bfloat16, but has 4 bytes per value",
    ),
    "bfloat16 by Polygraphy": (
        feed_of(nd(b64(npy(np.zeros(2, "V2"))))),
        X + "it holds raw 2-byte values of an unknown type (numpy's own format loses bfloat16 and its like); save it "
        "again with trtkit, or as float32",
    ),
    "pickle": (
        feed_of(nd(b64(npy(np.array([{}]), allow_pickle=True)))),
        X + "it holds Python objects, which trtkit neither saves nor loads: loading them would run code",
    ),
    "strings": (
        feed_of(nd(b64(npy(np.array(["a"]))))),
        X + "it holds strings; trtkit carries numbers and booleans only",
    ),
    "npz without arrays": (
        feed_of(nd(b64(b"PK\3\4"))),
        "cannot read 'x' of iteration 0 in 'f.json': it is not a zip archive: File is not a zip file",
    ),
    "deep": ("[" * 100_000, "cannot read 'f.json': item 0 of its list is no object of named arrays (byte 1)"),
    "deep array": (
        '[{"x": ' + "[" * 100_000 + "]" * 100_000 + "}]",
        X + "it is not an array as Polygraphy writes them",
    ),
    "runtime": (
        '{"lst": [["r", [{"runtime": true, "outputs": {}}]]], "polygraphy_class": "RunResults"}',
        NOT_JSON + "expected a number or null (byte 28)",
    ),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json(in_tmp: Path, case: str) -> None:
    content, message = BAD_JSON[case]
    (in_tmp / "f.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert error_of(lambda: read_all("f.json")) == message


@pytest.mark.parametrize("at", [0, 1, 700_000, -4])
def test_damaged_base64(in_tmp: Path, at: int) -> None:
    """One wrong character, in each of the blocks in which a large array is decoded."""
    text = bytearray(b64(npy(np.zeros(500_000, np.float32))), "ascii")
    text[at + 200 if at >= 0 else at] = ord("*")
    (in_tmp / "f.json").write_text(feed_of(nd(text.decode())))
    message = error_of(lambda: read_all("f.json"))
    assert message.startswith(X + "damaged base64 text: ")


def test_padding_in_the_middle_of_base64(in_tmp: Path) -> None:
    text = b64(npy(np.zeros(500_000, np.float32)))
    block = 1 << 20
    (in_tmp / "f.json").write_text(feed_of(nd(text[: block - 4] + "AA==" + text[block:])))
    assert error_of(lambda: read_all("f.json")) == X + "damaged base64 text: padding in the middle of the base64 text"
