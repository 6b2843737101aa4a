"""`--precision-tool modelopt`, for real where modelopt is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import onnx
import precision_models
import pytest

from trtkit.backends.onnx.precision import rewrite
from trtkit.errors import MissingPackageError, ModelError, UsageError
from trtkit.precision_config import Precision, PrecisionRequest

INSTALLED = importlib.util.find_spec("modelopt") is not None
needs_modelopt = [
    pytest.mark.skipif(not INSTALLED, reason="needs nvidia-modelopt: pip install 'trtkit[modelopt]'"),
    pytest.mark.filterwarnings("ignore"),  # PyTorch's and modelopt's own
]


def asked(precision: Precision = "fp16", *keep: str) -> PrecisionRequest:
    return PrecisionRequest((precision,), keep_fp32=keep, tool="modelopt")


def test_eight_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        rewrite(precision_models.resnet18(), tmp_path, asked("int8"), None)
    assert str(caught.value) == (
        "--precision-tool modelopt casts to fp16 or bf16 only; for 8 bits leave out --precision-tool"
    )


@pytest.mark.skipif(INSTALLED, reason="modelopt is installed")
def test_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingPackageError, match=r"pip install 'trtkit\[modelopt\]'$"):
        rewrite(precision_models.resnet18(), tmp_path, asked(), None)


class TestModelopt:
    pytestmark = needs_modelopt

    @pytest.mark.parametrize("precision", ["fp16", "bf16"])
    def test_block(self, precision: Precision, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        model = precision_models.transformer_block()
        config = rewrite(model, tmp_path, asked(precision, "softmax"), None)
        onnx.checker.check_model(model, full_check=True)
        assert config.kept == ("softmax",)
        assert len(config.nodes) == 34
        assert capfd.readouterr().out == ""

    def test_captured_values(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"^modelopt cannot rewrite the model: .*; leave out --precision-tool$"):
            rewrite(precision_models.recurrent(), tmp_path, asked(), None)
