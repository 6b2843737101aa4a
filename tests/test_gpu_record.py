"""What a GPU machine records, as far as that can be tried without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gpu_commands import COMMANDS
from gpu_record import ROOT, Ran, section_of_commands, section_of_tests, shortened

from trtkit.cuda.device import gpu_count

REPORT = """<testsuites><testsuite time="3.2">
<testcase classname="tests.cuda.test_a" name="test_one[a|b]" file="tests/cuda/test_a.py"/>
<testcase name="test_two" file="tests/cuda/test_a.py"><skipped message="no | GPU"/></testcase>
<testcase classname="" name="tests.cuda.test_b"><skipped message="collection skipped"/></testcase>
{more}</testsuite></testsuites>"""

WITHOUT_GPU = pytest.mark.skipif(gpu_count() > 0, reason="this machine has a GPU")


@pytest.mark.parametrize("command", [command for _, commands in COMMANDS[:-2] for command, _ in commands])
def test_every_command_of_the_example_is_in_its_readme(command: str) -> None:
    readme = (ROOT / "examples" / "resnet" / "README.md").read_text(encoding="utf-8")
    assert f"\n{command}\n" in readme


@pytest.mark.parametrize(
    ("more", "fine"), [("", True), ('<testcase name="test_c"><failure message="no&#10;more"/></testcase>', False)]
)
def test_tests(more: str, fine: bool, tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(REPORT.format(more=more), encoding="utf-8")
    lines, passed = section_of_tests([path], [])
    assert passed is fine
    assert f"1 passed, {0 if fine else 1} failed, 2 skipped in 3 s" in lines
    assert "| `tests/cuda/test_a.py` | `test_one[a\\|b]` |" in lines
    assert "| `tests/cuda/test_a.py` | `test_two` | no \\| GPU |" in lines
    assert "| `tests/cuda/test_b.py` | `tests.cuda.test_b` | collection skipped |" in lines
    assert ("| `test_c.py` | `test_c` | no |" in lines) is not fine


def test_long_outputs_are_shortened() -> None:
    assert shortened("\n".join(map(str, range(40)))).splitlines() == [str(number) for number in range(40)]
    lines = shortened("\n".join(map(str, range(100)))).splitlines()
    assert lines == [*map(str, range(24)), "... (68 lines left out here)", *map(str, range(92, 100))]
    assert shortened("x" * 500) == f"{'x' * 400} ... (line cut)"


def test_commands_with_their_output() -> None:
    text = "\n".join(section_of_commands([("Title", [Ran("trtkit a", "said\n", 0), Ran("trtkit b", "", 3, 3)])]))
    assert "### Title\n\n```text\n$ trtkit a\nsaid\n[exit 0]\n\n$ trtkit b\n[exit 3]\n```" in text


@WITHOUT_GPU
@pytest.mark.parametrize("script", ["tests/gpu_record.py", "benchmarks/gpu_overhead.py", "benchmarks/gpu_copies.py"])
def test_one_line_without_a_gpu(script: str, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / script, *(("--out", tmp_path) if "record" in script else ())]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 4, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "needs an NVIDIA GPU, and this machine has none that works" in result.stderr
    assert result.stdout == ""
