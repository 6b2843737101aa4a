"""What rewriting a large model to 16 bits costs, and what other tools make of the four test models.

    python benchmarks/precision_rewriting.py [--gigabytes 1] [--precision fp16] [--rounds 5] [--others] [--folder DIR]
    python benchmarks/precision_rewriting.py --tools

The first measures `trtkit convert big.onnx --fp16 -o out.onnx` as whole processes, once with the weights inside the
model and once in a file beside it, against reading the file and writing as many bytes, in turn, page cache warm.
Printed are medians over the rounds of the time and of the most resident memory of the child. The goals: at most 3 times
one read and one write, and at most twice the file and 100 MB of memory. With --others ONNX Runtime's float16 converter
and, where it is installed, AutoCast of nvidia-modelopt are measured in the same way.

The second hands the four models of tests/precision_models.py, and two planted ones, to every tool that is installed:
ONNX Runtime's float16 converter, the two of onnxconverter-common, AutoCast of nvidia-modelopt, and trtkit. Printed are
whether the result passes ONNX's checker and strict inference, whether inputs and outputs kept names and types, how many
casts it has, and the largest error under ONNX Runtime relative to the largest output (float16 only).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDE = 2048
"""The big model's weights are squares of this side."""

COPY = """
import sys, time
start = time.perf_counter()
data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "wb") as out:
    out.write(data)
print(time.perf_counter() - start)
"""

CONVERTER = """
import sys, onnx
from onnxruntime.transformers.float16 import convert_float_to_float16
onnx.save(convert_float_to_float16(onnx.load(sys.argv[1]), keep_io_types=True), sys.argv[2])
"""

MODELOPT = """
import sys, onnx, warnings
warnings.simplefilter("ignore")
from modelopt.onnx.autocast import convert_to_mixed_precision
made = convert_to_mixed_precision(sys.argv[1], low_precision_type=sys.argv[3], keep_io_types=True, providers=["cpu"])
onnx.save(made, sys.argv[2])
"""

WRITE = """
import sys
import numpy as np, onnx
from onnx import helper, numpy_helper
folder, layers, side = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
nodes, weights = [], []
for i in range(layers):
    values = random.standard_normal((side, side), np.float32) / np.float32(side**0.5)
    weights.append(numpy_helper.from_array(values, f"w{i}"))
    nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"p{i}"], name=f"product{i}"))
    nodes.append(helper.make_node("Relu", [f"p{i}"], [f"x{i + 1}"], name=f"relu{i}"))
ends = [helper.make_tensor_value_info(name, 1, ["N", side]) for name in ("x0", f"x{layers}")]
graph = helper.make_graph(nodes, "big", ends[:1], ends[1:], weights)
model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
onnx.save_model(model, f"{folder}/inside.onnx")
onnx.save_model(model, f"{folder}/beside.onnx", save_as_external_data=True, location="beside.bin")
"""


def measure(command: list[str]) -> tuple[float, float, str]:
    """Wall time in seconds, most resident memory in MB and output of a process.

    The kernel counts the memory of the process that starts it as well, so this one stays small and imports no onnx.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, text


def big(folder: Path, gigabytes: float, precision: str, rounds: int, others: bool) -> None:
    """Measure the rewriting of a model of so many gigabytes, and tell whether the goals are met."""
    layers = max(1, round(gigabytes * (1 << 30) / (4 * SIDE * SIDE)))
    measure([sys.executable, "-c", WRITE, str(folder), str(layers), str(SIDE)])
    out = str(folder / "out.onnx")
    for name, weights in (("inside", "inside.onnx"), ("beside", "beside.bin")):
        model = str(folder / f"{name}.onnx")
        commands = {"trtkit convert": [sys.executable, "-m", "trtkit", "convert", model, f"--{precision}", "-o", out]}
        if precision == "fp16" and others:
            commands["ONNX Runtime's converter"] = [sys.executable, "-c", CONVERTER, model, out]
        if others and importlib.util.find_spec("modelopt"):
            commands["modelopt"] = [sys.executable, "-c", MODELOPT, model, out, precision]
        copy = [sys.executable, "-c", COPY, str(folder / weights), str(folder / "copy")]
        size = (folder / weights).stat().st_size / (1 << 20)
        say(f"weights {name} the model, {size:.0f} MB, to {precision}")
        race(copy, commands, rounds, 2 * size + 100)


def race(copy: list[str], commands: dict[str, list[str]], rounds: int, memory: float) -> None:
    """Measure the commands in turn with a copy of the file, and tell medians; the goals are for the first."""
    copying: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        copied = float(measure(copy)[2])
        measured = {name: measure(command) for name, command in commands.items()}
        if turn:  # the first one warms the page cache
            copying.append(copied)
            for name, (seconds, peak, _) in measured.items():
                times[name].append(seconds)
                peaks[name].append(peak)
    say(f"  {'read and written as it is':26}  {statistics.median(copying):7.3f} s")
    for name in commands:
        ratio = statistics.median(one / other for one, other in zip(times[name], copying, strict=True))
        peak = statistics.median(peaks[name])
        line = f"  {name:26}  {statistics.median(times[name]):7.3f} s  {peak:5.0f} MB   {ratio:.2f} times the copy"
        if name == next(iter(commands)):
            line += f"  (at most 3: {_met(ratio <= 3)}; at most {memory:.0f} MB: {_met(peak <= memory)})"
        say(line)


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--precision", choices=("fp16", "bf16"), default="fp16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the models are written; a temporary folder by default")
    parser.add_argument("--others", action="store_true", help="measure other tools beside trtkit")
    parser.add_argument("--tools", action="store_true", help="compare what tools make of small models instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.tools:
            sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]
            from precision_tools import compare

            compare(Path(folder))
        else:
            big(Path(folder), given.gigabytes, given.precision, given.rounds, given.others)


if __name__ == "__main__":
    main()
