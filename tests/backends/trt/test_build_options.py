from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.trt.build_options import BuildOptions, configuring_flags
from trtkit.backends.trt.config import SETTERS
from trtkit.errors import UsageError
from trtkit.options import options_of, parse_option

METAS = {field.name: meta for field, meta in options_of(BuildOptions)}

BESIDE_THE_TABLE = {
    "min_shapes",
    "opt_shapes",
    "max_shapes",
    "calibration_cache",
    "calibration_base_class",
    "quantile",
    "regression_cutoff",
    "config_script",
    "config_postprocess_script",
    "save_timing_cache",
}


def test_every_option_has_its_setter() -> None:
    assert set(METAS) == set(SETTERS) | BESIDE_THE_TABLE
    assert not set(SETTERS) & BESIDE_THE_TABLE


def test_flags_are_unique() -> None:
    flags = [flag for meta in METAS.values() for flag in meta.flags]
    assert len(flags) == len(set(flags))


PARSED: dict[str, tuple[str, list[str], Any]] = {
    "one profile": ("min_shapes", ["x:[1,3]", "a:b:[]"], ({"x": (1, 3), "a:b": ()},)),
    "two profiles": (
        "max_shapes",
        ["x:[1]", "y:[2]", "x:[8]", "y:[9]"],
        ({"x": (1,), "y": (2,)}, {"x": (8,), "y": (9,)}),
    ),
    "pools": ("pool_limit", ["Workspace:1.5K", "tactic_dram:4096"], {"workspace": 1536, "tactic_dram": 4096}),
    "the same pool twice": ("pool_limit", ["workspace:1K", "WORKSPACE:1024"], {"workspace": 1024}),
    "compute capabilities": ("compute_capabilities", ["8.9", "12.0"], ("8.9", "12.0")),
    "no tactic sources": ("tactic_sources", [], ()),
    "calibrator": ("calibration_base_class", ["iint8minmaxcalibrator"], "IInt8MinMaxCalibrator"),
    "path": ("load_timing_cache", ["a.cache"], Path("a.cache")),
    "streams": ("max_aux_streams", ["0"], 0),
}


@pytest.mark.parametrize(("field", "texts", "value"), PARSED.values(), ids=PARSED)
def test_parsing(field: str, texts: list[str], value: Any) -> None:
    assert parse_option(METAS[field], texts, "it") == value


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "open dimension": ("min_shapes", ["x:[N,3]"], "every dimension of a profile needs a size"),
    "no shape": ("opt_shapes", ["x"], "is not NAME:"),
    "pool without size": ("pool_limit", ["workspace"], "expected POOL:BYTES"),
    "pool of a wrong size": ("pool_limit", ["workspace:lots"], "expected a number of bytes"),
    "pool with two sizes": ("pool_limit", ["workspace:1", "Workspace:2"], "two sizes"),
    "compute capability": ("compute_capabilities", ["89"], "expected MAJOR.MINOR"),
    "negative level": ("builder_optimization_level", ["-1"], "at least 0"),
    "streams": ("max_aux_streams", ["some"], "whole number"),
    "constraint": ("precision_constraints", ["obay"], "did you mean 'obey'"),
    "calibrator": ("calibration_base_class", ["IInt8"], "expected one of IInt8EntropyCalibrator2"),
}


@pytest.mark.parametrize(("field", "texts", "message"), REFUSED.values(), ids=REFUSED)
def test_mistakes(field: str, texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_option(METAS[field], texts, "it")


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "both kinds of target": ({"use_gpu": True, "compute_capabilities": ("8.9",)}, "exclude each other"),
    "record and replay": ({"save_tactics": Path("a"), "load_tactics": Path("b")}, "exclude each other"),
    "lean runtime": ({"exclude_lean_runtime": True}, "no effect without --version-compatible"),
    "fallback": ({"allow_gpu_fallback": True}, "no effect without --use-dla"),
    "cache without int8": ({"calibration_cache": Path("c")}, "--calibration-cache has no effect without --int8"),
    "class without int8": ({"calibration_base_class": "IInt8MinMaxCalibrator"}, "no effect without --int8"),
    "quantile without int8": ({"quantile": 0.5}, "--quantile has no effect without --int8"),
    "quantile of another class": ({"int8": True, "quantile": 0.5}, "without --calib-base-cls IInt8LegacyCalibrator"),
    "cutoff of another class": ({"int8": True, "regression_cutoff": 0.5}, "without --calib-base-cls"),
    "unknown class": ({"int8": True, "calibration_base_class": "Mine"}, "is one of IInt8EntropyCalibrator2"),
    "level": ({"builder_optimization_level": 6}, "--builder-optimization-level 6: expected .* from 0 to 5"),
    "big level": ({"builder_optimization_level": 99999999999}, "--builder-optimization-level 99999999999: expected"),
    "streams": ({"max_aux_streams": 2**31}, "--max-aux-streams 2147483648: expected .* from 0 to 2147483647"),
    "profiles": ({"min_shapes": ({"x": (1,)},) * 2, "max_shapes": ({"x": (1,)},)}, "name 2, 0 and 1 profiles"),
}


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictions(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BuildOptions(**values)


def test_one_profile_in_python_needs_no_tuple() -> None:
    one: Any = {"x": (1,)}
    assert BuildOptions(min_shapes=one).min_shapes == (one,)


def test_configuring_flags() -> None:
    options = BuildOptions(
        fp16=True,
        tactic_sources=(),
        config_script="c.py",
        config_postprocess_script="p.py",
        save_timing_cache=Path("t"),
    )
    assert configuring_flags(options) == ["--fp16", "--tactic-sources"]
    assert configuring_flags(BuildOptions()) == []
