"""Which run is compared with which, and which output with which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from trtkit.comparator.outcome import PairOutcome

__all__ = ["OutputPairs", "Pair", "pair_outputs", "pair_runs", "unused_mappings"]


@dataclass(frozen=True)
class Pair:
    """Two runs, by name: the one to judge, and what it is judged by."""

    actual: str
    expected: str


@dataclass(frozen=True)
class OutputPairs:
    """How the outputs of two runs belong together.

    Attributes:
        matched: actual and expected name of each pair, in the order of the actual side.
        only_actual, only_expected: outputs without a counterpart.
        mapped: the actual names of the mapping's entries that were used.
        bad_mappings: one line per entry that names an output which the expected side does not have.
    """

    matched: tuple[tuple[str, str], ...]
    only_actual: tuple[str, ...]
    only_expected: tuple[str, ...]
    mapped: tuple[str, ...]
    bad_mappings: tuple[str, ...]


def pair_runs(names: Sequence[str]) -> list[Pair]:
    """Every run with the last one, which is the expected one."""
    return [Pair(name, names[-1]) for name in names[:-1]]


def pair_outputs(actual: Iterable[str], expected: Iterable[str], mapping: Mapping[str, str]) -> OutputPairs:
    """Pair outputs by name, after renaming those of the actual side that `mapping` holds.

    Outputs of different names are never paired without being told to, not even where each side has only one.
    """
    expected_names = dict.fromkeys(expected)
    actual_names = dict.fromkeys(actual)
    mapped = tuple(name for name in actual_names if mapping.get(name) in expected_names)
    taken = {mapping[name] for name in mapped}
    matched = []
    for name in actual_names:
        if name in mapping:
            if name in mapped:
                matched.append((name, mapping[name]))
        elif name in expected_names and name not in taken:
            matched.append((name, name))
    left, right = {pair[0] for pair in matched}, {pair[1] for pair in matched}
    return OutputPairs(
        tuple(matched),
        tuple(name for name in actual_names if name not in left),
        tuple(name for name in expected_names if name not in right),
        mapped,
        tuple(
            f"--map-outputs {name}={target}: the expected side has no output {target!r}"
            f"{did_you_mean(target, expected_names)} (it has {listing(expected_names)})"
            for name, target in mapping.items()
            if target not in expected_names
        ),
    )


def unused_mappings(mapping: Mapping[str, str], outcomes: Iterable[PairOutcome]) -> list[str]:
    """One line per `--map-outputs` entry that matched no output of any pair of runs."""
    every = list(outcomes)
    used = {name for outcome in every for name in outcome.mapped}
    known = {output.name for outcome in every for output in outcome.outputs}
    return [
        f"--map-outputs {name}={target}: no compared run has an output {name!r}{did_you_mean(name, known)}"
        for name, target in mapping.items()
        if name not in used
    ]
