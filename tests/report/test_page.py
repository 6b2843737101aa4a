"""The file of a page: self-contained, safe whatever the names are, and all or nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from page_data import node, page_of, residual_page
from page_text import Elements, hashes

from trtkit.errors import FileError
from trtkit.report.page import write_page

VENDOR = Path(__file__).parents[2] / "trtkit" / "templates" / "page" / "vendor"
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\u2028$title",
]


def written(path: Path, data: dict[str, Any]) -> Elements:
    write_page(path, data)
    return Elements(path.read_text(encoding="utf-8"))


def embedded(page: Elements) -> dict[str, Any]:
    (text,) = (text for attributes, text in page.of("script") if attributes.get("id") == "data")
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_whatever_it_looks_like(tmp_path: Path, name: str) -> None:
    plain = written(tmp_path / "plain.html", page_of([node(0, "a", "Relu", ["x"])], ["x"], ["a.out"]))
    data = page_of([node(0, name, name, [name], attributes={name: name})], [name], [f"{name}.out"], title=name)
    page = written(tmp_path / "page.html", data)
    assert [tag for tag, _, _ in page.found] == [tag for tag, _, _ in plain.found]
    assert page.of("title") == [({}, name)]
    assert embedded(page)["nodes"][0]["attributes"] == {name: name}


def test_the_data_is_complete(tmp_path: Path) -> None:
    data = page_of([{"id": "0", "outputs": [], "attributes": {"axis": float("nan"), "sizes": (1, 2)}}], [], [])
    read = embedded(written(tmp_path / "page.html", data))
    assert read["nodes"] == [
        {
            "id": "0", "name": "", "type": "", "inputs": [], "outputs": [],
            "attributes": {"axis": "NaN", "sizes": [1, 2]}, "precision": None, "tactic": None, "origin": [],
            "parent": None, "status": None, "detail": None,
        }
    ]  # fmt: skip
    assert {key: read[key] for key in data if key != "nodes"} == {key: data[key] for key in data if key != "nodes"}


def test_half_a_character_is_no_error(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", page_of([node(0, "\ud800", "Relu", ["x"])], ["x"], [], title="a\ud800"))
    assert page.of("title") == [({}, "a?")]
    assert embedded(page)["nodes"][0]["name"] == "\ud800"


def test_the_policy_admits_the_scripts_and_styles_of_the_page_and_nothing_else(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", residual_page(10))
    (policy,) = (each["content"] for each, _ in page.of("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules == {
        "default-src": "'none'",
        "script-src": hashes([text for attributes, text in page.of("script") if "type" not in attributes]),
        "style-src": hashes([text for _, text in page.of("style")]),
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_refers_to_no_other_file(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", residual_page(10))
    assert not [tag for tag, attributes, _ in page.found if {"src", "href", "style", "onclick"} & attributes.keys()]
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest", "".join(text for _, text in page.of("style")))


def test_libraries_come_with_their_licences_in_the_package_and_in_the_page(tmp_path: Path) -> None:
    notices = (VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    write_page(tmp_path / "page.html", residual_page(10))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for library in VENDOR.glob("*.js"):
        text = library.read_text(encoding="utf-8")
        (holder,) = set(re.findall(r"Copyright \(c\) \S+ [\w. ]+", text[:1500]))
        assert library.name in notices
        assert holder in notices
        assert holder in page
        assert "Permission is hereby granted, free of charge" in text[:1500]
        assert "</script" not in text.lower()
    assert sum(library.stat().st_size for library in VENDOR.iterdir()) < 600_000


def test_the_page_grows_with_the_model_only(tmp_path: Path) -> None:
    write_page(tmp_path / "empty.html", page_of([], [], []))
    assert (tmp_path / "empty.html").stat().st_size < 600_000


def test_a_page_is_written_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("before")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_page(target, page_of([], [], [], facts={"set": {1}}))
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(FileError, match="there is no folder"):
        write_page(tmp_path / "missing" / "page.html", page_of([], [], []))
