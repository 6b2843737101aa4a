"""Other thresholds for a saved report: the verdict that the run itself would have given, or none."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

from trtkit.comparator import frontier
from trtkit.results import Array, Iteration

Command = Callable[..., Any]
Arrays = dict[str, Array]


def save(name: str, iterations: list[Arrays]) -> str:
    from trtkit import files

    with files.open_writer(Path(name), "outputs") as writer:
        for arrays in iterations:
            writer.write(Iteration(arrays, "runner"))
    return name


def pair(dtype: str = "float32", iterations: int = 3) -> tuple[str, str]:
    """Saved outputs `y` and `z` and others near them."""
    rng = np.random.default_rng(5)
    expected = [{name: rng.normal(size=(8, 50)).astype(dtype) for name in "yz"} for _ in range(iterations)]
    noise = [{name: rng.normal(size=(8, 50)) * 10.0 ** rng.integers(-5, -1) for name in "yz"} for _ in expected]
    actual = [{k: (v + noise[i][k]).astype(dtype) for k, v in each.items()} for i, each in enumerate(expected)]
    return save("a.npz", actual), save("e.npz", expected)


def codes(command: Command, run: tuple[str, ...], report: str, thresholds: tuple[str, ...]) -> tuple[int, int]:
    """The exit codes of a run with these thresholds, and of the report of another one judged by them."""
    return command("run", *run, *thresholds).code, command("check", "accuracy", report, *thresholds).code


SIMPLE = [
    (*("--atol", atol), *("--rtol", rtol))
    for atol, rtol in itertools.product(("0", "1e-3", "0.02", "0.1", "inf"), ("0", "1e-2", "0.3", "50", "inf"))
]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("statistic", ["elemwise", "max", "mean"])
def test_simple_is_exact(trtkit_command: Command, in_tmp: Path, dtype: str, statistic: str) -> None:
    actual, expected = pair(dtype)
    run = ("--load-outputs", actual, expected)
    trtkit_command("run", *run, "--save-accuracy-results", "r.json")
    seen = set()
    for thresholds in SIMPLE:
        both = codes(trtkit_command, run, "r.json", (*thresholds, "--check-error-stat", statistic))
        assert both[0] == both[1], thresholds
        seen.add(both[0])
    assert seen == {0, 1}


@pytest.mark.parametrize("kept", [2, 256])
def test_close_to_the_edge(trtkit_command: Command, in_tmp: Path, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tolerances that are errors of elements: where few of them are kept it may not tell, but is never wrong."""
    monkeypatch.setattr(frontier, "KEPT", kept)
    expected = np.linspace(1, 2, 40)
    actual = expected + 1 / np.linspace(10, 20, 40) ** 2
    run = ("--load-outputs", save("a.npz", [{"y": actual}]), save("e.npz", [{"y": expected}]))
    trtkit_command("run", *run, "--save-accuracy-results", "r.json")
    unknown = 0
    error = np.abs(actual - expected)
    for atol in (*error[::3], *np.nextafter(error[::3], 0)):
        for rtol in (1e-3, 2e-3, 5e-3):
            mine, other = codes(trtkit_command, run, "r.json", ("--atol", repr(float(atol)), "--rtol", str(rtol)))
            unknown += other == 3
            assert other in (mine, 3)
    assert unknown == 0 or kept == 2


def test_other_metrics(trtkit_command: Command, in_tmp: Path) -> None:
    actual, expected = pair()
    metrics = ("l2", "cosine_similarity", "psnr", "snr", "topk")
    run = ("--topk-k", "20", "--load-outputs", actual, expected, "--compare")
    trtkit_command("run", *run, *metrics, "--save-accuracy-results", "r.json")
    wanted = {
        "l2": ("--l2-threshold", ("0.01", "0.5", "3", "100")),
        "psnr": ("--psnr-threshold", ("0", "20", "60")),
        "snr": ("--snr-threshold", ("0", "20", "60")),
        "topk": ("--topk-threshold", ("0", "0.5", "1")),
        "cosine_similarity": ("--cosine-similarity-threshold", ("0", "0.9999", "1")),
    }
    for metric, (flag, values) in wanted.items():
        others = {name: each[1][-1 if name == "l2" else 0] for name, each in wanted.items() if name != metric}
        rest = [word for name, value in others.items() for word in (wanted[name][0], value)]
        seen = set()
        for value in values:
            thresholds = (flag, value, *rest)
            mine = trtkit_command("run", *run, *metrics, *thresholds)
            assert trtkit_command("check", "accuracy", "r.json", *thresholds).code == mine.code, thresholds
            seen.add(mine.code)
        assert seen == {0, 1}, metric
    unknown = trtkit_command("check", "accuracy", "r.json", "--topk-k", "3", "--l2-threshold", "100")
    assert "cannot be told: another k needs the outputs" in unknown.out


