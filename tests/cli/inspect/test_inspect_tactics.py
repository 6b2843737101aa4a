"""`trtkit inspect tactics` and `trtkit inspect diff-tactics`, which need no TensorRT."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

DOCS = Path(__file__).parents[3] / "docs" / "inspect"


def info(dtype: str = "FLOAT", vector: int = 1) -> dict[str, Any]:
    return {
        "dtype": f"DataType.{dtype}",
        "strides": [8, 1],
        "vectorized_dim": -1 if vector == 1 else 1,
        "components_per_element": vector,
        "polygraphy_class": "TensorInfo",
    }


def algorithm(tactic: int, implementation: int = 2147483651, dtype: str = "FLOAT", vector: int = 1) -> dict[str, Any]:
    return {
        "implementation": implementation,
        "tactic": tactic,
        "inputs": [info(dtype, vector)],
        "outputs": [info()],
        "polygraphy_class": "Algorithm",
    }


def write(path: str, **layers: Mapping[str, Any]) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"replay": layers, "polygraphy_class": "TacticReplayData"}))


def documented(page: str) -> str:
    return (DOCS / page).read_text()


def keys_of(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        yield from data
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from keys_of(item)


NEGATIVE = -4889586143772361690

TEXT = """\
t.json: tactics of 2 layers
  conv  implementation 0x80000003  tactic 0xbc24b8a1229f4426  float16 strides [8,1] vectors of 8 along 1 \
-> float32 strides [8,1]
  new  implementation 0x1  tactic 0x0000000000000010  complex32 strides [8,1] -> float32 strides [8,1]
"""


def test_tactics(trtkit_command: Command, in_tmp: Path) -> None:
    write("t.json", conv=algorithm(NEGATIVE, dtype="HALF", vector=8), new=algorithm(16, 1, "COMPLEX32"))
    result = trtkit_command("inspect", "tactics", "t.json")
    assert (result.code, result.err) == (0, "")
    assert result.out == TEXT.replace("0xbc24b8a1229f4426", f"{NEGATIVE + 2**64:#x}")
    data = json.loads(trtkit_command("inspect", "tactics", "t.json", "--json").out)
    assert (data["schema"], data["schema_version"], data["path"]) == ("trtkit.inspect-tactics", 1, "t.json")
    tensor = {name: value for name, value in info().items() if name != "polygraphy_class"}
    expected = {"name": "conv", "implementation": 2147483651, "tactic": NEGATIVE}
    assert {name: data["layers"][0][name] for name in expected} == expected
    assert data["layers"][0]["outputs"] == [tensor]
    assert {key for key in keys_of(data) if f"`{key}`" not in documented("tactics.md")} == set()


def test_every_layer_is_one_line(trtkit_command: Command, in_tmp: Path) -> None:
    write("t.json", **{"": algorithm(1), "a\n\x1b[31m": algorithm(2)})
    lines = trtkit_command("inspect", "tactics", "t.json").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["(unnamed)", r"a\n\x1b[31m"]


def test_a_file_that_is_none(trtkit_command: Command, in_tmp: Path) -> None:
    Path("t.json").write_text("[]")
    result = trtkit_command("inspect", "tactics", "t.json")
    assert (result.code, result.error) == (
        3,
        "trtkit inspect tactics: error: 't.json' is no tactic replay, as --save-tactics writes it",
    )


def test_nothing_of_tensorrt_is_loaded(in_tmp: Path) -> None:
    write("t.json", conv=algorithm(1))
    write("good/a.json", conv=algorithm(1))
    write("bad/b.json", conv=algorithm(1))
    script = (
        "import sys; from trtkit.cli.main import main\n"
        "code = main(['inspect', 'tactics', 't.json']) + main(['inspect', 'diff-tactics'])\n"
        "sys.exit(code or any(name.startswith(('tensorrt', 'onnx')) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def replays(in_tmp: Path) -> None:
    write("r/good/a.json", conv=algorithm(1), pool=algorithm(7), same=algorithm(3))
    write("r/good/deep/b.json", conv=algorithm(2), same=algorithm(3))
    write("r/bad/c.json", conv=algorithm(9), pool=algorithm(7, dtype="HALF"), same=algorithm(3))
    write("r/bad/d.json", conv=algorithm(9), pool=algorithm(7), added=algorithm(1), same=algorithm(3))


DIFFERENCE = """\
2 good replays, 2 bad replays
  conv  implementation 0x80000003  tactic 0x0000000000000009  float32 strides [8,1] -> float32 strides [8,1]  \
