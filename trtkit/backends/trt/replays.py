"""Tactic replays side by side: which tactics occur in builds that went wrong, and in none that went well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trtkit.backends.trt.tactics import read_replay
from trtkit.errors import FileError, UsageError
from trtkit.suggest import near_files

__all__ = ["BadTactic", "bad_tactics", "find_replays"]

_Algorithm = Mapping[str, Any]


@dataclass
class BadTactic:
    """A tactic of a layer that no good replay has.

    Attributes:
        layer: the layer's name.
        algorithm: as in the file.
        bad: how many bad replays have it.
        good: how many good replays have the layer, with other tactics.
    """

    layer: str
    algorithm: _Algorithm
    bad: int = 0
    good: int = field(default=0)


def find_replays(paths: Sequence[Path]) -> list[Path]:
    """The files among these paths, and every .json file within the folders among them.

    Raises:
        FileError: there is no such path, or no file in a folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            files = sorted(path.rglob("*.json"))
            if not files:
                raise FileError(f"there are no tactic replays (.json) in the folder {str(path)!r}")
            found.update(dict.fromkeys(files))
        elif path.exists():
            found[path] = None
        else:
            raise FileError(f"there is no file or folder {str(path)!r}{near_files(path)}")
    return list(found)


def bad_tactics(good: Sequence[Path], bad: Sequence[Path]) -> list[BadTactic]:
    """The tactics that are in some bad replay and in no good one; those that most bad replays have come first.

    A tactic is told by implementation, number, and data types and layouts of its inputs and outputs.

    Raises:
        FileError: a file is no tactic replay.
        UsageError: a file is both good and bad.
    """
    both = {path.resolve() for path in good} & {path.resolve() for path in bad}
    if both:
        raise UsageError(f"{str(min(both))!r} is among the good replays and among the bad ones")
    layers, known = _all_of(good)
    found: dict[tuple[str, str], BadTactic] = {}
    for path in bad:
        for layer, algorithm in read_replay(path).items():
            key = (layer, _key(algorithm))
            if key not in known:
                entry = found.setdefault(key, BadTactic(layer, algorithm, good=layers.get(layer, 0)))
                entry.bad += 1
    return sorted(found.values(), key=lambda entry: -entry.bad)


def _all_of(paths: Iterable[Path]) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """In how many replays each layer is, and every tactic of each."""
    layers: dict[str, int] = {}
    tactics = set()
    for path in paths:
        for layer, algorithm in read_replay(path).items():
            layers[layer] = layers.get(layer, 0) + 1
            tactics.add((layer, _key(algorithm)))
    return layers, tactics


def _key(algorithm: _Algorithm) -> str:
    return json.dumps([algorithm[name] for name in ("implementation", "tactic", "inputs", "outputs")], sort_keys=True)
