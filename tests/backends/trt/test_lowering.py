"""One request, two means: what is rewritten, what stays a flag, and what stops, each with its message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import precision_models
import pytest
import zoo
from backends.trt.builds import built
from backends.trt.package import needs_rtx

from trtkit.backends.base import OnnxModel
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.api import title
from trtkit.backends.trt.kept import _layers_of, constrain, keeping_fp32
from trtkit.backends.trt.lowering import Lowered, lowered
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.options import Options
from trtkit.backends.trt.read_back import account_of, read_back, read_back_loaded
from trtkit.errors import ModelError, UsageError
from trtkit.models import ModelFile
from trtkit.opening import open_file
from trtkit.precision_config import Decision, PrecisionConfig, write_precision_config
from trtkit.precision_summary import PrecisionSummary

pytestmark = needs_rtx


def options(**values: Any) -> Options:
    return Options(trt_package="tensorrt_rtx", **values)


def opened(path: Path, **values: Any) -> OnnxModel:
    model = open_file(ModelFile(path, "onnx"), OnnxOptions(**values))
    assert not isinstance(model, ModelFile)
    return model


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    return zoo.write("linear", tmp_path)


def data(specs: Any) -> Iterable[dict[str, Any]]:
    return [{"x": np.ones((2, 3), np.float32)}]


# ---- what stops ----

INSTEAD: dict[str, tuple[dict[str, Any], str]] = {
    "--layer-precisions": (
        {"layer_precisions": {"m": "float16"}, "precision_constraints": "obey"},
        "name what stays in float32 with --keep-fp32 or --precision-config",
    ),
    "--precision-constraints": (
        {"precision_constraints": "prefer"},
        "name what stays in float32 with --keep-fp32 or --precision-config",
    ),
    "--calibration-cache": (
        {"int8": True, "calibration_cache": Path("c")},
        "--save-precision-config keeps what was measured, and --precision-config reads it",
    ),
    "--calib-base-cls": (
        {"int8": True, "calibration_base_class": "IInt8MinMaxCalibrator"},
        "choose how ranges are measured with --calibration-method",
    ),
    "--quantile": (
        {"int8": True, "calibration_base_class": "IInt8LegacyCalibrator", "quantile": 0.9},
        "say --calibration-method percentile, and which with --calibration-percentile",
    ),
    "--regression-cutoff": (
        {"int8": True, "calibration_base_class": "IInt8LegacyCalibrator", "regression_cutoff": 0.9},
        "choose how ranges are measured with --calibration-method",
    ),
}


@pytest.mark.parametrize("flag", INSTEAD)
def test_options_of_weak_typing(linear: Path, flag: str) -> None:
    values, instead = INSTEAD[flag]
    chosen = options(**values)
    if flag in ("--quantile", "--regression-cutoff"):
        flag_said, instead = (
            "--calib-base-cls",
            INSTEAD["--calib-base-cls"][1],
        )  # which they need, and which comes first
    else:
        flag_said = flag
    with pytest.raises(ModelError) as caught:
        lowered(opened(linear), chosen, chosen, data)
    assert str(caught.value) == (
        f"{flag_said}: {title()} is strongly typed, so precision stands in the model; {instead}"
    )


SCRIPT = "def load_network(network, trt):\n    network.mark_output(network.add_input('x', trt.float32, (2, 3)))\n"


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8"])
def test_scripts_are_not_rewritten(tmp_path: Path, precision: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(SCRIPT)
    chosen = options(**{precision: True})
    with pytest.raises(ModelError) as caught:
        lowered(ModelFile(path, "trt-network-script"), chosen, chosen, data)
    assert str(caught.value) == (
        f"--{precision}: {str(path)!r} is a network script, and its network is strongly typed: precision stands in the "
        f"script, which is not rewritten; leave --{precision} out, and parse "
        f"trtkit.precision.to_{precision}(onnx_model{', feeds' if precision[-1] == '8' else ''}) there, or give the "
        "tensors that type"
    )


def test_two_of_a_width(linear: Path) -> None:
    for first, second in (("fp16", "bf16"), ("int8", "fp8")):
        chosen = options(**{first: True, second: True})
        with pytest.raises(UsageError) as caught:
            lowered(opened(linear), chosen, chosen, data)
        assert str(caught.value) == (
            f"--{first} and --{second}: a model is rewritten to one of them; ask for one at a time"
        )


def test_strongly_typed_where_nothing_else_is(linear: Path) -> None:
    chosen = options(fp16=True, strongly_typed=True)
    result = lowered(opened(linear), chosen, chosen, None)
    assert not result.by_flags
    assert result.options == replace(chosen, fp16=False)


# ---- what is built ----


def test_nothing_asked_is_nothing_done(linear: Path) -> None:
    model, chosen = opened(linear), options(tf32=True)
    result = lowered(model, chosen, chosen, None)
    assert result == Lowered(model, chosen, (), False)
    assert result.model is model
    assert model.as_file() == linear, "it is not even read"


MODELS = {"resnet": "resnet18", "transformer": "transformer_block", "recurrent": "recurrent"}
SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "resnet": {"images": (2, 3, 32, 32)},
    "transformer": {"tokens": (2, 16, 32)},
    "recurrent": {"sequence": (5, 2, 6)},
}
PRECISIONS: list[tuple[str, ...]] = [("fp16",), ("bf16",), ("int8",), ("fp8",), ("int8", "fp16")]


def build(path: Path, name: str, precisions: tuple[str, ...], **values: Any) -> tuple[bytes, PrecisionSummary]:
    proto = getattr(precision_models, MODELS[name])()
    onnx.save(proto, path)
    chosen = options(**dict.fromkeys(precisions, True))
    result = lowered(opened(path, **values), chosen, chosen, lambda specs: precision_models.feeds_of(proto))
    with open_network(result.model, chosen) as net:
        assert keeping_fp32(net, result) is result.options
        account = account_of(net, result.asked)
        engine = built(net, SIZES[name])
        return engine, read_back(account, engine)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The engines in FP32."""
    folder = tmp_path_factory.mktemp("plain")
    return {name: build(folder / f"{name}.onnx", name, ())[0] for name in MODELS}


