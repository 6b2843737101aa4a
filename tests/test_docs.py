"""The documentation is true: its commands run and print what they are said to, its links lead somewhere.

Fenced blocks of README.md and examples/**/README.md, by what follows the three backticks:

    sh          run here, in a copy of the examples beside the example model, from the folder of the document
    sh torch    the same, where PyTorch is installed
    sh trt      the same, where a TensorRT package is installed, whichever it is
    sh rtx      the same with TensorRT-RTX, where it is installed
    sh gpu      the same, on a machine with an NVIDIA GPU and TensorRT
    sh gpu torch    the same, where also the two files are that `generate_data.py` makes with PyTorch
    sh setup    sets up an environment; not run, and only such commands may stand in it
    python      a program, run like `sh`
    text        standard output of the block just above it; `...` stands for anything

A block that is run has to succeed. `exit=N` after its kind, as in `sh rtx exit=3`, says that it ends with that code
instead. A text block below it is then what it prints on standard error, or with exit code 1, which is a result, still
on standard output.

The blocks of a document share its folder and run in their order, so a block may use the files of those above it.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "examples").glob("**/README.md"))]
MARKDOWN = sorted(path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for path in ROOT.glob(pattern))
MODULES = sorted(path for folder in ("trtkit", "examples") for path in (ROOT / folder).rglob("*.py"))

RUN = ("sh", "sh torch", "sh trt", "sh rtx", "sh gpu", "sh gpu torch", "python")
NOT_RUN = ("sh setup", "text", "json")
SETUP = re.compile(
    r"git clone \S+"
    r"|cd trtkit"
    r"|(?:[A-Z]+=\S+ )?sh (?:examples/quickstart|tests/run)\.sh( .*)?"
    r"|python3? -m venv \S+"
    r"|\. \S+/bin/activate"
    r"|(?:python -m )?pip install .+"
)
EXIT = re.compile(r" exit=(\d+)$")
FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
TENSORRT, RTX = (importlib.util.find_spec(name) is not None for name in ("tensorrt", "tensorrt_rtx"))
CARRIED = [ROOT / "examples" / "resnet" / name for name in ("custom_inputs.json", "torch_outputs.json")]
"""What a machine without PyTorch may have been given."""
TORCH = importlib.util.find_spec("torch") is not None
ON_GPU = (
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA driver here"),
    pytest.mark.skipif(not TENSORRT, reason="tensorrt is not installed"),
)
MARKS: dict[str, tuple[pytest.MarkDecorator, ...]] = {
    "sh torch": (pytest.mark.torch, pytest.mark.skipif(not TORCH, reason="PyTorch is not installed")),
    "sh trt": (pytest.mark.skipif(not TENSORRT and not RTX, reason="no TensorRT package is installed"),),
    "sh rtx": (pytest.mark.skipif(not RTX, reason="tensorrt-rtx is not installed"),),
    "sh gpu": ON_GPU,
    "sh gpu torch": (
        *ON_GPU,
        pytest.mark.skipif(
            not TORCH and not all(path.is_file() for path in CARRIED),
            reason="PyTorch is not installed, and what generate_data.py makes with it was not carried here",
        ),
    ),
}
ENVIRONMENT = {
    "sh rtx": {"TRTKIT_TENSORRT": "tensorrt_rtx"},
    "sh gpu": {"TRTKIT_TENSORRT": "tensorrt"},
    "sh gpu torch": {"TRTKIT_TENSORRT": "tensorrt"},
}


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it is, how it ends, and the text block that follows it at once, if any."""

    document: Path
    line: int
    kind: str
    text: str
    output: str | None = None
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks_of(document: Path) -> list[Block]:
    """All fenced blocks of a document, in order."""
    content = document.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(content))
    blocks = []
    for index, fence in enumerate(fences):
        output = None
        if index + 1 < len(fences) and fences[index + 1]["kind"].strip() == "text":
            between = content[fence.end() : fences[index + 1].start()]
            output = fences[index + 1]["text"] if not between.strip() else None
        line = content.count("\n", 0, fence.start()) + 1
        kind = fence["kind"].strip()
        ends = EXIT.search(kind)
        exit_code = int(ends[1]) if ends else 0
        blocks.append(Block(document, line, EXIT.sub("", kind), fence["text"], output, exit_code))
    return blocks


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each document, with a copy of the examples and the example model; the commands are in `bin`."""
    root = tmp_path_factory.mktemp("docs")
    commands = root / "bin"
    commands.mkdir()
    for name, module in (("python", ""), ("trtkit", " -m trtkit")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{module} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    ignored = shutil.ignore_patterns("*.json", "*.engine", "__pycache__")
    for index in range(len(DOCUMENTS)):
        shutil.copytree(ROOT / "examples", root / str(index) / "examples", ignore=ignored)
        for path in () if TORCH else CARRIED:
            if path.is_file():
                shutil.copy(path, root / str(index) / path.parent.relative_to(ROOT))
    subprocess.run([sys.executable, root / "0" / "examples" / "resnet" / "make_model.py"], check=True)
    model = root / "0" / "models" / "ResNet-18.onnx"
    for index in range(1, len(DOCUMENTS)):
        copy = root / str(index) / "models" / model.name
        copy.parent.mkdir()
        copy.hardlink_to(model)
    return root


def run_block(block: Block, sandbox: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in the copy of its document's folder; the shell stops at the first command that fails."""
    folder = sandbox / str(DOCUMENTS.index(block.document)) / block.document.parent.relative_to(ROOT)
    command = [sys.executable, "-c", block.text] if block.kind == "python" else ["sh", "-euc", block.text]
    path = f"{sandbox / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **ENVIRONMENT.get(block.kind, {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=str(block), marks=MARKS.get(block.kind, ())) for block in BLOCKS if block.kind in RUN],
)
def test_block_runs(block: Block, sandbox: Path) -> None:
    result = run_block(block, sandbox)
    told = f"{block}\n{block.text}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}"
    assert result.returncode == block.exit_code, told
    if block.output is not None:
        printed = result.stderr if block.exit_code > 1 else result.stdout
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        matches = doctest.OutputChecker().check_output(block.output, printed, flags)
        assert matches, f"{block}: the text block below it says\n{block.output}\nbut this was printed\n{printed}"


@pytest.mark.parametrize("block", [pytest.param(block, id=str(block)) for block in BLOCKS])
def test_block_is_of_a_known_kind(block: Block) -> None:
    assert block.kind in RUN + NOT_RUN


@pytest.mark.parametrize("block", [pytest.param(block, id=str(block)) for block in BLOCKS if block.kind == "sh setup"])
def test_setup_blocks_only_set_up(block: Block) -> None:
    for line in block.text.splitlines():
        command = line.partition("#")[0].strip()
        assert not command or SETUP.fullmatch(command), f"{block}: {line!r} belongs into a block that is run"


def anchors_of(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in MARKDOWN])
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{document.name} links to {match['target']}, which is not there"
        assert path.is_relative_to(ROOT), f"{document.name} links to {match['target']}, outside the project"
        if anchor:
            assert anchor in anchors_of(path), f"{document.name} links to {match['target']}: no such heading"


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
