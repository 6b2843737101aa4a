"""Names of tensors, runners and iterations as names of files."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from urllib.parse import quote

__all__ = ["FileNames", "iteration_name"]

_LONGEST = 100  # bytes of a stem; most file systems take names of 255
_KEPT = " ()+,-.:=@[]_"


def iteration_name(index: int) -> str:
    """`0000000000`, `0000000001`, ...: ten digits, so that the order of names is the order of iterations."""
    return f"{index:010d}"


class FileNames:
    """Gives each key a file name without suffix, always the same one for the same key.

    Most names stay as they are. Others are percent-quoted, cut with a hash at the end, or numbered where they differ
    from an earlier one in case only, so that no name is hidden, leaves the folder or overwrites another. What stands
    for what is up to the caller to keep: quoting is not undone by name.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._given: dict[Hashable, str] = {}
        self._taken = {name.casefold() for name in reserved}

    def stem(self, key: Hashable, name: str) -> str:
        """The file name for `key`, made from `name` when the key is new."""
        if key not in self._given:
            self._given[key] = self._unused(_quoted(name))
        return self._given[key]

    def _unused(self, stem: str) -> str:
        candidate, number = stem, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}-{number}"
        self._taken.add(candidate.casefold())
        return candidate


def _quoted(name: str) -> str:
    stem = quote(name, safe=_KEPT, errors="surrogatepass")
    if stem.startswith("."):
        stem = "%2E" + stem[1:]
    if len(stem) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        stem = f"{stem[: _LONGEST - 17]}-{digest}"
    return stem or "unnamed"
