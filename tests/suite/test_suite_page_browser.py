"""The page of a suite in real headless chromium."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import suite_page_data
from page_browser import chromium
from report_browser import Opened
from run_page_data import HOSTILE
from suite_files import write_suite

from trtkit.suite.rendering import render_suite

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

MODELS, PRECISIONS = 100, 10
JOBS = MODELS * PRECISIONS
LIMIT = 1.0
"""Seconds from navigation until the table of `JOBS` jobs is there, has answered a filter and has opened a job."""

OPEN = "[...document.querySelectorAll('.opener')].find((each) => each.textContent === arguments[0]).click()"
FILTER = "const box = document.querySelector('#jobs input'); box.value = arguments[0]; box.oninput()"
ROWS = "#jobs > .card > .scroller > table > tbody > tr"


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(driver: Chrome) -> Iterator[Opened]:
    yield (opened := Opened(driver))
    opened.check_quiet()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("big")
    data = suite_page_data.generated(folder, MODELS, PRECISIONS)
    return written(folder, data), data


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "suite.html"
    path.write_text(render_suite(data, ".html"), encoding="utf-8")
    return path


def test_1000_jobs_are_usable_within_a_second(page: Opened, big: tuple[Path, dict[str, Any]]) -> None:
    seconds = []
    for _ in range(3):  # the fastest is what the page takes; more is what else the machine does
        page.open(big[0])
        assert page.script("return document.querySelector('.job')") is None  # made when it is opened
        page.script(FILTER, "model-7/ precision-7")
        assert page.texts(f"{ROWS} .opener") == ["model-7/precision-7"]
        page.script(OPEN, "model-7/precision-7")
        assert len(page.texts(".job .table tbody tr")) == 6
        seconds.append(page.seconds())
    assert min(seconds) < LIMIT


def test_failures_come_first_and_the_table_sorts_and_filters(page: Opened, big: tuple[Path, dict[str, Any]]) -> None:
    path, data = big
    page.open(path)
    counts = data["counts"]
    tiles = dict(zip(page.texts(".tile span"), page.texts(".tile b"), strict=True))
    assert tiles == {"Jobs": "1,000", **{verdict: str(count) for verdict, count in counts.items()}}
    expected = ["✕FAIL"] * counts["FAIL"] + ["!CRASH"] * counts["CRASH"] + ["✓PASS"] * counts["PASS"]
    assert page.texts(f"{ROWS} .badge") == expected[:250]  # more come as one scrolls
    for at in (500, 750, 1000):
        page.script("document.querySelector('#jobs .end').scrollIntoView()")
        page.until(f"return document.querySelectorAll('{ROWS}').length === {at}")
    assert page.texts(f"{ROWS} .badge") == expected
    for verdict in ("FAIL", "PASS"):
        page.script("document.querySelector(arguments[0]).click()", f".chip.{verdict}")
    assert page.texts(f"{ROWS} .badge") == ["!CRASH"] * counts["CRASH"]
    assert page.texts("#jobs .counter") == [f"{counts['CRASH']} of 1,000 jobs"]
    head = "[...document.querySelectorAll('#jobs th button')].find((each) => each.textContent === 'Time').click()"
    page.script(f"{head}; {head}")
    longest = sorted((job["seconds"] for job in data["jobs"] if job["verdict"] == "CRASH"), reverse=True)
    times = [float(text.split()[0]) / (1000 if text.endswith("ms") else 1) for text in page.texts(f"{ROWS} .measured")]
    assert times == longest


def test_a_job_opens_and_closes(page: Opened, big: tuple[Path, dict[str, Any]]) -> None:
    page.open(big[0])
    page.script(OPEN, "model-3/precision-0")  # the thirty-first job
    assert page.texts(f"{ROWS}.detail dt") == ["command", "message"]
    assert page.texts(".job code") == ["trtkit run models/m.onnx --onnxrt --load-outputs 'saved outputs.npz'"]
    assert page.texts(".job .log") == [suite_page_data.LOG]
    page.script(OPEN, "model-0/precision-0")
    assert page.texts(".job h3") == ["Outputs", "End of its log"]
    found = page.texts(".job td.wide")
    assert len(found) == 6
    assert "actual 3.03" in found[0]
    assert page.texts(".job .together")[0].startswith("--atol ")
    page.script(FILTER, "model-0/")
    assert len(page.texts(".job")) == 1
    page.script("document.querySelector('tr.opens').click()")  # anywhere in the row
    assert page.texts(".job") == []
    assert page.script("return document.querySelector('.opener').ariaExpanded") == "false"
    page.script(FILTER, "")
    assert page.texts(".job .log") == [suite_page_data.LOG]  # still open


def test_the_matrix_leads_to_jobs(page: Opened, big: tuple[Path, dict[str, Any]]) -> None:
    page.open(big[0])
    page.until("return document.querySelector('.matrix') !== null")
    columns = [f"precision-{at}" for at in range(PRECISIONS)]
    assert page.texts(".matrix thead th") == ["model \N{MULTIPLICATION SIGN} precision", *columns]
    assert len(page.texts(".matrix .cell")) == JOBS
    assert page.texts(".matrix tbody tr:nth-child(4) .badge")[:2] == ["!CRASH", "✓PASS"]
    page.script("document.querySelector('.chip.PASS').click()")
    page.script("document.querySelector('.matrix tbody tr:nth-child(4) .cell').click()")
    assert page.texts(f"{ROWS} .opener") == ["model-3/precision-0"]
    assert page.texts(".job .log") == [suite_page_data.LOG]
    page.script("document.querySelectorAll('.matrix thead button')[1].click()")
    assert page.texts(".chosen") == ["precision-1✕"]
    assert len(page.texts(f"{ROWS} .opener")) == MODELS
    page.script("document.querySelector('.chosen').click()")
    assert page.texts("#jobs .counter") == ["1,000 jobs"]
    page.script("const menu = document.querySelector('#matrix select'); menu.value = '1'; menu.onchange()")
    assert len(page.texts(".matrix thead th")) == MODELS + 1


def test_names_are_text(page: Opened, tmp_path: Path) -> None:
    data = suite_page_data.generated(tmp_path, len(HOSTILE), 2, hostile=True)
    for job in data["jobs"]:
        for key in ("message", "host", "log"):
            job[key] = job["name"]
        job["words"] = [job["name"]]
    page.open(written(tmp_path, data))
    names = {job["name"] for job in data["jobs"]}
    assert any("<script>" in name for name in names)
    assert set(page.texts(f"{ROWS} .opener")) == names
    page.script("document.querySelectorAll('.opener').forEach((each) => each.click())")
    assert set(page.texts(".job .log")) == names
    page.until("return document.querySelector('.matrix') !== null")
    assert set(HOSTILE) - {""} <= set(page.texts(".matrix tbody th"))
    assert page.script("return document.querySelectorAll('img, b > b, main script').length") == 0


def test_pictures_are_drawn_where_a_job_has_them(page: Opened, tmp_path: Path) -> None:
    reports = suite_page_data.runs(tmp_path)
    jobs = [suite_page_data.job(name, "FAIL", reports[name]) for name in ("FAIL", "paged")]
    page.open(written(tmp_path, suite_page_data.suite_data(*jobs)))
    page.script(OPEN, "FAIL")
    assert page.texts(".job article") == []
    page.script(OPEN, "paged")
    assert page.script("return document.querySelector('.job dd a').getAttribute('href')") == "own%20page.html"
    assert page.texts(".job article h3") == [f"decoder.block.{at}.output" for at in (1, 3, 5)]
    page.scroll("#job-1-1")
    assert page.picture("#job-1-1 .plot:nth-child(3) .canvas canvas")[4] > 300
    page.script("document.querySelector('.job dd a').click()")
    page.until("return document.title.startsWith('FAIL: ') && document.documentElement.dataset.ready === 'yes'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(page: Opened, big: tuple[Path, dict[str, Any]], scheme: str) -> None:
    page.scheme(scheme)
    page.open(big[0])
    light = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] > 128"
    assert page.script(light) is (scheme == "light")
    page.until("return document.querySelector('.matrix') !== null")
    page.screenshot(f"suite-{scheme}")
    page.script(OPEN, "model-0/precision-0")
    page.script("document.querySelector('#jobs').scrollIntoView()")
    page.screenshot(f"suite-{scheme}-job")
    # The heads of the columns stay below the head of the page.
    page.script("document.querySelectorAll('.opens')[60].scrollIntoView({ block: 'center' })")
    top, below = page.script(
        "return [document.querySelector('#jobs th').getBoundingClientRect().top,"
        "document.querySelector('header.top').getBoundingClientRect().bottom]"
    )
    assert abs(top - below) <= 1


def test_a_real_suite(page: Opened, tmp_path: Path) -> None:
    write_suite(tmp_path, 2)
    (tmp_path / "out").mkdir()
    line = ["suite", "suite.toml", "-j", "2", "--filter", "linear/*", "waived", "expired", "gone", "planted/abort"]
    command = [sys.executable, "-m", "trtkit", *line, "--report", "out/s.html", "s.json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 3, result.stderr
    data = json.loads((tmp_path / "s.json").read_text())
    page.open(tmp_path / "out" / "s.html")
    assert page.texts(".top h1") == [data["verdict_text"].partition(": ")[2]]
    order = ["✕FAIL", "!ERROR", "!CRASH", "~XFAIL", "✓PASS", "✓PASS"]
    assert page.texts(f"{ROWS} .badge") == order
    assert page.texts(".matrix") == []  # one axis at most is left of each entry
    page.script("document.querySelectorAll('.opener').forEach((each) => each.click())")
    assert [each.rstrip().endswith("last words") for each in page.texts(".job .log")] == [False, True]
    assert len(page.texts(".job .latency table")) == 4
    assert "waived until 2999-12-31: known" in page.texts("tr.detail.XFAIL td.wide")[0]
    assert "the waiver expired on 2020-01-01: known" in page.texts("tr.detail.FAIL td.wide")[0]
    labels = {job["name"]: job["labels"] for job in data["jobs"]}
    assert labels["linear/0"] == {"model": "linear", "seed": "0"}
    again = subprocess.run([*command, "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 3, again.stderr
    resumed = json.loads((tmp_path / "s.json").read_text())["jobs"]
    assert {job["name"]: job["labels"] for job in resumed} == labels
    page.open(tmp_path / "out" / "s.html")
    assert page.texts(".tile small")[0] == "4 from before"
    assert page.texts(f"{ROWS} td:last-child") == ["from before", "", "", *["from before"] * 3]
