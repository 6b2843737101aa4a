from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, numpy_helper
from precision_models import MODELS, feeds_of

from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.shadow import Shadow, shadow_of
from trtkit.backends.onnxrt import Options, create

Array = np.ndarray[Any, Any]


def measured(path: Path, precisions: dict[str, str], feed: dict[str, Array]) -> tuple[Shadow, list[float]]:
    shadow = shadow_of(open_onnx(path), precisions)
    onnx.checker.check_model(shadow.model.proto(), full_check=True)
    with create("shadow", shadow.model, Options(graph_optimization_level="disable_all"), RunnerContext()) as runner:
        (numbers,) = runner.infer(feed).values()
    return shadow, [float(each) for each in numbers]


def fake(values: Array, precision: str) -> Array:
    """To a precision and back, the way numpy and ml_dtypes do it."""
    if precision == "int8":
        scale = np.float32(np.abs(values).max()) / np.float32(127)
        return np.asarray(np.round(values / scale) * scale)
    if precision == "fp8":
        scale = np.float32(np.abs(values).max()) / np.float32(448)
        return np.asarray((values / scale).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) * scale)
    kind = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}[precision]
    return values.astype(kind).astype(np.float32)


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8"])
def test_a_node_is_measured_on_rounded_inputs(precision: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, weight = random.uniform(0.5, 4, (5, 3)).astype(np.float32), random.uniform(0.5, 4, (3, 3)).astype(np.float32)
    model = zoo.model(
        [zoo.node("Neg", ["x"], ["n"], name="n"), zoo.node("MatMul", ["n", "w"], ["y"], name="m")],
        [zoo.X],
        [zoo.Y],
        [numpy_helper.from_array(weight, "w")],
    )
    shadow, numbers = measured(zoo.save(model, tmp_path / "m.onnx"), {"m": precision}, {"x": x})
    ((difference, size, lost),) = shadow.errors["m"]
    again = fake(-x, precision) @ fake(weight, precision)
    if precision in ("fp16", "bf16"):
        again = fake(again, precision)
    assert numbers[difference] == pytest.approx(np.abs(-x @ weight - again).max(), rel=1e-3)
    assert numbers[size] == pytest.approx(np.abs(x @ weight).max())
    assert numbers[lost] == 0
    assert {name: numbers[place] for name, place in shadow.magnitudes.items()} == pytest.approx(
        {"n": np.abs(x).max(), "w": np.abs(weight).max(), "y": np.abs(x @ weight).max()}
    )
    assert set(shadow.errors) == {"m"}


def test_what_becomes_infinite_is_told_apart_from_what_is(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Mul", ["x", "x"], ["square"], name="square"),
        zoo.node("Log", ["x"], ["log"], name="log"),
        zoo.node("Less", ["x", "square"], ["y"], name="less"),
        zoo.node("Split", ["x"], ["left", "right"], name="split", axis=1),
    ]
    outputs = [zoo.tensor("y", ["N", 4], TensorProto.BOOL), *(zoo.tensor(name, None) for name in ("left", "right"))]
    path = zoo.save(zoo.model(nodes, [zoo.tensor("x", ["N", 4])], outputs), tmp_path / "m.onnx")
    x = np.array([[300, 0, 1.0001, 2]], np.float32)  # log 0 is -inf in float32 too; 1.0001 is 1 in float16
    shadow, numbers = measured(path, dict.fromkeys(("square", "log", "less", "split"), "fp16"), {"x": x})
    found = {key: [[numbers[place] for place in row] for row in rows] for key, rows in shadow.errors.items()}
    assert found["square"][0][1:] == [90000, 1]
    assert found["log"][0][1:] == [pytest.approx(np.log(300)), 0]
    assert found["less"] == [[1, 1, 0]]  # 1.0001 < 1.0002 no longer, and one that differs is all it takes
    assert [row[1] for row in found["split"]] == [300, pytest.approx(2)]


@pytest.mark.parametrize("name", MODELS)
def test_all_models(name: str, tmp_path: Path) -> None:
    model = MODELS[name](tmp_path)
    path = zoo.save(model, tmp_path / "m.onnx")
    keys = node_keys(model)
    shadow, numbers = measured(path, dict.fromkeys(keys, "fp16"), feeds_of(model, 1)[0])
    inner = 11 if name == "recurrent" else 0  # the If, the Loop and what is in them
    assert len(shadow.errors) == len(keys) - inner
    ratios = [numbers[row[0]] / numbers[row[1]] for rows in shadow.errors.values() for row in rows if numbers[row[1]]]
    assert 0 < max(ratios) < 2e-3
    assert not any(numbers[row[2]] for rows in shadow.errors.values() for row in rows)


def test_nothing_to_measure(tmp_path: Path) -> None:
    path = zoo.save(zoo.chain(), tmp_path / "m.onnx")
    shadow, numbers = measured(path, {}, {"x": np.ones((1, 3), np.float32)})
    assert (dict(shadow.errors), numbers) == ({}, [0])


PROGRAM = """
import resource, sys
import numpy as np, zoo
from pathlib import Path
from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.shadow import shadow_of
from trtkit.backends.onnxrt import Options, create

count = int(sys.argv[2])
names = ["x", *(f"t{index}" for index in range(count - 1)), "y"]
nodes = [zoo.node("Sin", [a], [b], name=b) for a, b in zip(names, names[1:])]
path = zoo.save(zoo.model(nodes, [zoo.tensor("x", ["N"])], [zoo.tensor("y", ["N"])]), Path(sys.argv[1]))
shadow = shadow_of(open_onnx(path), dict.fromkeys(names[1:], "fp16"))
options = Options(graph_optimization_level="disable_all", intra_op_threads=1)
with create("shadow", shadow.model, options, RunnerContext()) as runner:
    runner.infer({"x": np.ones(1 << 20, np.float32)})
(line,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]
print(line.split()[1])
"""
"""Not `ru_maxrss`, which begins with what the parent has."""


def test_memory_does_not_grow_with_the_number_of_nodes(tmp_path: Path) -> None:
    """30 nodes more, with 4 MiB of results each: 120 MiB if these were kept."""
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", PROGRAM, tmp_path / "m.onnx", str(count)],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parents[2],
            ).stdout
        )
        for count in (10, 40)
    ]
    assert peaks[1] - peaks[0] < 40 * 1024
