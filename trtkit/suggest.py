"""Near misses: what somebody probably meant."""

from __future__ import annotations

TYPE_CHECKING = False  # as in trtkit.cli.outline
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["did_you_mean", "listing", "near_files"]


def did_you_mean(word: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.65) -> str:
    """`"; did you mean 'x' or 'y'?"` for the known words nearest to `word`, or an empty string."""
    import difflib  # only when something is already wrong

    by_folded: dict[str, str] = {}
    for name in known:
        by_folded.setdefault(name.casefold().lstrip("-"), name)
    near = difflib.get_close_matches(word.casefold().lstrip("-"), by_folded, n=limit, cutoff=cutoff)
    if not near:
        return ""
    return "; did you mean " + " or ".join(repr(by_folded[name]) for name in near) + "?"


def listing(names: Iterable[str], limit: int = 12) -> str:
    """Names for an error message, comma-separated, cut after `limit` with a count of the rest."""
    every = list(names)
    shown = ", ".join(repr(name) for name in every[:limit])
    if len(every) > limit:
        shown += f" and {len(every) - limit} more"
    return shown or "none"


def near_files(path: Path) -> str:
    """`did_you_mean` among the neighbours of a path that does not exist; empty where its folder is missing too."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    return did_you_mean(path.name, neighbours, cutoff=0.8)  # a shared suffix alone is no likeness
