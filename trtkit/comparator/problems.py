"""Problems that came up in many iterations, kept in bounded memory."""

from __future__ import annotations

__all__ = ["Problems"]

_KEPT = 20


class Problems:
    """Lines that each make a run fail. Equal ones are counted, and only so many different ones are kept."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._more = 0

    def add(self, line: str) -> None:
        """Count one problem."""
        if line in self._lines or len(self._lines) < _KEPT:
            self._lines[line] = self._lines.get(line, 0) + 1
        else:
            self._more += 1

    def lines(self) -> tuple[str, ...]:
        """The problems in the order in which they first came up."""
        lines = [line if count == 1 else f"{line} ({count} times)" for line, count in self._lines.items()]
        return (*lines, f"and {self._more} more problems") if self._more else tuple(lines)

    def __bool__(self) -> bool:
        return bool(self._lines)
