from __future__ import annotations

from typing import Any

import pytest

from trtkit.backends.onnxrt import Options
from trtkit.errors import UsageError
from trtkit.options import options_of, parse_option

METAS = {field.name: meta for field, meta in options_of(Options)}


PARSED: dict[str, tuple[str, list[str], Any]] = {
    "providers": ("providers", ["cuda", "CPU"], ("cuda", "CPU")),
    "provider options": (
        "provider_options",
        ["cuda:device_id=1", "cuda:a=b:c=d", "cpu:x="],
        {"cuda": {"device_id": "1", "a": "b:c=d"}, "cpu": {"x": ""}},
    ),
    "level": ("graph_optimization_level", ["Disable_All"], "disable_all"),
    "level, their name": ("graph_optimization_level", ["ORT_ENABLE_BASIC"], "basic"),
    "level, short for theirs": ("graph_optimization_level", ["enable_extended"], "extended"),
    "threads": ("intra_op_threads", ["3"], 3),
    "config": ("session_config", ["a.b=1", "c=d=e"], {"a.b": "1", "c": "d=e"}),
    "same twice": ("session_config", ["a=1", "a=1"], {"a": "1"}),
}


@pytest.mark.parametrize(("field", "texts", "value"), PARSED.values(), ids=PARSED)
def test_parsing(field: str, texts: list[str], value: Any) -> None:
    assert parse_option(METAS[field], texts, "it") == value


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "level": ("graph_optimization_level", ["extendet"], "did you mean 'extended'"),
    "threads": ("inter_op_threads", ["-1"], "at least 0"),
    "config": ("session_config", ["a"], "expected KEY=VALUE"),
    "config without a key": ("session_config", ["=a"], "expected KEY=VALUE"),
    "contradiction": ("session_config", ["a=1", "a=2"], "'a' is given twice, as '1' and as '2'"),
    "provider options": ("provider_options", ["device_id=1"], "expected PROVIDER:KEY=VALUE"),
}


@pytest.mark.parametrize(("field", "texts", "message"), REFUSED.values(), ids=REFUSED)
def test_mistakes(field: str, texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_option(METAS[field], texts, "it")


@pytest.mark.parametrize(
    "values", [{"providers": ()}, {"graph_optimization_level": "fast"}, {"intra_op_threads": -1}], ids=str
)
def test_mistakes_in_python(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Options(**values)


def test_levels_in_python_may_be_spelt_either_way() -> None:
    assert Options(graph_optimization_level="ORT_DISABLE_ALL") == Options(graph_optimization_level="disable_all")
