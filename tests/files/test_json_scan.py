from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtkit.errors import FileError
from trtkit.files.json_scan import JsonCursor

HERE = Path("f.json")


def cursor(text: str | bytes) -> JsonCursor:
    return JsonCursor(text.encode() if isinstance(text, str) else text, HERE)


def read_over(text: str | bytes) -> None:
    at = cursor(text)
    at.skip()
    at.finish()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 1]), st.booleans())
def test_skips_exactly_what_json_reads(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    at = cursor(text + b" ,")
    at.skip()
    assert at.at == len(text)


@given(st.text())
def test_strings(value: str) -> None:
    assert cursor(json.dumps(value)).string() == value


@given(json_values, st.data())
def test_what_json_refuses_is_refused(value: object, data: st.DataObject) -> None:
    """A byte is changed somewhere: both accept the text, or both refuse it, except for raw control characters."""
    text = bytearray(json.dumps([value]).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b' {}[],:"0a-.\\'))
    try:
        json.loads(text)
        right = True
    except ValueError:
        right = False
    try:
        read_over(bytes(text))
    except FileError:
        assert not right
    else:
        assert right or b"\\" in text  # escapes of strings that are skipped are not looked at


def test_objects_and_arrays_are_walked() -> None:
    at = cursor(' {"a": [1, -2.5e1 , null], "b\\"": {}, "c": []} ')
    found: dict[str, object] = {}
    for key in at.object():
        if key == "a":
            found[key] = [at.number() for _ in at.array()]
        elif at.peek() == b"{":
            found[key] = list(at.object())
        else:
            found[key] = list(at.array())
    at.finish()
    assert found == {"a": [1.0, -25.0, None], 'b"': [], "c": []}


@pytest.mark.parametrize("text", ["[" * 1_000_000 + "]" * 1_000_000, '{"a":' * 300_000 + "1" + "}" * 300_000])
def test_no_depth_is_too_much(text: str) -> None:
    read_over(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a value, but the file ends; it was cut short (byte 0)"),
        ("[1, 2", "expected ',' or ']', but the file ends; it was cut short (byte 5)"),
        ("[1, 2,", "expected a value, but the file ends; it was cut short (byte 6)"),
        ("[1 2]", "expected ',' or ']' (byte 3)"),
        ("[1, ]", "expected a value (byte 4)"),
        ("[01]", "expected ',' or ']' (byte 2)"),
        ("{1: 2}", "expected a name in double quotes (byte 1)"),
        ('{"a" 2}', "expected ':' (byte 5)"),
        ('{"a": 1, }', "expected a name in double quotes (byte 9)"),
        ('{"a": 1]', "expected ',' or '}' (byte 7)"),
        ('["abc', "the string that starts at byte 1 has no end; the file was cut short (byte 5)"),
        ('["abc\\"', "the string that starts at byte 1 has no end; the file was cut short (byte 7)"),
        ("[1] 2", "there is more after the end (byte 4)"),
        ("[nil]", "expected a value (byte 1)"),
        (b'{"\xff": 1}', "a damaged string (byte 2)"),
        ('{"\\x": 1}', "a damaged string (byte 2)"),
        ("[" * 1_000_000, "expected a value, but the file ends; it was cut short (byte 1000000)"),
    ],
    ids=range(17),
)
def test_messages(text: str | bytes, message: str) -> None:
    with pytest.raises(FileError) as caught:
        read_over(text)
    assert str(caught.value) == f"cannot read 'f.json': it is not valid JSON: {message}"


def test_a_number_is_no_boolean() -> None:
    with pytest.raises(FileError, match=r"expected a number or null \(byte 0\)"):
        cursor("true").number()
    with pytest.raises(FileError, match=r"expected a string \(byte 0\)"):
        cursor("1").span()
    with pytest.raises(FileError, match=r"expected '\[' \(byte 0\)"):
        list(cursor("{}").array())
