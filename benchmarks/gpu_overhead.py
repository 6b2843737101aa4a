"""What an inference costs beside TensorRT's own work: in trtkit, in a bare loop, and in Polygraphy's runner.

ResNet-18 in FP32 and FP16, batch 1 and 8: one engine for each, which everybody runs in turn in one process. Printed are
medians, as a Markdown table. Needs an NVIDIA GPU and a TensorRT that builds weakly typed networks (8.6 to 10); most of
its one to two minutes are for building. Run it on a quiet machine, in a checkout:

    python benchmarks/gpu_overhead.py

`--tactic-sources` without a name builds without cuBLAS and cuDNN, where these are not installed.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bare_loop import Bare

import trtkit
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.cuda.device import require_gpu
from trtkit.optional import require

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models" / "ResNet-18.onnx"
CASES = [(precision, batch) for precision in ("FP32", "FP16") for batch in (1, 8)]
UNTIMED = 10  # calls before those that count, each time that somebody has their turn

BARE, TRTKIT, POLYGRAPHY = "bare loop", "trtkit", "Polygraphy's runner"
LAUNCH, LAUNCH_OUT, GRAPH = "bare graph, no output", "bare graph, output copied", "trtkit `--cuda-graph`"
RATIOS = [(TRTKIT, BARE, 1.10), (POLYGRAPHY, BARE, None), (GRAPH, LAUNCH_OUT, 1.05), (GRAPH, LAUNCH, 1.05)]
"""Whose time is divided by whose, and the goal: at most so much."""

Array = npt.NDArray[Any]
Calls = dict[str, Callable[[], Any]]


@dataclass
class Found:
    """What was measured of one engine: the milliseconds of a call in each round, and on the GPU alone."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    gpu: float = 0.0
    state: Any = None

    def ratio(self, one: str, other: str) -> float:
        """The median over the rounds of one contender's time divided by another's in the same round."""
        return statistics.median(a / b for a, b in zip(self.rounds[one], self.rounds[other], strict=True))


class OnGpu:
    """A float32 array in memory on the GPU, as other libraries offer theirs."""

    def __init__(self, address: int, shape: tuple[int, ...]) -> None:
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "<f4", "data": (address, True), "version": 3}


def polygraphy_call(engine: Path, x: Array, stack: ExitStack) -> Callable[[], Array]:
    """One inference of Polygraphy's runner."""
    backend = importlib.import_module("polygraphy.backend.trt")
    common = importlib.import_module("polygraphy.backend.common")
    runner = stack.enter_context(backend.TrtRunner(backend.EngineFromBytes(common.BytesFromPath(str(engine)))))

    def infer() -> Array:
        y: Array = runner.infer({"x": x})["y"]
        return y

    infer()
    return infer


def measure(engine: Path, x: Array, args: argparse.Namespace, problems: dict[str, str]) -> Found:
    """Let everybody run one engine in turn; `problems` gets what could not be measured, and why."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))  # Polygraphy's messages go to standard output
        bare, graphs = Bare(engine, x), Bare(engine, x)
        stack.callback(bare.close)
        stack.callback(graphs.close)
        ours = stack.enter_context(trtkit.open_runner("trt", engine, trt_package="tensorrt"))
        with_graph = stack.enter_context(trtkit.open_runner("trt", engine, trt_package="tensorrt", cuda_graph=True))
        feed, on_gpu = {"x": x}, {"x": OnGpu(graphs.x_device, x.shape)}
        calls: Calls = {BARE: bare.infer, TRTKIT: lambda: ours.infer(feed)["y"]}
        try:
            calls[POLYGRAPHY] = polygraphy_call(engine, x, stack)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from running here, the others are measured
            problems[POLYGRAPHY] = f"{type(error).__name__}: {str(error).strip() or 'no reason given'}".splitlines()[0]
        calls[LAUNCH], calls[LAUNCH_OUT] = graphs.launcher(output=False), graphs.launcher(output=True)
        calls[GRAPH] = lambda: with_graph.infer(on_gpu)["y"]
        expected = bare.infer()
        for name, call in calls.items():
            y = call()
            if y is not None and not np.allclose(y, expected, rtol=1e-3, atol=1e-3):
                raise RuntimeError(f"{name} gives another answer than the bare loop")
        found = Found(take_turns(calls, args.rounds, args.calls))
        watched = stack.enter_context(trtkit.open_runner("trt", engine, trt_package="tensorrt", timed=True))
        seconds = []
        for _ in range(args.calls):
            watched.infer(feed)
            seconds.append(watched.gpu_seconds() or 0.0)
        found.gpu, found.state = statistics.median(seconds) * 1e3, watched.gpu_state()
    return found


def take_turns(calls: Calls, rounds: int, count: int) -> dict[str, list[float]]:
    """The median milliseconds of a call, for everybody in each round; each round begins with another one."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for index in range(rounds + 1):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            median = timed(calls[name], count)
            if index:  # the first round warms up
                found[name].append(median)
    return found


