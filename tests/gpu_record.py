"""Writes the record of what runs on a GPU, docs/gpu-results.md, anew: tests, commands with their output, benchmarks.

    python tests/gpu_record.py --out FOLDER

Run it on a machine with an NVIDIA GPU and TensorRT, in a checkout. PyTorch is not needed where `custom_inputs.json` and
`torch_outputs.json`, made by `python generate_data.py` elsewhere, lie in examples/resnet/. Parts take minutes each;
`--only` chooses among them. The exit code is 1 where a test failed or a command ended otherwise than it should.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpu_commands import COMMANDS, NOT_EXECUTED

from trtkit.cuda.device import current_device, require_gpu
from trtkit.cuda.nvml import gpu_state
from trtkit.errors import TrtkitError

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("tests", "benchmark", "commands")
CARRIED = ("custom_inputs.json", "torch_outputs.json")
LONGEST, FIRST, LAST, WIDTH = 40, 24, 8, 400
"""An output of more than so many lines is shortened to its first and last ones; a line of more characters is cut."""


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    command: str
    output: str
    code: int
    wanted: int = 0


def progress(text: str) -> None:
    """Say on standard error what is being done."""
    print(f"gpu_record: {text}", file=sys.stderr, flush=True)


def version_of(name: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    return str(getattr(module, "__version__", None) or module.VERSION_TEXT)


def machine() -> Iterator[str]:
    """The lines that say on what this was recorded."""
    require_gpu("This record needs")
    device = current_device()
    state = gpu_state(device.pci_bus_id, device.name)
    clocks = f"clocks up to {state.sm_clock_max} MHz (SM) and {state.memory_clock_max} MHz (memory)"
    yield f"- Machine: one {state.name}, driver {state.driver or 'unknown'}, {clocks}"
    names = ("tensorrt", "onnxruntime", "onnx", "numpy", "cuda.bindings", "pycuda", "polygraphy")
    found = [f"{name} {version}" for name in names if (version := version_of(name)) is not None]
    yield f"- {', '.join(found)}, Python {sys.version.split()[0]}"


def environment(commands: Path) -> dict[str, str]:
    """What the commands run in: this interpreter's `trtkit` and `python`, and the standard TensorRT."""
    for name, module in (("python", ""), ("trtkit", " -m trtkit")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{module} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    python_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": python_path, "NO_COLOR": "1", "TRTKIT_TENSORRT": "tensorrt"}


def run_commands() -> Iterator[tuple[str, list[Ran]]]:
    """Carry the commands out in a copy of the example."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "bin").mkdir()
        folder = root / "examples" / "resnet"
        shutil.copytree(ROOT / "examples" / "resnet", folder, ignore=shutil.ignore_patterns("*.engine", "__pycache__"))
        env = environment(root / "bin")
        subprocess.run([sys.executable, "make_model.py"], cwd=folder, env=env, check=True, stdout=sys.stderr)
        for title, commands in COMMANDS:
            yield title, [run_command(command, wanted, folder, env) for command, wanted in commands]


def run_command(command: str, wanted: int, folder: Path, env: dict[str, str]) -> Ran:
    """One command, through the shell, with what it prints on both streams in its order."""
    without_torch = importlib.util.find_spec("torch") is None
    if command == "python generate_data.py" and without_torch and all((folder / name).exists() for name in CARRIED):
        return Ran(command, f"(run on a machine with PyTorch; {' and '.join(CARRIED)} were carried here)", 0)
    progress(command)
    start = time.monotonic()
    result = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    ended = "" if result.returncode == wanted else f", which should have been {wanted}"
    progress(f"    exit {result.returncode}{ended}, {time.monotonic() - start:.0f} s")
    return Ran(command, result.stdout.replace(f"{folder}{os.sep}", ""), result.returncode, wanted)


def shortened(text: str) -> str:
    """An output without the middle of a long list and the ends of long lines; both are said."""
    lines = [line if len(line) <= WIDTH else f"{line[:WIDTH]} ... (line cut)" for line in text.rstrip().splitlines()]
    if len(lines) > LONGEST:
        lines[FIRST:-LAST] = [f"... ({len(lines) - FIRST - LAST} lines left out here)"]
    return "\n".join(lines)


def section_of_commands(groups: list[tuple[str, list[Ran]]]) -> Iterator[str]:
    """The commands with their output."""
    yield "Run in `examples/resnet/`, `trtkit` standing for `python -m trtkit`; both output streams together."
    for title, runs in groups:
        yield f"\n### {title}\n\n```text"
        for index, ran in enumerate(runs):
            yield f"{chr(10) if index else ''}$ {ran.command}"
            if ran.output.strip():
                yield shortened(ran.output)
            yield f"[exit {ran.code}]"
        yield "```"


def run_tests(folder: Path, workers: int, left_out: list[str]) -> list[Path]:
    """pytest, whose own output goes to standard error, with reports in JUnit's format.

    Tests marked `alone` come after the others, in one process, whatever the number of workers.
    """
    reports: list[Path] = []
    for marks, more in (("gpu and not alone", [f"-n{workers}"] if workers > 1 else []), ("gpu and alone", [])):
        reports.append(folder / f"gpu-tests-{len(reports)}.xml")
        command = [sys.executable, "-m", "pytest", "tests", "-m", marks, "-q", "-rs", *more]
        command += [f"--ignore={path}" for path in left_out]
        command += [f"--junitxml={reports[-1]}", "-o", "junit_family=xunit1"]
        progress(shlex.join(command[1:]))
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
    return reports


def section_of_tests(reports: list[Path], left_out: list[str]) -> tuple[list[str], bool]:
    """The tests by file with what became of them, and whether none failed."""
    suites = [suite for report in reports for suite in ElementTree.parse(report).getroot().iter("testsuite")]
    passed: dict[str, list[str]] = {}
    skipped: dict[tuple[str, str], list[str]] = {}
    failed: list[str] = []
    for case in (case for suite in suites for case in suite.iter("testcase")):
        module = (case.get("classname") or case.get("name") or "").replace(".", "/")
        file = case.get("file") or f"{module}.py"
        name = f"`{case.get('name')}`".replace("|", "\\|")
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        not_run = case.find("skipped")
        if wrong is not None:
            failed.append(f"| `{file}` | {name} | {cell(wrong.get('message'))} |")
        elif not_run is not None:
            skipped.setdefault((file, cell(not_run.get("message") or not_run.text)), []).append(name)
        else:
            passed.setdefault(file, []).append(name)
    seconds = sum(float(suite.get("time", 0)) for suite in suites)
    count, without = sum(map(len, passed.values())), sum(map(len, skipped.values()))
    left = [f"| `{file}` | {', '.join(dict.fromkeys(names))} | {why} |" for (file, why), names in skipped.items()]
    lines = ["```text", " ".join(["python -m pytest tests -m gpu -q -rs", *(f"--ignore={path}" for path in left_out)])]
    lines += [
        f"{count} passed, {len(failed)} failed, {without} skipped in {seconds:.0f} s",
        "```",
    ]
    for title, table in (("Failed", failed), ("Skipped", left)):
        if table:
            lines += ["", f"{title}:", "", "| file | tests | why |", "| --- | --- | --- |", *table]
    lines += ["", "Passed:", "", "| file | tests |", "| --- | --- |"]
    return lines + [f"| `{file}` | {', '.join(names)} |" for file, names in passed.items()], not failed and count > 0


def cell(text: str | None) -> str:
    """The first line of a text, for a table."""
    return re.sub(r"\s+", " ", (text or "").strip().partition("\n")[0]).replace("|", "\\|")


def run_benchmarks() -> Iterator[Ran]:
    """The benchmarks of execution; their tables are Markdown, and their progress goes to standard error."""
    for script in ("gpu_overhead.py", "gpu_copies.py"):
        progress(script)
        command = [sys.executable, str(ROOT / "benchmarks" / script)]
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        yield Ran(f"python benchmarks/{script}", result.stdout, result.returncode)


def record(args: argparse.Namespace, parts: list[str]) -> Iterator[tuple[str, bool]]:
    """The page as far as it is, again and again, and whether all went as it should until then."""
    fine = True
    sections: dict[str, list[str]] = {part: ["Not run."] for part in PARTS}
    head = [*machine(), *(f"- {note}" for note in args.note)]
    if "tests" in parts:
        reports = run_tests(args.out, args.workers, args.leave_out)
        sections["tests"], fine = section_of_tests(reports, args.leave_out)
        yield page(head, sections), fine
    if "benchmark" in parts:
        runs = list(run_benchmarks())
        fine &= all(ran.code == ran.wanted for ran in runs)
        tables = [f"```text\n{ran.command}\n```\n\n{ran.output.strip() or 'It failed.'}" for ran in runs]
        sections["benchmark"] = ["\n\n".join(tables)]
        yield page(head, sections), fine
    if "commands" in parts:
        groups: list[tuple[str, list[Ran]]] = []
        for group in run_commands():
            groups.append(group)
            fine &= all(ran.code == ran.wanted for ran in group[1])
            sections["commands"] = list(section_of_commands(groups))
            yield page(head, sections), fine


def page(head: list[str], sections: dict[str, list[str]]) -> str:
    """The page with these sections."""
    lines = ["# Seen on a GPU", ""]
    lines += [
        "Continuous integration has no GPU. What needs one carries the marker `gpu` and is run by hand; this page is"
    ]
    lines += ["the record, written by `python tests/gpu_record.py`.", "", *head, "", "## Tests", "", *sections["tests"]]
    lines += ["", "## Not executed, needs TensorRT 10.x or 11.x", ""]
    lines += ["Built behind questions to `has(...)` and held by the table of nine releases, but not run:", ""]
    lines += [f"- {text}" for text in NOT_EXECUTED]
    lines += ["", "## Speed", "", *sections["benchmark"], "", "## Commands", "", *sections["commands"]]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where gpu-results.md is written")
    parser.add_argument("--only", default=",".join(PARTS), metavar="PARTS", help="of %(default)s")
    parser.add_argument("--note", action="append", default=[], metavar="TEXT", help="what else holds of this machine")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="run tests in N processes (pytest-xdist)")
    parser.add_argument("--leave-out", action="append", default=[], metavar="PATH", help="tests that are not run")
    args = parser.parse_args()
    parts = args.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    args.out.mkdir(parents=True, exist_ok=True)
    path, fine = args.out / "gpu-results.md", False
    try:
        for text, fine in record(args, parts):  # noqa: B007 - it is looked at after the last one
            path.write_text(text, encoding="utf-8")
    except TrtkitError as error:
        progress(str(error))
        return error.exit_code
    progress(f"written to {path}{'' if fine else '; something did not go as it should'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
