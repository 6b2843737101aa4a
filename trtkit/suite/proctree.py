"""The processes below one, and the memory that they hold, from /proc (proc(5)).

psutil would tell the same. It is a compiled package for what are three files to read, and the process that asks is to
start in little time and hold little memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

__all__ = ["descendants", "memory_of"]

_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(root: int) -> list[int]:
    """Every process that was started by `root`, or by one of those; those that have ended already left out."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            state, parent = _state(name)
            if state not in ("", "Z", "X"):
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        mine = children.pop(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def memory_of(pids: Iterable[int], limit: int) -> int:
    """Bytes in memory that these processes hold together, files that they have mapped included.

    Pages that several share are counted for each, which is quick; only where the sum is above `limit`, as parts.
    """
    pids = set(pids)
    held = sum(map(_resident, pids))
    if held <= limit or len(pids) == 1:
        return held
    return sum(map(_proportional, pids))


def _state(pid: str) -> tuple[str, int]:
    """State and parent; no state where the process is gone."""
    text = _read(f"/proc/{pid}/stat")
    # The name of the program stands in parentheses, and may hold some.
    state, parent = text[text.rindex(b")") + 2 :].split(maxsplit=2)[:2] if text else (b"", b"0")
    return state.decode(), int(parent)


def _resident(pid: int) -> int:
    text = _read(f"/proc/{pid}/statm")
    return int(text.split()[1]) * _PAGE if text else 0


def _proportional(pid: int) -> int:
    """As resident, with a share of what is shared; the resident memory where the kernel does not tell."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) << 10
    return _resident(pid)


def _read(path: str) -> bytes:
    """A file of a process; nothing where the process is gone, or another user's."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