CASES = [(name, each) for name in MODELS for each in PRECISIONS if name != "recurrent" or each[0][-2:] == "16"]


@pytest.mark.parametrize(("name", "precisions"), CASES, ids=str)
def test_engines_of_lower_precision(
    tmp_path: Path, plain: dict[str, bytes], name: str, precisions: tuple[str, ...]
) -> None:
    engine, summary = build(tmp_path / "m.onnx", name, precisions)
    assert engine != plain[name]
    assert summary.asked == tuple(each for each in ("fp16", "bf16", "int8", "fp8") if each in precisions)
    found = {share.precision: share for share in summary.shares}
    assert set(precisions) <= set(found)
    assert summary.whole
    if name == "resnet":
        products = sum(found[precision].macs or 0 for precision in precisions)
        assert products > 0.95, summary.text()


def test_what_cannot_be_quantised_stops(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"--int8: nothing would run in int8: .* compute in fp32 \(2\), fp16 \(29\);"):
        build(tmp_path / "m.onnx", "recurrent", ("int8", "fp16"))


def test_kept_nodes_are_in_fp32(tmp_path: Path) -> None:
    _, summary = build(tmp_path / "m.onnx", "resnet", ("fp16",), keep_fp32=("Conv", "Gemm"))
    found = {share.precision: share.macs for share in summary.shares}
    assert found["fp32"] == 1
    assert found["fp16"] == 0


def test_nothing_left_to_rewrite(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        build(tmp_path / "m.onnx", "transformer", ("fp16",), keep_fp32=("*",))
    assert str(caught.value) == (
        "--fp16: nothing would run in fp16: the network's layers compute in fp32 (25); the model has nothing that can "
        "be rewritten to it, or all of that is kept; leave --fp16 out, or keep fewer nodes in FP32; "
        "--save-precision-config FILE writes why each one is; no engine was saved"
    )


def test_the_network_tells_without_a_gpu(linear: Path) -> None:
    with open_network(opened(linear), options()) as net:
        account = account_of(net, ())
        with pytest.raises(ModelError, match="--int8: nothing would run in int8"):
            account_of(net, ("int8",))
    assert account.strong
    assert read_back_loaded(account, None).text() == (
        "fp32 1 of 1 layers (100% of multiply-accumulates), by the network"
    )
    weak = replace(account, strong=False, summary=replace(account.summary, asked=("int8",)))
    silent = read_back_loaded(weak, None, "there is none")
    assert (silent.text(), silent.unproved) == ("the engine does not tell, since there is none", ("int8",))


# ---- weak typing, as far as it goes without it ----


def test_what_of_a_file_of_decisions_binds_nobody(linear: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = linear.with_suffix(".toml")
    write_precision_config(PrecisionConfig(("fp16", "int8"), {"m": Decision("fp16")}), config)
    model = opened(linear, precision_config=config)
    with caplog.at_level("WARNING"):
        assert model.kept_in_fp32(("fp16", "int8")) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "--precision-config: TensorRT chooses itself among FP32 and fp16 and int8 for what need not stay in FP32, and "
        "calibrates anew; only a rewritten model keeps to the rest of the file (trtkit convert MODEL.onnx -o "
        "lower.onnx)"
    ]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    with open_network(opened(zoo.write("linear", tmp_path)), options()) as network:
        yield network


def test_constraints_need_weak_typing(net: Net) -> None:
    assert constrain(net.network, {}) == 0
    with pytest.raises(ModelError, match=r"--keep-fp32: .* has no ILayer.precision; it is in TensorRT 8.6 to 10.16"):
        constrain(net.network, {"m": ("y",)})


KEPT: dict[str, tuple[str, dict[str, tuple[str, ...]], list[str]]] = {
    "by name": ("transformer_block", {"softmax": ("softmax_out",)}, ["softmax"]),
    "by output": ("transformer_block", {"hidden": ("hidden",)}, ["residual_b"]),
    "inner nodes": ("recurrent", {"then_tanh": ("branch_out",)}, ["then_tanh"]),
}


@pytest.mark.parametrize(("model", "kept", "names"), KEPT.values(), ids=KEPT)
def test_layers_of_nodes(tmp_path: Path, model: str, kept: dict[str, tuple[str, ...]], names: list[str]) -> None:
    onnx.save(getattr(precision_models, model)(), tmp_path / "m.onnx")
    with open_network(opened(tmp_path / "m.onnx"), options()) as network:
        found = _layers_of(network.network, kept)
        assert [layer.name for layer in found if layer.metadata] == names
        assert all(layer.name.startswith(("ONNXTRT_", "(Unnamed")) for layer in found if not layer.metadata)


def test_the_steps_of_an_lstm_belong_to_it(tmp_path: Path) -> None:
    onnx.save(precision_models.recurrent(), tmp_path / "m.onnx")
    with open_network(opened(tmp_path / "m.onnx"), options()) as network:
        found = _layers_of(network.network, {"lstm": ("", "last")})
        kinds = [layer.type.name for layer in found]
        others = [layer.metadata for layer in found if layer.metadata and "lstm" not in layer.metadata]
    assert (kinds.count("MATRIX_MULTIPLY"), kinds.count("ACTIVATION"), others) == (2, 5, [])
