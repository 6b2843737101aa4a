"""The page of a suite as text and as data: its matrix, its links, its size, and names that cannot leave it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import suite_page_data
from page_text import Elements, hashes
from run_page_data import HOSTILE
from suite_page_data import job, suite_data

from trtkit.suite.page import suite_page_data as shown
from trtkit.suite.rendering import render_suite
from trtkit.suite.report import SuiteReport, save_suite_report


def of(*labels: dict[str, str]) -> dict[str, Any]:
    return suite_data(*(job(str(at), "CRASH", labels=each) for at, each in enumerate(labels)))


@pytest.mark.parametrize(
    ("labels", "axes", "view", "places"),
    [
        ([{}, {}], [], None, [[], []]),
        ([{"model": "a"}, {"model": "b"}], [], None, [[], []]),
        ([{"model": "a", "seed": "1"}, {"model": "b", "seed": "1"}], [], None, [[], []]),
        ([{"model": "a"}, {"model": "b"}, {"seed": "1"}, {"seed": "2"}], [], None, [[]] * 4),
        ([{"m": "a", "p": "1"}, {"m": "a", "p": "2"}, {"m": "b"}], [], None, [[]] * 3),
        (
            [{"m": "a", "p": "x"}, {"m": "b", "p": "x"}, {"m": "b", "p": "y"}, {"m": "b", "p": "z"}, {}],
            [("m", ["a", "b"]), ("p", ["x", "y", "z"])],
            [1, 0],
            [[0, 0], [1, 0], [1, 1], [1, 2], [None, None]],
        ),
        (
            [{"a": "1", "b": "1"}, {"a": "2", "c": "1"}, {"b": "2", "c": "2"}, {"b": "1", "c": "1"}],
            [("a", ["1", "2"]), ("b", ["1", "2"]), ("c", ["1", "2"])],
            [1, 2],
            [[0, 0, None], [1, None, 0], [None, 1, 1], [None, 0, 0]],
        ),
    ],
    ids=[
        "no matrix",
        "one axis",
        "one label",
        "no job with two",
        "one row",
        "the longer axis as rows",
        "the pair of most jobs",
    ],
)
def test_the_matrix(labels: Any, axes: Any, view: Any, places: Any) -> None:
    data = shown(of(*labels))
    assert [(axis["name"], axis["labels"]) for axis in data["axes"]] == axes
    assert data["view"] == view
    assert [each["place"] for each in data["jobs"]] == places


def test_names_cannot_leave_the_data(tmp_path: Path) -> None:
    data = suite_page_data.generated(tmp_path, len(HOSTILE), 1, hostile=True)
    data["suite"] = "suite<title><script>.toml"
    page = Elements(render_suite(data, ".html"))
    assert [tag for tag, _, _ in page.found if tag in ("script", "img", "style")] == ["style", *["script"] * 3]
    assert page.of("title") == [({}, "FAIL: suite<title><script>.toml")]
    policy = next(attributes["content"] for attributes, _ in page.of("meta") if "http-equiv" in attributes)
    assert policy is not None
    scripts = [text for attributes, text in page.of("script") if attributes.get("id") != "data"]
    assert f"script-src {hashes(scripts)}; " in policy
    assert policy.startswith("default-src 'none'; ")
    assert not [tag for tag, attributes, _ in page.found if {"src", "href", "style", "onclick"} & attributes.keys()]


@pytest.mark.parametrize(
    ("report", "folder", "link"),
    [
        ("out/a b.html", "", "out/a%20b.html"),
        ("out/#1.HTML", "..", "../out/%231.HTML"),
        ("javascript:alert(1).html", "", "javascript%3Aalert%281%29.html"),
        ("/tmp/a b.html", "..", "file:///tmp/a%20b.html"),
        ("r.json", "", None),
    ],
)
def test_links_to_the_pages_of_jobs(tmp_path: Path, report: str, folder: str, link: str | None) -> None:
    run = suite_page_data.runs(tmp_path)["PASS"]
    run["plan"]["save"] = {"report": [report]}
    (found,) = shown(suite_data(job("a", "PASS", run)), folder)["jobs"]
    assert found["pages"] == ([] if link is None else [(report, link)])


def test_a_page_in_another_folder_links_to_that_of_the_suite(tmp_path: Path) -> None:
    run = suite_page_data.runs(tmp_path)["paged"]
    (tmp_path / "ci" / "pages").mkdir(parents=True)
    report = SuiteReport(str(tmp_path / "suite.toml"), [job("a", "FAIL", run)], 1.0, "2026-01-31T23:59:59Z")
    save_suite_report(report, tmp_path / "ci" / "pages" / "s.html")
    assert '"../../own%20page.html"' in (tmp_path / "ci" / "pages" / "s.html").read_text(encoding="utf-8")


def test_what_happened_is_one_line_with_the_first_that_differs(tmp_path: Path) -> None:
    reports = suite_page_data.runs(tmp_path)
    problem = {**reports["PASS"], "problems": ["output y is missing"]}
    jobs = [job("a", "FAIL", reports["FAIL"]), job("b", "PASS", reports["PASS"]), job("c", "FAIL", problem)]
    first, second, third = (each["message"] for each in shown(suite_data(*jobs))["jobs"])
    assert first.startswith(
        "3 of 6 comparisons failed (1 iteration); decoder.block.1.output: 600 of 600 elements differ"
    )
    assert second == "6 outputs compared in 1 pair of results, 1 iteration"
    assert third.endswith("; output y is missing")


def test_pictures_of_what_did_not_pass_as_far_as_there_is_room(tmp_path: Path) -> None:
    run = suite_page_data.runs(tmp_path)["paged"]
    one = shown(suite_data(job("a", "FAIL", run)))["jobs"][0]["run"]["outputs"]
    assert [(each["verdict"], each["pictures"] is not None) for each in one] == [("FAIL", True)] * 3 + [
        ("PASS", False)
    ] * 3
    text = render_suite(suite_data(*(job(str(at), "FAIL", run) for at in range(1000))), ".html")
    assert len(text) < 16_000_000
    kept = text.count('"abs_error":{')
    assert 100 < kept < 3000
