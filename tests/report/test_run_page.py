"""The page of a report as a file: self-contained, safe whatever the names are, and rendered from saved data too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import report_runs
import run_page_data
from page_text import Elements, hashes

import trtkit
from trtkit.comparator.records import RecordFile, Records
from trtkit.report import render
from trtkit.report.iterations import MOST_POINTS, iteration_series
from trtkit.report.run_page import run_page_data as shown

Command = Callable[..., Any]
VENDOR = Path(trtkit.__file__).parent / "templates" / "report" / "vendor"


@pytest.fixture
def folder(in_tmp: Path) -> Path:
    report_runs.prepare(in_tmp)
    return in_tmp


def embedded(text: str) -> dict[str, Any]:
    (data,) = [text for attributes, text in Elements(text).of("script") if attributes.get("id") == "data"]
    found: dict[str, Any] = json.loads(data)
    return found


def test_names_cannot_leave_the_data(tmp_path: Path) -> None:
    data = run_page_data.compared(tmp_path, 7, hostile=True)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Elements(text)
    assert [tag for tag, _, _ in page.found if tag in ("script", "img", "style")] == ["style", *["script"] * 3]
    assert {output["name"] for output in embedded(text)["outputs"]} == set(run_page_data.HOSTILE)
    data["model"] = "</title><script>alert(1)</script>"
    title = Elements(render(data, ".html")).of("title")
    assert title == [({}, f"FAIL: {Path(data['model']).name}")]


def test_the_policy_allows_the_page_itself_and_nothing_else(tmp_path: Path) -> None:
    run_page_data.compared(tmp_path, 1)
    page = Elements((tmp_path / "page.html").read_text(encoding="utf-8"))
    policy = next(attributes["content"] for attributes, _ in page.of("meta") if "http-equiv" in attributes)
    assert policy is not None
    scripts = [text for attributes, text in page.of("script") if attributes.get("id") != "data"]
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": hashes(scripts),
        "style-src": hashes([text for _, text in page.of("style")]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not [tag for tag, attributes, _ in page.found if {"src", "href", "style", "onclick"} & attributes.keys()]
    assert not re.search(r"@import|url\(", "".join(text for _, text in page.of("style")))


def test_the_library_comes_with_its_licence_in_the_package_and_in_the_page(tmp_path: Path) -> None:
    run_page_data.compared(tmp_path, 1)
    text = (VENDOR / "uPlot.iife.min.js").read_text(encoding="utf-8")
    assert "Permission is hereby granted, free of charge" in text[:1500]
    assert "</script" not in text.lower()
    for holder in ("Copyright (c) 2022 Leon Sorokin", "uPlot"):
        assert holder in (VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
        assert holder in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in VENDOR.iterdir()) < 60_000


def test_pages_stay_small(tmp_path: Path) -> None:
    """Whatever the size of an output is: 300 times the elements take less than twice the space."""
    import numpy as np

    sizes = []
    for shape in ((100, 100), (1000, 3000)):
        expected = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        report_runs.save(tmp_path / "a.npz", "a", {"y": expected * np.float32(1.01)})
        report_runs.save(tmp_path / "b.npz", "b", {"y": expected})
        save = trtkit.SaveOptions(report=[str(tmp_path / "r.html")])
        trtkit.run(trtkit.RunPlan(load_outputs=[tmp_path / "a.npz", tmp_path / "b.npz"], save=save))
        sizes.append((tmp_path / "r.html").stat().st_size)
    assert sizes[1] < 2 * sizes[0] < 300_000


def test_pictures_and_times_are_recorded_for_a_page_alone(trtkit_command: Command, folder: Path) -> None:
    for forms, recorded in ((("r.json",), False), (("r.json", "r.html"), True)):
        for more in ((), ("--sequential-runners",)):
            assert trtkit_command("run", *report_runs.LINES["pass"], *more, "--report", *forms).code == 0
            data = json.loads((folder / "r.json").read_text())
            assert (data["pairs"][0]["outputs"][0]["pictures"] is not None) is recorded
            for runner in data["runners"]:
                times = runner["latency"].pop("times")
                assert (times is not None) is recorded
                if times is not None:
                    assert len(times) == 3
                    assert max(times) == pytest.approx(runner["latency"]["max"], abs=1e-9)


def test_a_saved_report_becomes_a_page_later(trtkit_command: Command, folder: Path) -> None:
    line = report_runs.LINES["fail"]
    assert trtkit_command("run", *line, "--report", "r.json", "r.html").code == 1
    result = trtkit_command("check", "accuracy", "r.json", "--report", "later.html", "later.xml")
    assert (result.code, result.out.splitlines()[-1][:4]) == (1, "FAIL")
    assert (folder / "later.html").read_text() == (folder / "r.html").read_text()
    assert (folder / "later.xml").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("--report", "x.html", "--atol", "1"),
            "--report shows the verdicts of the run, which other thresholds do not change; leave one out",
        ),
        (("--report", "x.txt"), "no report is written as 'x.txt': its suffix is none of .json, .xml, .md, .html"),
        (("--report", "r.json"), "'r.json' would be read while 'r.json' is written; save somewhere else"),
    ],
    ids=["thresholds", "suffix", "itself"],
)
def test_forms_that_are_refused(trtkit_command: Command, folder: Path, words: tuple[str, ...], error: str) -> None:
    assert trtkit_command("run", *report_runs.LINES["pass"], "--report", "r.json").code == 0
    result = trtkit_command("check", "accuracy", "r.json", *words)
    assert (result.code, result.error) == (2, f"trtkit check accuracy: error: {error}")
    assert not list(folder.glob("x.*"))


def test_an_error_has_a_page(trtkit_command: Command, folder: Path) -> None:
    assert trtkit_command("run", *report_runs.LINES["no model"], "--report", "r.html").code == 3
    data = embedded((folder / "r.html").read_text())
    assert (data["verdict"], data["error"]["exit_code"]) == ("ERROR", 3)
    assert "none.onnx" in data["error"]["message"]


def test_failures_come_first(tmp_path: Path) -> None:
    outputs = shown(run_page_data.compared(tmp_path, 20))["outputs"]
    verdicts = [output["verdict"] for output in outputs]
    assert verdicts == ["FAIL"] * 3 + ["PASS"] * 17
    assert [output["id"] for output in outputs] == [f"output-{at}" for at in range(20)]


def test_a_report_of_version_1_has_a_page() -> None:
    data = json.loads((Path(__file__).parent / "report-version-1.json").read_text())
    outputs = embedded(render(data, ".html"))["outputs"]
    assert [output["pictures"] for output in outputs] == [None] * len(outputs)


def test_a_report_without_the_keys_that_were_added_is_read(trtkit_command: Command, folder: Path) -> None:
    assert trtkit_command("run", *report_runs.LINES["pass"], "--report", "r.json").code == 0
    data = json.loads((folder / "r.json").read_text())
    complete = render(data, ".html")
    del data["pairs"][0]["outputs"][0]["pictures"]
    for runner in data["runners"]:
        del runner["latency"]["times"]
    assert render(data, ".html") == complete


def records(number: int) -> Iterator[dict[str, Any]]:
    for at in range(number):
        value: float | str = "NaN" if at == 4 else at / 3
        yield {"iteration": at, "sample": None, "passed": at % 10 != 0, "figures": {"required_atol": value}}


@pytest.mark.parametrize("number", [2, MOST_POINTS, MOST_POINTS + 1, 10_007])
def test_iterations_are_drawn_as_a_few_points(number: int) -> None:
    metric = {"metric": "simple", "iterations": number, "per_iteration": records(number)}
    found = iteration_series(metric)
    assert found is not None
    assert len(found["failed"]) == len(found["figures"]["required_atol"]) == -(-number // found["per"]) <= MOST_POINTS
    assert sum(found["failed"]) == -(-number // 10)
    assert found["figures"]["required_atol"][-1] == pytest.approx((number - 1) / 3, rel=1e-4)
    assert "samples" not in found


def test_iterations_of_a_metric_that_should_be_large_and_names_of_feeds() -> None:
    lines = [
        {"iteration": at, "sample": sample, "passed": True, "figures": {"psnr": value}}
        for at, (sample, value) in enumerate([("cat.jpg", 30.0), (None, 20.0), ("dog.jpg", "Infinity")])
    ]
    found = iteration_series({"metric": "psnr", "iterations": 3, "per_iteration": lines})
    assert found == {
        "per": 1,
        "failed": [0, 0, 0],
        "figures": {"psnr": [30.0, 20.0, float("inf")]},
        "samples": ["cat.jpg", None, "dog.jpg"],
    }
    many = [{**lines[at % 2], "iteration": at} for at in range(2 * MOST_POINTS)]
    merged = iteration_series({"metric": "psnr", "iterations": len(many), "per_iteration": many})
    assert merged == {"per": 2, "failed": [0] * MOST_POINTS, "figures": {"psnr": [20.0] * MOST_POINTS}}


@pytest.mark.parametrize(
    ("iterations", "per_iteration"), [(1, list(records(1))), (5, None)], ids=["a single one", "not recorded"]
)
def test_iterations_that_are_not_drawn(iterations: int, per_iteration: Any) -> None:
    assert iteration_series({"metric": "simple", "iterations": iterations, "per_iteration": per_iteration}) is None


def test_records_on_disk_are_gone_through_once() -> None:
    from trtkit.comparator.outcome import MetricResult

    kept = Records(RecordFile())
    for at in range(1000):
        kept.add(at, None, MetricResult("simple", True, {"required_atol": float(at)}, {}, {}, ""))
    found = iteration_series({"metric": "simple", "iterations": 1000, "per_iteration": kept})
    assert found is not None
    assert (found["per"], found["figures"]["required_atol"][:2]) == (4, [3.0, 7.0])
