"""What an `OnnxParser` complains about, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from trtkit.backends.trt.api import has
from trtkit.errors import one_line

__all__ = ["ParseError", "read_errors"]

_WORDS = re.compile(r'&& "([^"]*)"\s*$')
"""The words for people in an assertion such as `creator && "Plugin not found"`."""

_INITIALIZER = re.compile(r"Failed to import initializer: (?!In node )(.+)$")


@dataclass(frozen=True)
class ParseError:
    """One error of the parser.

    Attributes:
        node: index of the node in the main graph, also where the error is inside of that node's graphs or function;
            -1 where it is about no node.
        code: TensorRT's name of the error, such as `UNSUPPORTED_NODE`.
        reason: the parser's words in one line.
        name: name of the node that the error is about, at whatever depth; None where the release does not tell (8.6).
        operator: its operator; None likewise.
        inside: the nodes and graphs that it is inside of, outermost first, as far as the release tells.
        tensor: the input or initialiser that the error is about, where it is about no node.
    """

    node: int
    code: str
    reason: str
    name: str | None = None
    operator: str | None = None
    inside: tuple[str, ...] = ()
    tensor: str | None = None


def read_errors(parser: Any) -> list[ParseError]:
    """The errors that a parser has kept since it was made."""
    return [_read(parser.get_error(index)) for index in range(parser.num_errors)]


def _read(error: Any) -> ParseError:
    text = error.desc()
    words = _WORDS.search(text)
    reason = one_line(words[1] if words else text, 400)
    if reason == "false":  # an assertion that says nothing
        reason = f"refused by {error.func()}"
    known = error.node() >= 0 and has("ParserError.node_name")
    return ParseError(
        node=int(error.node()),
        # In 8.6 the name of a code is a method of something else, so it is taken from the text "ErrorCode.NAME".
        code=str(error.code()).rpartition(".")[2],
        reason=reason,
        name=str(error.node_name()) if known else None,
        operator=str(error.node_operator()) if known else None,
        inside=tuple(error.local_function_stack()) if known else (),
        tensor=_tensor(error, text) if error.node() < 0 else None,
    )


def _tensor(error: Any, text: str) -> str | None:
    """An error about an input names it where others name the source file; one about a weight ends with its name."""
    if error.func() == "importInput" and not error.file().endswith((".cpp", ".hpp")):
        return str(error.file())
    weight = _INITIALIZER.search(text)
    return weight[1] if weight else None
