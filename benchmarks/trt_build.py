"""What `trtkit convert` costs beside a bare script that builds the same engine with TensorRT-RTX.

Both build ResNet-18 with the same profile and the same settings, in processes of their own that take turns, and what
counts is the whole process: start, imports, parsing, building, writing. Needs `tensorrt-rtx` and no GPU. Run it on a
quiet machine, in a checkout, with the Python that trtkit is installed for:

    python benchmarks/trt_build.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models" / "ResNet-18.onnx"
GOAL_RATIO, GOAL_MIB = 1.15, 60
PROFILE = {"min": 1, "opt": 8, "max": 16}  # images in a batch

# The settings are those that `trtkit convert` starts from: detailed profiling verbosity, no TF32.
BARE = """
import sys
import tensorrt_rtx as trt

logger = trt.Logger(trt.Logger.WARNING)
builder = trt.Builder(logger)
network = builder.create_network(0)
parser = trt.OnnxParser(network, logger)
if not parser.parse_from_file(sys.argv[1]):
    sys.exit(str(parser.get_error(0)))
config = builder.create_builder_config()
config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
config.clear_flag(trt.BuilderFlag.TF32)
profile = builder.create_optimization_profile()
profile.set_shape("x", *[(int(count), 3, 224, 224) for count in sys.argv[3:]])
config.add_optimization_profile(profile)
engine = builder.build_serialized_network(network, config)
with open(sys.argv[2], "wb") as file:
    file.write(engine)
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of wall time, and MiB of memory at its peak."""

    seconds: float
    mib: float


def command_of(side: str, engine: Path) -> list[str]:
    """The command line that builds the engine, for `trtkit` or for the `bare` script."""
    if side == "bare":
        return [sys.executable, "-c", BARE, str(MODEL), str(engine), *map(str, PROFILE.values())]
    script = Path(sysconfig.get_path("scripts")) / "trtkit"  # as people call it; `python -m` takes some ms more
    command = [sys.executable, str(script), "convert", str(MODEL), "-o", str(engine)]
    for which, count in PROFILE.items():
        command += [f"--trt-{which}-shapes", f"x:[{count},3,224,224]"]
    return command


def measure(command: list[str], engine: Path) -> Cost:
    """Run a command that has to write `engine`, and say what it took."""
    environment = {**os.environ, "TRTKIT_TENSORRT": "tensorrt_rtx"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)  # the memory of this process alone
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not engine.is_file():
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}\n{said.decode(errors='replace')}")
    return Cost(seconds, usage.ru_maxrss / 1024)  # Linux counts in KiB


def versions() -> str:
    """The packages that are measured, and the Python that runs them."""
    packages = " ".join(f"{name} {metadata.version(name)}" for name in ("trtkit", "tensorrt-rtx"))
    return f"{packages}, Python {sys.version.split()[0]}"


def main() -> None:
    """Print the median cost of both sides, and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="how often each side builds (default: %(default)s)")
    rounds = parser.parse_args().rounds
    if not MODEL.is_file():
        subprocess.run([sys.executable, ROOT / "examples" / "resnet" / "make_model.py"], check=True)
    costs: dict[str, list[Cost]] = {"bare": [], "trtkit": []}
    with tempfile.TemporaryDirectory() as folder:
        for index in range(rounds + 1):
            for side, found in costs.items():
                engine = Path(folder) / f"{side}.engine"
                engine.unlink(missing_ok=True)
                cost = measure(command_of(side, engine), engine)
                if index > 0:  # the first round fills the caches of the disk and of Python
                    found.append(cost)
    seconds = {side: statistics.median(cost.seconds for cost in found) for side, found in costs.items()}
    mib = {side: statistics.median(cost.mib for cost in found) for side, found in costs.items()}
    ratio, extra = seconds["trtkit"] / seconds["bare"], mib["trtkit"] - mib["bare"]
    lines = [f"{versions()}; medians of {rounds} rounds in turn"]
    lines += [f"{side:6}  {seconds[side]:6.3f} s  {mib[side]:6.0f} MiB" for side in costs]
    lines.append(f"ratio {ratio:.2f} (goal: at most {GOAL_RATIO}), memory {extra:+.0f} MiB (goal: at most +{GOAL_MIB})")
    print("\n".join(lines))  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