(in 2 of 2 bad)
  pool  implementation 0x80000003  tactic 0x0000000000000007  float16 strides [8,1] -> float32 strides [8,1]  \
(in 1 of 2 bad)
  added  implementation 0x80000003  tactic 0x0000000000000001  float32 strides [8,1] -> float32 strides [8,1]  \
(in 1 of 2 bad, the layer is in no good one)
3 tactics of 3 layers in bad replays only
"""

WAYS = {
    "a folder": ["--dir", "r"],
    "folders": ["--good", "r/good", "--bad", "r/bad"],
    "files": ["--bad", "r/bad/c.json", "r/bad/d.json", "--good", "r/good/a.json", "--good", "r/good/deep"],
}


@pytest.mark.usefixtures("replays")
@pytest.mark.parametrize("flags", WAYS.values(), ids=WAYS)
def test_differences(trtkit_command: Command, flags: list[str]) -> None:
    result = trtkit_command("inspect", "diff-tactics", *flags)
    assert (result.code, result.err, result.out) == (1, "", DIFFERENCE)
    data = json.loads(trtkit_command("inspect", "diff-tactics", *flags, "--json").out)
    assert list(data) == ["schema", "schema_version", "good", "bad", "tactics"]
    assert [(each["name"], each["bad_count"], each["layer_good_count"]) for each in data["tactics"]] == [
        ("conv", 2, 2),
        ("pool", 1, 1),
        ("added", 1, 0),
    ]
    assert {key for key in keys_of(data) if f"`{key}`" not in documented("diff-tactics.md")} == set()


@pytest.mark.usefixtures("replays")
def test_no_difference(trtkit_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write("n/good/a.json", conv=algorithm(1), pool=algorithm(2))
    write("n/bad/b.json", conv=algorithm(1))
    monkeypatch.chdir("n")
    result = trtkit_command("inspect", "diff-tactics")
    verdict = "1 good replay, 1 bad replay\nevery tactic of the bad replays is in a good one as well\n"
    assert (result.code, result.out) == (0, verdict)


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "nothing here": ([], 3, "there is no folder 'good' in '.'; name the replays with --good and --bad"),
    "good alone": (["--good", "r/good"], 2, "--good needs --bad"),
    "bad alone": (["--bad", "r/bad"], 2, "--bad needs --good"),
    "both ways": (["--dir", "r", "--good", "r/good"], 2, "--dir and --good with --bad exclude each other"),
    "no file": (["--good", "r/good", "--bad", "r/bat"], 3, "there is no file or folder 'r/bat'"),
    "an empty folder": (["--good", "r/good", "--bad", "empty"], 3, "there are no tactic replays (.json) in the folder"),
    "no replay": (["--good", "r/good", "--bad", "other.json"], 3, "'other.json' is no tactic replay"),
    "both sides": (["--good", "r/good", "--bad", "r"], 2, "is among the good replays and among the bad ones"),
}


@pytest.mark.usefixtures("replays")
@pytest.mark.parametrize(("argv", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(trtkit_command: Command, argv: list[str], code: int, message: str) -> None:
    Path("empty").mkdir()
    Path("other.json").write_text("{}")
    result = trtkit_command("inspect", "diff-tactics", *argv)
    assert result.code == code
    assert message in result.error
