"""`trtkit run --trt` where there is no GPU: everything up to execution is understood, then it says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zoo

from trtkit.cuda.device import gpu_count

Command = Callable[..., Any]

pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
if gpu_count():
    pytest.skip("this machine has a GPU, so nothing is missing", allow_module_level=True)


@pytest.fixture
def model(in_tmp: Path) -> Path:
    return zoo.write("linear", in_tmp)


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--onnxrt",),
        ("--fp16", "--save-engine", "e.engine"),
        ("--sequential-runners",),
        ("--sequential-runners", "--use-subprocess"),
    ],
    ids=" ".join,
)
def test_no_gpu_is_exit_4_before_anything_is_built(trtkit_command: Command, model: Path, more: tuple[str, ...]) -> None:
    result = trtkit_command("run", model, "--trt", "--trt-package", "tensorrt_rtx", *more, "-q")
    assert (result.code, result.out) == (4, "")
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("trtkit run: error: TensorRT-RTX ")
    assert "runs models on an NVIDIA GPU, and this machine has none that works: " in result.err
    assert not Path("e.engine").exists()


def test_an_engine_takes_no_building_options(trtkit_command: Command, in_tmp: Path) -> None:
    Path("e.engine").write_bytes(b"engine")
    result = trtkit_command("run", "e.engine", "--trt", "--fp16")
    assert (result.code, result.out) == (2, "")
    assert result.error == ("trtkit run: error: --fp16 is for building an engine, but 'e.engine' is one already")


@pytest.mark.parametrize("backend", ["onnxrt", "onnxref"])
def test_engines_and_scripts_are_for_tensorrt(trtkit_command: Command, in_tmp: Path, backend: str) -> None:
    Path("e.engine").write_bytes(b"engine")
    result = trtkit_command("run", "e.engine", f"--{backend}")
    assert (result.code, result.out) == (2, "")
    assert result.error == (
        f"trtkit run: error: {backend} cannot run 'e.engine', which is of type engine; it runs onnx"
    )


def test_runner_spec_takes_tensorrt_options(trtkit_command: Command, model: Path) -> None:
    result = trtkit_command(
        "run",
        model.name,
        "--runner",
        "trt:name=a,fp16,pool-limit=[workspace:1G],min-shapes=[x:[1,3]]",
        "--gen-script",
        "-",
    )
    assert result.code == 0, result.err
    assert "'fp16': True" in result.out
    assert "'pool_limit': {'workspace': 1073741824}" in result.out
    compile(result.out, "generated", "exec")
