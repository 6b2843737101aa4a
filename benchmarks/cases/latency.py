"""What an inference takes beside a bare session of ONNX Runtime: through the API, and as `trtkit run` reports it.

`seconds` is the median of an inference; alone, it is also what two sessions that are alive are measured by. With two
sessions the bare ones do not spin while they are idle.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Goal, Setting, at_most

__all__ = ["CASES", "bare", "polygraphy_infer", "polygraphy_reported", "trtkit_infer", "trtkit_reported"]

WARM_UP = 3


def _median(call: Callable[[], Any], rounds: int) -> dict[str, float]:
    found = []
    for _ in range(rounds + WARM_UP):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return {"seconds": statistics.median(found[WARM_UP:])}


def _feed(size: str, kind: str) -> dict[str, Any]:
    import numpy as np

    shape = (int(size), 3, 224, 224) if kind == "resnet" else (1, 64)
    return {"x" if kind == "resnet" else "t0": np.random.default_rng(1).random(shape, np.float32)}


def bare(path: str, size: str, kind: str, rounds: str, sessions: str) -> dict[str, float]:
    """Sessions that take turns; the time is that of the first."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    if sessions == "2":
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    made = [ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]) for _ in range(int(sessions))]
    feed = _feed(size, kind)
    if sessions == "1":
        return _median(lambda: made[0].run(None, feed), int(rounds))
    found = []
    for _ in range(int(rounds) + WARM_UP):
        start = time.perf_counter()
        made[0].run(None, feed)
        found.append(time.perf_counter() - start)
        made[1].run(None, feed)
    return {"seconds": statistics.median(found[WARM_UP:])}


def trtkit_infer(path: str, size: str, kind: str, rounds: str) -> dict[str, float]:
    """`OpenRunner.infer`."""
    import trtkit

    feed = _feed(size, kind)
    with trtkit.open_runner("onnxrt", path) as runner:
        return _median(lambda: runner.infer(feed), int(rounds))


def trtkit_reported(path: str, size: str, rounds: str, sessions: str) -> dict[str, float]:
    """The latency that the report of a run states for the first runner."""
    import trtkit

    inputs = trtkit.InputOptions(iterations=int(rounds), input_shapes={"x": (int(size), 3, 224, 224)})
    execution = trtkit.ExecutionOptions(warm_up=WARM_UP)
    plan = trtkit.RunPlan(model=path, runners=["onnxrt"] * int(sessions), inputs=inputs, execution=execution)
    latency = trtkit.run(plan).runners[0].latency
    if latency is None:
        raise SystemExit("no latency was reported")
    return {"seconds": latency.median}


def polygraphy_infer(path: str, size: str, kind: str, rounds: str) -> dict[str, float]:
    """`infer` of Polygraphy's runner."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx

    feed = _feed(size, kind)
    with OnnxrtRunner(SessionFromOnnx(path)) as runner:
        return _median(lambda: runner.infer(feed), int(rounds))


def polygraphy_reported(path: str, size: str, rounds: str, sessions: str) -> dict[str, float]:
    """The median of the times that Polygraphy reports for its first runner, all runners being active as by default."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx

    runners = [OnnxrtRunner(SessionFromOnnx(path)) for _ in range(int(sessions))]
    feed = _feed(size, "resnet")
    found = []
    for runner in runners:
        runner.activate()
    for _ in range(int(rounds) + WARM_UP):
        for runner in runners:
            runner.infer(feed)
        found.append(runners[0].last_inference_time())
    for runner in runners:
        runner.deactivate()
    return {"seconds": statistics.median(found[WARM_UP:])}


def _resnet(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "residual", setting.path("m.onnx"))]


def _tiny(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "layers", setting.path("m.onnx"), int(setting.size))]


def _infer(kind: str, rounds: int) -> Callable[[Setting], Commands]:
    def commands(setting: Setting) -> Commands:
        arguments = (setting.path("m.onnx"), int(setting.size), kind, 2 if setting.quick else rounds)
        return {
            TRTKIT: setting.child("latency", "trtkit_infer", *arguments),
            POLYGRAPHY: setting.child("latency", "polygraphy_infer", *arguments, side=POLYGRAPHY),
            BARE: setting.child("latency", "bare", *arguments, 1),
        }

    return commands


def _reported(sessions: int) -> Callable[[Setting], Commands]:
    def commands(setting: Setting) -> Commands:
        path, size, rounds = setting.path("m.onnx"), int(setting.size), 2 if setting.quick else ROUNDS
        return {
            TRTKIT: setting.child("latency", "trtkit_reported", path, size, rounds, sessions),
            POLYGRAPHY: setting.child("latency", "polygraphy_reported", path, size, rounds, sessions, side=POLYGRAPHY),
            BARE: setting.child("latency", "bare", path, size, "resnet", rounds, sessions),
            "alone": setting.child("latency", "bare", path, size, "resnet", rounds, 1),
        }

    return commands


BATCHES, ROUNDS = (1, 2, 4), 25

CASES = [
    Case(
        "infer-tiny",
        "infer of a tiny model through the API",
        "nodes",
        (2, 8, 32),
        (2,),
        _infer("tiny", 2000),
        _tiny,
        goals=(Goal("seconds", 0.0006, BARE, above=True),),
        inner=True,
    ),
    Case(
        "infer-resnet",
        "infer of ResNet-18 through the API",
        "images",
        BATCHES,
        (1,),
        _infer("resnet", ROUNDS),
        _resnet,
        goals=(at_most(1.03, "seconds"),),
        inner=True,
    ),
    Case(
        "reported-alone",
        "reported latency of ResNet-18",
        "images",
        BATCHES,
        (1,),
        _reported(1),
        _resnet,
        goals=(at_most(1.05, "seconds"),),
        inner=True,
    ),
    Case(
        "reported-two",
        "reported latency of ResNet-18, two sessions alive",
        "images",
        BATCHES,
        (1,),
        _reported(2),
        _resnet,
        goals=(at_most(1.05, "seconds", "alone"),),
        inner=True,
    ),
]
