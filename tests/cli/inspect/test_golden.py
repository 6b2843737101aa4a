"""`trtkit inspect model` prints what is committed in golden/; regenerate.py writes that anew."""

from __future__ import annotations

import json

import pytest
from cli.inspect.regenerate import CASES, GOLDEN, output

from trtkit.cli import console


@pytest.mark.parametrize("suffix", [".txt", ".json"])
@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_silent", False)
    found = output(name, suffix == ".json")
    assert found == (GOLDEN / f"{name}{suffix}").read_text(encoding="utf-8")
    if suffix == ".json" and found.startswith("{"):
        data = json.loads(found.partition("--- exit code")[0])
        assert (data["schema"], data["schema_version"]) == ("trtkit.inspect-model", 1)


def test_nothing_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}{end}" for name in CASES for end in (".txt", ".json")}
