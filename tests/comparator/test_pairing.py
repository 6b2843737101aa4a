from __future__ import annotations

import pytest

from trtkit.comparator.outcome import PairOutcome
from trtkit.comparator.pairing import Pair, pair_outputs, pair_runs, unused_mappings


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        ([], []),
        (["a"], []),
        (["a", "b"], [("a", "b")]),
        (["a", "b", "c"], [("a", "c"), ("b", "c")]),
    ],
    ids=str,
)
def test_the_last_run_is_the_expected_one(names: list[str], pairs: list[tuple[str, str]]) -> None:
    assert pair_runs(names) == [Pair(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("actual", "expected", "mapping", "matched", "only_actual", "only_expected"),
    [
        ("xy", "yx", {}, ["xx", "yy"], "", ""),
        ("xy", "x", {}, ["xx"], "y", ""),
        ("x", "xy", {}, ["xx"], "", "y"),
        ("x", "y", {}, [], "x", "y"),
        ("x", "y", {"x": "y"}, ["xy"], "", ""),
        ("xy", "xy", {"x": "y", "y": "x"}, ["xy", "yx"], "", ""),
        ("xy", "y", {"x": "y"}, ["xy"], "y", ""),
        ("xy", "xy", {"x": "z"}, ["yy"], "x", "x"),
        ("xy", "xy", {"w": "x"}, ["xx", "yy"], "", ""),
        ("", "", {}, [], "", ""),
    ],
    ids=str,
)
def test_pairing_of_outputs(
    actual: str, expected: str, mapping: dict[str, str], matched: list[str], only_actual: str, only_expected: str
) -> None:
    pairs = pair_outputs(actual, expected, mapping)
    assert pairs.matched == tuple((names[0], names[1]) for names in matched)
    assert pairs.only_actual == tuple(only_actual)
    assert pairs.only_expected == tuple(only_expected)


def test_a_mapping_to_nothing_names_near_misses() -> None:
    pairs = pair_outputs(["y"], ["logits"], {"y": "logit"})
    assert pairs.bad_mappings == (
        "--map-outputs y=logit: the expected side has no output 'logit'; did you mean 'logits'? (it has 'logits')",
    )


def test_unused_mappings() -> None:
    outcomes = [PairOutcome("a", "b", 1, (), (), mapped=("x",)), PairOutcome("c", "b", 1, (), (), mapped=())]
    assert unused_mappings({"x": "y"}, outcomes) == []
    assert unused_mappings({"x": "y", "w": "v"}, outcomes) == ["--map-outputs w=v: no compared run has an output 'w'"]