def test_what_is_not_given_stays(trtkit_command: Command, in_tmp: Path) -> None:
    actual, expected = pair()
    run = ("run", "--load-outputs", actual, expected, "--save-accuracy-results", "r.json")
    assert trtkit_command(*run, "--rtol", "1e-6", "--atol", "y:1").code == 1
    assert trtkit_command("check", "accuracy", "r.json").code == 1
    assert trtkit_command("check", "accuracy", "r.json", "--atol", "z:1").code == 0
    assert trtkit_command("check", "accuracy", "r.json", "--atol", "0", "z:1").code == 1
    failed = trtkit_command("check", "accuracy", "r.json", "--atol", "z:1e-4")
    assert failed.code == 1
    assert "would pass with --atol " in failed.out


def test_not_finite(trtkit_command: Command, in_tmp: Path) -> None:
    inf, nan = np.array([1, np.inf], np.float32), np.array([1, np.nan], np.float32)
    run = ("run", "--save-accuracy-results", "r.json", "--load-outputs")
    assert trtkit_command(*run, save("a.npz", [{"y": inf}]), save("e.npz", [{"y": inf}])).code == 1
    assert trtkit_command("check", "accuracy", "r.json", "--atol", "inf").code == 1
    assert trtkit_command("check", "accuracy", "r.json", "--infinities-compare-equal").code == 0
    assert trtkit_command(*run, save("n.npz", [{"y": nan}]), "e.npz").code == 1
    assert trtkit_command("check", "accuracy", "r.json", "--atol", "inf", "--infinities-compare-equal").code == 1


def test_what_a_report_does_not_tell(trtkit_command: Command, in_tmp: Path) -> None:
    actual, expected = pair("float16")
    run = ("run", "--load-outputs", actual, expected, "--save-accuracy-results", "r.json")
    check = ("check", "accuracy", "r.json")
    trtkit_command(*run, "--check-error-stat", "quantile")
    assert trtkit_command(*check, "--atol", "5").code == 0
    assert trtkit_command(*check, "--atol", "0", "--rtol", "0").code == 1
    assert trtkit_command(*check, "--check-error-stat", "median").code == 3
    assert trtkit_command(*check, "--check-error-stat", "quantile", "--error-quantile", "0.5").code == 3
    trtkit_command(*run, "--check-average")
    told = trtkit_command(*check, "--atol", "5")
    assert told.code == 3
    assert "cannot be told: the run judged the mean over iterations" in told.out
    trtkit_command(*run, "--check-average", "--check-error-stat", "mean")
    assert trtkit_command(*check, "--atol", "5").code == 0
    trtkit_command(*run, "--fail-fast", "--atol", "0", "--rtol", "0")
    told = trtkit_command(*check, "--atol", "5")
    assert (told.code, "--fail-fast" in told.out) == (3, True)
    assert trtkit_command(*check, "--atol", "1e-9").code == 1
    trtkit_command(*run, "--fail-fast", "--atol", "5")
    assert trtkit_command(*check, "--atol", "4").code == 0


def test_a_report_without_evidence(trtkit_command: Command, in_tmp: Path) -> None:
    actual, expected = pair()
    trtkit_command("run", "--load-outputs", actual, expected, "--save-accuracy-results", "r.json")
    data = json.loads(Path("r.json").read_text())
    for output in data["pairs"][0]["outputs"]:
        for metric in output["metrics"]:
            metric["evidence"] = {}
    Path("r.json").write_text(json.dumps(data))
    assert trtkit_command("check", "accuracy", "r.json").code == 1
    assert trtkit_command("check", "accuracy", "r.json", "--atol", "9").code == 3
    data["pairs"][0]["outputs"][0]["metrics"][0]["evidence"] = {"elements": 3}
    Path("r.json").write_text(json.dumps(data))
    damaged = trtkit_command("check", "accuracy", "r.json", "--atol", "9")
    assert (damaged.code, damaged.error) == (
        3,
        "trtkit check accuracy: error: cannot read 'r.json': the report is damaged",
    )


def test_problems_stand(trtkit_command: Command, in_tmp: Path) -> None:
    y, z = np.zeros(3, np.float32), np.ones(3, np.float32)
    run = ("run", "--load-outputs", save("a.npz", [{"y": y, "z": z}]), save("e.npz", [{"y": y}]))
    assert trtkit_command(*run, "--save-accuracy-results", "r.json").code == 1
    result = trtkit_command("check", "accuracy", "r.json", "--atol", "9")
    assert result.code == 1
    assert "output 'z'" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--atol", "w:1"), "--atol names the output 'w', which the report does not have (outputs: 'y', 'z')"),
        (("--l2-threshold", "1"), "--l2-threshold is for the metric 'l2', which the report does not have ('simple')"),
    ],
)
def test_thresholds_for_nothing(trtkit_command: Command, in_tmp: Path, words: tuple[str, ...], message: str) -> None:
    actual, expected = pair()
    trtkit_command("run", "--load-outputs", actual, expected, "--save-accuracy-results", "r.json")
    result = trtkit_command("check", "accuracy", "r.json", *words)
    assert (result.code, result.error) == (3, f"trtkit check accuracy: error: {message}")