def timed(call: Callable[[], Any], count: int) -> float:
    """The median milliseconds of so many calls."""
    for _ in range(UNTIMED):
        call()
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def build(engine: Path, precision: str, shape: tuple[int, ...], sources: list[str] | None) -> None:
    """Build one engine, as `trtkit convert` does."""
    options = BuildOptions(fp16=precision == "FP16", tactic_sources=None if sources is None else tuple(sources))
    inputs, network = trtkit.InputOptions(input_shapes={"x": shape}), NetworkOptions(trt_package="tensorrt")
    trtkit.convert(trtkit.ConvertPlan(MODEL, engine, inputs=inputs, network=network, build=options))


def rows(found: list[Found]) -> list[list[str]]:
    """The table's rows: a line for each contender, then the time on the GPU, then the ratios."""
    table = []
    for name in (BARE, TRTKIT, POLYGRAPHY, LAUNCH, LAUNCH_OUT, GRAPH):
        cells = [each.rounds.get(name) for each in found]
        table.append([name, *("not measured" if cell is None else f"{statistics.median(cell):.3f}" for cell in cells)])
    table.append(["on the GPU alone, by events in trtkit", *(f"{each.gpu:.3f}" for each in found)])
    for one, other, goal in RATIOS:
        ratios = [each.ratio(one, other) if one in each.rounds else None for each in found]
        told = ["not measured" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        if goal is not None:
            told = [f"{ratio:.3f} {'ok' if ratio <= goal else 'missed'}" for ratio in ratios if ratio is not None]
        wanted = "" if goal is None else f" (goal: at most {goal:.2f})"
        table.append([f"{one} / {other}{wanted}", *told])
    return table


def versions(state: Any) -> str:
    """The GPU with its clocks just after measuring, and the packages."""
    parts = [f"{state.name}, driver {state.driver}, SM clock {state.sm_clock} of {state.sm_clock_max} MHz"]
    for name in ("tensorrt", "trtkit", "polygraphy", "cuda.bindings", "numpy"):
        try:
            parts.append(f"{name} {importlib.import_module(name).__version__}")
        except ImportError:
            continue
    return ", ".join([*parts, f"Python {sys.version.split()[0]}"])


def run(args: argparse.Namespace) -> str:
    """Build, measure, and render as Markdown."""
    require_gpu("This benchmark needs")
    for name in ("tensorrt", "cuda.bindings.runtime"):
        require(name, "trtkit[trt]", "this benchmark")
    if not MODEL.is_file():
        subprocess.run([sys.executable, ROOT / "examples" / "resnet" / "make_model.py"], check=True)
    rng, found, problems = np.random.default_rng(0), [], dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        for precision, batch in CASES:
            x = rng.standard_normal((batch, 3, 224, 224), dtype=np.float32)
            engine = Path(folder) / f"{precision}-{batch}.engine"
            print(f"{precision}, batch {batch}: building", file=sys.stderr, flush=True)  # noqa: T201
            build(engine, precision, x.shape, args.tactic_sources)
            print(f"{precision}, batch {batch}: measuring", file=sys.stderr, flush=True)  # noqa: T201
            found.append(measure(engine, x, args, problems))
    head = ["milliseconds", *(f"{precision}, batch {batch}" for precision, batch in CASES)]
    lines = [head, ["---", *("---:" for _ in CASES)], *rows(found)]
    told = [versions(found[-1].state), f"medians of {args.rounds} rounds of {args.calls} calls in turn", ""]
    told += [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*told, *(f"\n{name}: not measured: {reason}" for name, reason in problems.items())])


def main() -> int:
    """Print the table; the exit code says only whether it could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="turns that everybody has (default: %(default)s)")
    parser.add_argument("--calls", type=int, default=150, help="timed calls in each turn (default: %(default)s)")
    parser.add_argument("--tactic-sources", nargs="*", metavar="NAME", help="as in trtkit convert")
    try:
        print(run(parser.parse_args()))  # noqa: T201 - a script's answer
    except trtkit.TrtkitError as error:
        print(f"gpu_overhead.py: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
