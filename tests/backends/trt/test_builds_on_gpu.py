"""What weakly typed TensorRT has and others lack: precision flags, calibration, tactic replay, timing caches."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends.trt.builds import opened

from trtkit.backends.trt.api import has
from trtkit.backends.trt.build import build_engine
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.network import Net
from trtkit.backends.trt.precision_options import CALIBRATORS, LEGACY
from trtkit.cuda.device import gpu_count
from trtkit.errors import FileError, InputError, ModelError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(gpu_count() == 0, reason="there is no GPU here"),
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="tensorrt is not installed"),
]

SHAPES = {"x": (8, 3)}


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    with opened(tmp_path, "linear", "tensorrt") as network:
        if not has("BuilderFlag.FP16"):
            pytest.skip("this TensorRT is strongly typed only")
        yield network


def feeds(count: int = 4) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    return [{"x": rng.standard_normal((8, 3)).astype(np.float32)} for _ in range(count)]


def configured(net: Net, data: list[dict[str, Any]] | None = None, **options: Any) -> BuildConfig:
    # No tactics of cuBLAS and cuDNN, which the machine that tests need not have.
    chosen = BuildOptions(tactic_sources=(), **options)
    return make_config(net, chosen, shapes=SHAPES, feeds=None if data is None else lambda: data)


def built(net: Net, data: list[dict[str, Any]] | None = None, **options: Any) -> bytes:
    return bytes(build_engine(net, configured(net, data, **options)))


@pytest.mark.parametrize("member", ["FP16", "TF32"])
def test_precision_flags(net: Net, member: str) -> None:
    options: dict[str, Any] = {member.lower(): True}
    build = configured(net, **options)
    assert build.config.get_flag(net.trt.BuilderFlag.__members__[member])
    assert build_engine(net, build).nbytes > 0


@pytest.mark.parametrize("word", ["prefer", "obey"])
def test_precision_constraints(net: Net, word: str) -> None:
    build = configured(net, fp16=True, precision_constraints=word)
    flags = net.trt.BuilderFlag.__members__
    assert build.config.get_flag(flags[f"{word.upper()}_PRECISION_CONSTRAINTS"])


@pytest.mark.parametrize("base", CALIBRATORS)
def test_calibration(net: Net, tmp_path: Path, base: str) -> None:
    cache = tmp_path / "calibration"
    more: dict[str, Any] = {"quantile": 0.9, "regression_cutoff": 0.8} if base == LEGACY else {}
    options = {"int8": True, "calibration_base_class": base, "calibration_cache": cache, **more}
    assert built(net, feeds(), **options)
    first = cache.read_bytes()
    assert first

    def no_data() -> list[dict[str, Any]]:
        raise AssertionError("the cache is there")

    build = make_config(net, BuildOptions(tactic_sources=(), **options), shapes=SHAPES, feeds=no_data)
    assert build_engine(net, build).nbytes > 0
    assert cache.read_bytes() == first


BAD_DATA: dict[str, tuple[list[dict[str, Any]] | None, str]] = {
    "no source": (None, "--int8 needs calibration data: give"),
    "no feed": ([], "there is not one input set"),
    "a missing input": ([{"y": np.zeros((8, 3), np.float32)}], "data set 1 lacks the inputs 'x'"),
    "a missing input later": ([*feeds(1), {}], "data set 2 lacks the inputs 'x'"),
    "another shape": ([*feeds(1), {"x": np.zeros((4, 3), np.float32)}], r"data set 2 has 'x' in the shape \[4, 3\]"),
}


@pytest.mark.parametrize(("data", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_calibration_data(net: Net, data: list[dict[str, Any]] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        built(net, data, int8=True)


def test_a_failing_data_source_is_what_is_said(net: Net, tmp_path: Path) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from feeds(2)
        raise InputError("out of data")

    cache = tmp_path / "calibration"
    options = BuildOptions(tactic_sources=(), int8=True, calibration_cache=cache)
    build = make_config(net, options, shapes=SHAPES, feeds=source)
    with pytest.raises(InputError, match="out of data"):
        build_engine(net, build)
    assert not cache.exists()


def test_tactics(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "tactics.json"
    built(net, save_tactics=path)
    saved = json.loads(path.read_text())
    assert saved["polygraphy_class"] == "TacticReplayData"
    assert saved["replay"]
    assert built(net, load_tactics=path)
    again = tmp_path / "again.json"
    built(net, save_tactics=again)
    assert json.loads(again.read_text())["replay"].keys() == saved["replay"].keys()


def test_a_tactic_that_cannot_be_had(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "tactics.json"
    built(net, save_tactics=path)
    saved = json.loads(path.read_text())
    name = next(iter(saved["replay"]))
    saved["replay"][name]["implementation"] += 1
    path.write_text(json.dumps(saved))
    with pytest.raises(ModelError, match=r"cannot have the tactic|chose another tactic"):
        built(net, load_tactics=path)


def test_tactics_of_another_network(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "tactics.json"
    built(net, save_tactics=path)
    saved = json.loads(path.read_text())
    saved["replay"] = {f"other {name}": entry for name, entry in saved["replay"].items()}
    path.write_text(json.dumps(saved))
    with pytest.raises(ModelError, match="the network has no such layers as the file names: 'other "):
        built(net, load_tactics=path)


def test_timing_caches(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "timings"
    built(net, load_timing_cache=path, save_timing_cache=path)
    first = path.read_bytes()
    built(net, load_timing_cache=path, save_timing_cache=path, fp16=True)
    assert len(path.read_bytes()) >= len(first)
    assert built(net, load_timing_cache=path)
    path.write_bytes(b"no timings, but a text that is longer than a cache's own header" * 20)
    with pytest.raises(FileError, match="holds no timing cache"):
        configured(net, load_timing_cache=path)
    with pytest.raises(FileError, match="holds no timing cache"):
        configured(net, save_timing_cache=path)
    with pytest.raises(FileError, match="there is no timing cache"):
        configured(net, load_timing_cache=tmp_path / "timing")


@pytest.mark.parametrize(
    "options",
    [{"use_gpu": True}, {"compute_capabilities": ("8.9",)}],
    ids=str,
)
def test_targets_of_rtx_only(net: Net, options: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"has no ComputeCapability; it is in TensorRT-RTX.*--hardware-compatibility"):
        configured(net, **options)
