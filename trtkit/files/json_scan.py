"""A cursor over JSON text that is too big to parse: it moves over values and keeps nothing.

The text is bytes or a memory-mapped file. Strings, which hold nearly all of a file of arrays, are jumped over: those
that begin as .npy data by the length that its header tells, so that their pages are not touched, others with `find`.
Nothing recurses, so no depth of nesting is too much. The grammar is RFC 8259's with the three additions of Python's
json module: NaN, Infinity and -Infinity.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from trtkit.errors import FileError
from trtkit.files.npy_text import told_end

__all__ = ["JsonCursor"]

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity")
_CLOSING = {b"{": b"}", b"[": b"]"}


class JsonCursor:
    """A place in JSON text.

    `object()` and `array()` are generators that stop at each value, which the caller must then consume with one of the
    other methods before going on. All methods raise FileError, with the byte where the text is wrong.

    Attributes:
        data: the text.
        path: where it came from, for messages.
        at: the offset of the next byte.
    """

    def __init__(self, data: bytes | mmap.mmap, path: Path, at: int = 0) -> None:
        self.data = data
        self.path = path
        self.at = at

    def peek(self) -> bytes:
        """The first byte of what comes next, spaces skipped; empty at the end."""
        space = _SPACE.match(self.data, self.at)
        if space is not None:
            self.at = space.end()
        return self.data[self.at : self.at + 1]

    def object(self) -> Iterator[str]:
        """The keys of an object, the cursor standing at each one's value."""
        self._expect(b"{")
        if self.peek() == b"}":
            self.at += 1
            return
        while True:
            yield self._key()
            if self._next(b"}"):
                return

    def array(self) -> Iterator[int]:
        """The positions of the elements of an array, the cursor standing at each one."""
        self._expect(b"[")
        if self.peek() == b"]":
            self.at += 1
            return
        while True:
            self.peek()
            yield self.at
            if self._next(b"]"):
                return

    def span(self) -> tuple[int, int]:
        """Move over a string; the offsets of its first byte and of its closing quote."""
        if self.peek() != b'"':
            self.fail("expected a string")
        start = end = self.at + 1
        told = told_end(self.data, start)
        if told is not None:
            self.at = told + 1
            return start, told
        while True:
            end = self.data.find(b'"', end)
            if end < 0:
                self.at = len(self.data)
                self.fail(f"the string that starts at byte {start - 1} has no end; the file was cut short")
            escapes = end
            while escapes > start and self.data[escapes - 1] == 0x5C:
                escapes -= 1
            if (end - escapes) % 2 == 0:
                break
            end += 1
        self.at = end + 1
        return start, end

    def string(self) -> str:
        """Move over a string and return it."""
        return self.text(*self.span())

    def text(self, start: int, end: int) -> str:
        """The string whose `span` is given."""
        try:
            text = self.data[start:end].decode()
            # a raw line break in a string is not JSON, but does no harm
            return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
        except ValueError:
            self.fail("a damaged string", start)

    def number(self) -> float | None:
        """Move over a number or null, and return it."""
        word = self._scalar()
        if word in (b"true", b"false"):
            self.fail("expected a number or null", self.at - len(word))
        return None if word == b"null" else float(word)

    def skip(self) -> None:
        """Move over a value of any sort."""
        inside = bytearray()  # the brackets that are open
        while True:
            kind = self.peek()
            if kind in _CLOSING:
                self.at += 1
                if self.peek() != _CLOSING[kind]:
                    inside += kind
                    if kind == b"{":
                        self._key()
                    continue
                self.at += 1
            elif kind == b'"':
                self.span()
            else:
                self._scalar()
            while inside and self._next(_CLOSING[bytes(inside[-1:])]):
                inside.pop()
            if not inside:
                return
            if inside[-1:] == b"{":
                self._key()

    def finish(self) -> None:
        """Check that nothing but spaces is left."""
        if self.peek():
            self.fail("there is more after the end")

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise FileError, naming file and byte."""
        at = self.at if at is None else at
        raise FileError(f"cannot read {str(self.path)!r}: it is not valid JSON: {message} (byte {at})")

    def _expect(self, char: bytes) -> None:
        if self.peek() != char:
            self._unexpected(f"expected {char.decode()!r}")
        self.at += 1

    def _key(self) -> str:
        if self.peek() != b'"':
            self._unexpected("expected a name in double quotes")
        key = self.string()
        self._expect(b":")
        return key

    def _next(self, closing: bytes) -> bool:
        """Move over the comma after a value; True where the object or array ends instead."""
        char = self.peek()
        if char not in (b",", closing):
            self._unexpected(f"expected ',' or {closing.decode()!r}")
        self.at += 1
        return char == closing

    def _scalar(self) -> bytes:
        self.peek()
        found = _SCALAR.match(self.data, self.at)
        if found is None:
            self._unexpected("expected a value")
        self.at = found.end()
        return found.group()

    def _unexpected(self, message: str) -> NoReturn:
        self.fail(message if self.at < len(self.data) else f"{message}, but the file ends; it was cut short")
