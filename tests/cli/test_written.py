"""What is written never replaces what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import zoo

from trtkit.cli.main import main


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run external.onnx --onnxrt --log-file external.onnx", "--log-file 'external.onnx': another argument names"),
        ("inspect model external.onnx --log-file {cwd}/external.onnx", "another argument names this file too"),
        ("run external.onnx --onnxrt --gen-script ./external.onnx", "--gen-script './external.onnx': another"),
        ("run external.onnx --onnxrt --data-loader-script s.py:f --gen-script s.py", "--gen-script 's.py': another"),
        ("run external.onnx --onnxrt --save-outputs o --log-file o", "--log-file 'o': another argument names"),
        ("run external.onnx --onnxrt --save-outputs w.bin", "'w.bin' holds weights of 'external.onnx' ('w.bin')"),
        ("run external.onnx --onnxrt --sequential-runners --save-inputs w.bin", "'w.bin' holds weights of"),
        ("run external.onnx --onnxrt --save-onnx w.bin", "'w.bin' holds weights of 'external.onnx'"),
        (
            "run external.onnx --onnxrt --save-onnx o.onnx --save-external-data w.bin",
            "'w.bin' holds weights of 'external.onnx'",
        ),
        ("convert external.onnx -o w.bin --convert-to onnx", "'w.bin' holds weights of 'external.onnx'"),
        (
            "convert external.onnx --fp-to-fp16 -o o.onnx --save-external-data w.bin --external-data-size-threshold 0",
            "'w.bin' holds weights of 'external.onnx'",
        ),
    ],
)
def test_nothing_replaces_what_is_read(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo.write_external(tmp_path)
    (tmp_path / "s.py").write_text("def f(input_specs):\n    return []\n")
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(line.format(cwd=tmp_path).split()) == 2
    assert message in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_weights_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo.write_external(tmp_path, "weights/w.bin")
    monkeypatch.chdir(tmp_path)
    line = (
        "run external.onnx --onnxrt --save-onnx o.onnx --save-external-data weights --no-save-all-tensors-to-one-file"
    )
    assert main(line.split()) == 2
    assert "'weights' holds weights of 'external.onnx' ('weights/w.bin')" in capsys.readouterr().err


def test_other_files_may_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.write_external(tmp_path)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        line = "run external.onnx --onnxrt --save-outputs o.npz --log-file log --save-onnx m.onnx --save-external-data"
        assert main(line.split()) == 0