def test_nothing_was_compared(trtkit_command: Command, in_tmp: Path) -> None:
    trtkit_command("run", zoo.write("linear", in_tmp), "--onnxrt", "--save-accuracy-results", "r.json")
    result = trtkit_command("check", "accuracy", "r.json")
    assert result.code == 3
    assert "compared nothing" in result.error


def test_a_run_that_ended_in_an_error(trtkit_command: Command, in_tmp: Path) -> None:
    run = ("run", zoo.write("linear", in_tmp), "--onnxrt", "--onnxref", "--waivers", "none.toml", "--report", "r.json")
    assert trtkit_command(*run).code == 3
    result = trtkit_command("check", "accuracy", "r.json", "--atol", "1")
    assert result.code == 3
    assert "ended in an error: cannot read the waivers file 'none.toml'" in result.error


def test_a_tolerance_file_and_json(trtkit_command: Command, in_tmp: Path) -> None:
    actual, expected = pair()
    trtkit_command("run", "--load-outputs", actual, expected, "--save-accuracy-results", "r.json", "--atol", "9")
    head = 'schema = "trtkit.tolerances"\nschema_version = 1\n[outputs.y]\n'
    Path("t.toml").write_text(head + "atol = 0\nrtol = 0\n")
    check = ("check", "accuracy", "r.json", "--tolerances", "t.toml")
    assert trtkit_command(*check).code == 1
    result = trtkit_command(*check, "--atol", "y:8", "--json")
    assert result.code == 0
    data = json.loads(result.out)
    documented = (Path(__file__).parents[3] / "docs" / "tolerances.md").read_text()
    for key in (*data, *data["comparisons"][0]):
        assert f"`{key}`" in documented, key
    assert [each["given"] for each in data["comparisons"]] == [
        {"atol": 8.0, "rtol": 0.0, "check_error_stat": "elemwise"},
        {},
    ]


def test_what_a_waiver_expected_stays_expected(trtkit_command: Command, in_tmp: Path) -> None:
    y = np.zeros(3, np.float32)
    run = ("run", "--load-outputs", save("a.npz", [{"y": y + 1}]), save("e.npz", [{"y": y}]))
    Path("w.toml").write_text('[[waiver]]\noutput = "y"\nreason = "issue 17"\nexpires = 9999-12-31\n')
    assert trtkit_command(*run, "--waivers", "w.toml", "--report", "r.json").code == 0
    still = trtkit_command("check", "accuracy", "r.json", "--atol", "0.5")
    assert (still.code, still.out.splitlines()[1][:9]) == (0, "  xfail y")
    passes = trtkit_command("check", "accuracy", "r.json", "--atol", "2")
    assert (passes.code, passes.out.splitlines()[1][:9]) == (0, "  ok    y")
    data = json.loads(trtkit_command("check", "accuracy", "r.json", "--atol", "0.5", "--json").out)
    assert (data["verdict"], [each["verdict"] for each in data["comparisons"]]) == ("PASS", ["XFAIL"])


DAMAGE: dict[str, tuple[tuple[str, ...], Any, tuple[str, ...]]] = {
    "verdict": (("passed",), "yes", ()),
    "samples": (("worst_samples",), "NaN", ("--report", "p.md")),
    "details": (("worst", "details"), 1e308, ("--report", "p.html")),
    "an iteration": (("per_iteration",), [{}], ("--report", "p.html")),
}


@pytest.mark.parametrize(("place", "value", "options"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_report(
    trtkit_command: Command, in_tmp: Path, place: tuple[str, ...], value: Any, options: tuple[str, ...]
) -> None:
    actual, expected = pair()
    trtkit_command("run", "--load-outputs", actual, expected, "--report", "r.json")
    data = json.loads(Path("r.json").read_text())
    part = data["pairs"][0]["outputs"][0]["metrics"][0]
    for key in place[:-1]:
        part = part[key]
    assert place[-1] in part
    part[place[-1]] = value
    Path("r.json").write_text(json.dumps(data))
    result = trtkit_command("check", "accuracy", "r.json", *options)
    assert (result.code, result.out) == (3, "")
    assert result.error == "trtkit check accuracy: error: cannot read 'r.json': the report is damaged"
