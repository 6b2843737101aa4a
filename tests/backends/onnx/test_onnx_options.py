from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.errors import UsageError

CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "inference of nothing": ({"no_onnxruntime_shape_inference": True}, "no effect without --shape-inference"),
    "ignored and elsewhere": (
        {"ignore_external_data": True, "external_data_dir": Path("w")},
        "--ignore-external-data and --external-data-dir contradict",
    ),
    "ignored and saved": (
        {"ignore_external_data": True, "save_onnx": Path("m.onnx"), "save_external_data": ""},
        "cannot save the weights that --ignore-external-data leaves out",
    ),
    "data without a model": ({"save_external_data": ""}, "no effect without --save-onnx"),
    "threshold": ({"save_onnx": Path("m.onnx"), "external_data_size_threshold": 1}, "without --save-external-data"),
    "many files": ({"save_onnx": Path("m"), "no_save_all_tensors_to_one_file": True}, "without --save-external-data"),
    "absolute": ({"save_onnx": Path("m"), "save_external_data": "/w"}, "stays in its folder"),
    "above": ({"save_onnx": Path("m"), "save_external_data": "../w"}, "stays in its folder"),
}


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictions(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        OnnxOptions(**values)


@pytest.mark.parametrize(
    ("values", "edits"),
    [
        ({}, False),
        ({"ignore_external_data": True}, False),
        ({"outputs": ("a",)}, True),
        ({"shape_inference": True}, True),
    ],
)
def test_edits(values: dict[str, Any], edits: bool) -> None:
    assert OnnxOptions(**values).edits is edits


def test_opening_a_model_that_stays_as_it_is_imports_no_framework(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not even read")
    code = (
        "import sys\n"
        "from trtkit.backends import registry\n"
        "from trtkit.backends.onnx.open import open_onnx\n"
        "model = open_onnx(sys.argv[1])\n"
        "assert str(model.as_file()) == sys.argv[1]\n"
        "for backend in registry.BACKENDS: backend.load().Options()\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'ml_dtypes', 'google.protobuf'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.onnx")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
