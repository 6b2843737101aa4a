"""Speed and memory of trtkit beside Polygraphy and beside a bare script; benchmarks/README.md says what is measured.

python benchmarks/run.py                          # everything, in environments of its own
python benchmarks/run.py --only help tiny-run     # some cases
python benchmarks/run.py --tiny                   # everything once at tiny sizes: does it work?
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cases import load_cases
from harness.case import Case
from harness.environments import POLYGRAPHY_VERSION, make
from harness.machine import describe, versions
from harness.measuring import CaseResult, How, measure_case
from harness.processes import CommandError
from harness.results import summary, write

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("trtkit", "polygraphy", "numpy", "onnx", "onnxruntime", "ml_dtypes", "tensorrt-rtx", "torch")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--list", action="store_true", help="say which cases there are")
    made.add_argument("--only", nargs="+", metavar="CASE", help="these cases instead of all; a prefix is enough")
    made.add_argument("--tiny", action="store_true", help="tiny sizes, one round, with the Python that runs this")
    made.add_argument("--sizes", type=int, metavar="N", help="only the N smallest sizes of each case")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="of each side (default: %(default)s)")
    made.add_argument(
        "--budget", type=float, default=120, metavar="SECONDS", help="no further round after (default: %(default)s)"
    )
    made.add_argument(
        "--patience",
        type=float,
        default=60,
        metavar="SECONDS",
        help="how long to wait for the machine to be idle before each size (default: %(default)s)",
    )
    made.add_argument("--here", action="store_true", help="measure with the Python that runs this, not in environments")
    made.add_argument(
        "--environments", type=Path, default=ROOT / ".venv-benchmarks", help="their folder (default: %(default)s)"
    )
    made.add_argument("--rtx", action="store_true", help="install TensorRT-RTX in both environments, for `convert`")
    made.add_argument(
        "--torch",
        type=Path,
        metavar="PYTHON",
        help="an interpreter with trtkit, Polygraphy and PyTorch, for tiny-run-torch",
    )
    made.add_argument("--work", type=Path, help="folder for models and data, 10 GB (default: the system's for such)")
    made.add_argument(
        "--results", type=Path, default=ROOT / "benchmarks" / "results", help="where to write (default: %(default)s)"
    )
    made.add_argument("--machine", default=platform.node(), help="its name in the results (default: %(default)s)")
    return made


def pythons(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """The interpreters with trtkit and with Polygraphy."""
    if not (options.here or options.tiny):
        return make(options.environments, options.rtx)
    python = Path(sys.executable)
    return python, python if importlib.util.find_spec("polygraphy") else None


def attempt(case: Case, sizes: Sequence[float], how: How) -> CaseResult:
    """Measure a case; where a command fails, that is the result."""
    try:
        return measure_case(case, sizes, how)
    except CommandError as error:
        print(f"{case.name}: {error}", file=sys.stderr)  # noqa: T201 - a script's answer
        return CaseResult(case, (), str(error).splitlines()[-1], failed=True)


def main() -> int:
    """Measure, and write the results."""
    options = parser().parse_args()
    cases = load_cases()
    wanted = options.only or [""]
    chosen = [case for name, case in cases.items() if any(name.startswith(each) for each in wanted)]
    if options.list or not chosen:
        print("\n".join(f"{case.name:20}  {case.title}" for case in cases.values()))  # noqa: T201
        return 0 if options.list else 2
    python, theirs = pythons(options)
    tiny = options.tiny
    how = How(
        python,
        theirs,
        options.torch,
        1 if tiny else options.rounds,
        options.budget,
        0 if tiny else options.patience,
        options.work,
    )
    facts: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]]),
        "machine": describe(),
        "trtkit": versions(python, PACKAGES),
        "polygraphy": versions(theirs, PACKAGES) if theirs else {"not measured": f"no {POLYGRAPHY_VERSION}"},
        "torch": versions(options.torch, PACKAGES) if options.torch else {"not measured": "no --torch"},
    }
    results: list[CaseResult] = []
    at_once = len(os.sched_getaffinity(0)) if tiny else 1
    with ThreadPoolExecutor(at_once) as pool:  # its threads only wait for processes
        for result in pool.map(
            lambda case: attempt(case, case.tiny if tiny else case.sizes[: options.sizes], how), chosen
        ):
            results.append(result)
            print("\n".join(summary(result)), flush=True)  # noqa: T201 - a script's answer
            paths = write(options.results, f"{facts['date']}-{options.machine}", facts, results)
    print(*paths)  # noqa: T201 - a script's answer
    return 1 if any(result.failed or any(size.failures for size in result.sizes) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
