"""What `trtkit suite` costs over running the same command lines by hand, one after the other.

Two suites are generated: jobs that are over at once, and jobs that compute for a while. Each is run by hand (a process
of `trtkit run` for each job) and as a suite with one job at a time, in turns; printed are the medians, as a Markdown
table. Needs no GPU. Run it on a quiet machine, in a checkout:

    python benchmarks/suite_overhead.py
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

TRTKIT = [sys.executable, "-m", "trtkit"]
KINDS = {"short": 1, "longer": 150}
"""Kind of job to its iterations."""


def write_model(path: Path) -> None:
    """A product with a 512 x 512 matrix."""
    weight = np.random.default_rng(1).random((512, 512), np.float32)
    shape = ["N", 512]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)


def spent() -> npt.NDArray[np.float64]:
    """Seconds on the clock, and of the processors in all processes that have ended below this one."""
    times = os.times()
    return np.array([time.perf_counter(), times.children_user + times.children_system])


def measure(folder: Path, kind: str, jobs: int, repeats: int) -> tuple[npt.NDArray[np.float64], ...]:
    """Seconds by hand, and as a suite: each on the clock, and of the processors."""

    def run(command: list[str]) -> npt.NDArray[np.float64]:
        began = spent()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return spent() - began

    suite = folder / f"{kind}.toml"
    suite.write_text(
        f'[[jobs]]\nmodel = "model.onnx"\nrunners = ["onnxrt", "onnxref"]\ninput-shapes = "x:[256,512]"\n'
        f"iterations = {KINDS[kind]}\natol = 1e-2\nmatrix.seed = {list(range(jobs))}\n"
    )
    line = [*TRTKIT, "suite", suite.name]
    listed = subprocess.run([*line, "--list"], cwd=folder, check=True, capture_output=True, text=True).stdout
    words = [shlex.split(each)[2:] for each in listed.splitlines() if each.startswith(" ")]
    assert len(words) == jobs
    by_hand, as_suite = [], []
    for _ in range(repeats):
        by_hand.append(np.sum([run([*TRTKIT, "run", *each, "--report", "r.json"]) for each in words], axis=0))
        as_suite.append(run([*line, "-j", "1", "--report", "s.json"]))
    return np.median(by_hand, axis=0), np.median(as_suite, axis=0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10, help="jobs of each suite (default: 10)")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is run (default: 3)")
    args = parser.parse_args()
    print("| jobs | seconds | by hand | as a suite | more for each job | allowed |")  # noqa: T201 - a script's answer
    print("| --- | --- | ---: | ---: | ---: | ---: |")  # noqa: T201
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model.onnx")
        for kind in KINDS:
            by_hand, as_suite = measure(folder, kind, args.jobs, args.repeats)
            for number, what in enumerate(("on the clock", "of processors")):
                hand, suite = by_hand[number] / args.jobs, as_suite[number] / args.jobs
                print(  # noqa: T201
                    f"| {args.jobs} {kind} | {what} | {hand:.2f} each | {suite:.2f} each | {suite - hand:+.2f} "
                    f"| {0.15 * hand + 0.5:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
