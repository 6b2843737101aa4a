"""Data types and formats of inputs and outputs, layer precisions, attentions."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import zoo
from backends.trt.package import needs_rtx, needs_tensorrt

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.trt.api import strongly_typed_only, title, trt
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.tensors import DTYPE_NAMES, data_type, dtype_name
from trtkit.dtypes import DTYPES
from trtkit.errors import ModelError, TrtkitError, UsageError
from trtkit.models import ModelFile
from trtkit.options import options_of, parse_option

pytestmark = needs_tensorrt


def failure(folder: Path, **options: Any) -> TrtkitError:
    model = open_onnx(zoo.write("chain", folder))
    with pytest.raises(TrtkitError) as caught, open_network(model, NetworkOptions(**options)):
        pass
    return caught.value


def test_every_data_type_has_a_name() -> None:
    for member in trt().DataType.__members__.values():
        assert dtype_name(member) in DTYPES
        assert data_type(dtype_name(member), "--flag") == member
        assert data_type(member.name.lower(), "--flag") == member
    assert set(DTYPE_NAMES.values()) <= set(DTYPES)


@pytest.mark.parametrize(("text", "name"), [("fp16", "HALF"), ("fp32", "FLOAT"), ("bool", "BOOL"), ("INT8", "INT8")])
def test_short_names(text: str, name: str) -> None:
    assert data_type(text, "--flag") == getattr(trt().DataType, name)


def test_unknown_type(tmp_path: Path) -> None:
    error = failure(tmp_path, tensor_dtypes={"x": "flaot16"})
    assert isinstance(error, UsageError)
    assert str(error).startswith("--tensor-dtypes: unknown data type 'flaot16'; did you mean 'float16'")


@pytest.mark.parametrize("options", [{"tensor_dtypes": {"x": "float32"}}, {"all_tensor_dtypes": "fp32"}])
def test_types_that_are_so_already(options: dict[str, Any], tmp_path: Path) -> None:
    with open_network(open_onnx(zoo.write("chain", tmp_path)), NetworkOptions(**options)) as net:
        assert net.input_specs()["x"].dtype == net.output_specs()["y"].dtype == "float32"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"tensor_dtypes": {"x": "float16"}}, "--tensor-dtypes"),
        ({"all_tensor_dtypes": "float16"}, "--all-tensor-dtypes"),
        ({"all_tensor_dtypes": "float32", "tensor_dtypes": {"x": "half"}}, "--tensor-dtypes"),
    ],
)
def test_other_types(options: dict[str, Any], flag: str, tmp_path: Path) -> None:
    """Weak typing sets them, strong typing has its own."""
    if strongly_typed_only():
        error = failure(tmp_path, **options)
        assert isinstance(error, ModelError)
        assert str(error) == (
            f"{flag}: 'x' is float32 and stays so, since the network is strongly typed; make it float16 in the ONNX "
            "model (a Cast node) or network script"
        )
    else:
        with open_network(open_onnx(zoo.write("chain", tmp_path)), NetworkOptions(**options)) as net:
            assert net.input_specs()["x"].dtype == "float16"


def test_formats(tmp_path: Path) -> None:
    options = NetworkOptions(all_tensor_formats=("linear",), tensor_formats={"x": ("CHW32", "linear")})
    with open_network(open_onnx(zoo.write("chain", tmp_path)), options) as net:
        formats = net.trt.TensorFormat
        both = 1 << int(formats.CHW32) | 1 << int(formats.LINEAR)
        assert net.network.get_input(0).allowed_formats == both
        assert net.network.get_output(0).allowed_formats == 1 << int(formats.LINEAR)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"tensor_dtypes": {"xx": "float32"}}, ModelError, "--tensor-dtypes: the network has no input or output 'xx'"),
        (
            {"tensor_formats": {"a": ("linear",)}},
            ModelError,
            "--tensor-formats: the network has no input or output 'a'",
        ),
        ({"all_tensor_formats": ("chw33",)}, UsageError, "--all-tensor-formats: unknown value 'chw33'; did you mean"),
        ({"decomposable_attentions": True}, ModelError, "--decomposable-attentions: "),
    ],
)
def test_mistakes(options: dict[str, Any], kind: type[TrtkitError], words: str, tmp_path: Path) -> None:
    error = failure(tmp_path, **options)
    assert isinstance(error, kind)
    assert str(error).startswith(words)


def test_layer_precisions(tmp_path: Path) -> None:
    if strongly_typed_only():
        error = failure(tmp_path, layer_precisions={"r": "float16"})
        assert isinstance(error, ModelError)
        words = "name what stays in float32 with --keep-fp32 or --precision-config"
        assert (
            str(error) == f"--layer-precisions: {title()} is strongly typed, so precision stands in the model; {words}"
        )
        return
    with open_network(
        open_onnx(zoo.write("chain", tmp_path)), NetworkOptions(layer_precisions={"r": "float16"})
    ) as net:
        assert net.network.get_layer(0).precision == net.trt.DataType.HALF
    error = failure(tmp_path, layer_precisions={"rr": "float16"})
    assert str(error).startswith("--layer-precisions: the network has no layer 'rr'; did you mean 'r'?")


ATTENTION = """
def load_network(network, trt):
    q, k, v = (network.add_input(name, trt.float16, (1, 2, 4, 16)) for name in "qkv")
    attention = network.add_attention(q, k, v, trt.AttentionNormalizationOp.SOFTMAX, False)
    network.mark_output(attention.get_output(0))
    network.name = str(attention.decomposable)
"""


@needs_rtx
def test_decomposable_attentions(tmp_path: Path) -> None:
    path = tmp_path / "attention.py"
    path.write_text(dedent(ATTENTION))
    model = ModelFile(path, "trt-network-script")
    with open_network(model, NetworkOptions(trt_package="tensorrt_rtx", decomposable_attentions=True)) as net:
        assert net.name == "False"
        kind = net.trt.LayerType.ATTENTION_INPUT
        (layer,) = [
            layer
            for layer in (net.network.get_layer(index) for index in range(net.network.num_layers))
            if layer.type == kind
        ]
        layer.__class__ = net.trt.IAttentionInputLayer
        assert layer.attention.decomposable


@pytest.mark.parametrize(
    ("field", "texts", "value"),
    [
        ("tensor_dtypes", ["a:b:float16", "c:int8"], {"a:b": "float16", "c": "int8"}),
        ("tensor_formats", ["x:[linear,chw32]", "y:hwc8"], {"x": ("linear", "chw32"), "y": ("hwc8",)}),
        ("layer_precisions", ["/conv/1:float16"], {"/conv/1": "float16"}),
    ],
)
def test_pairs_are_parsed(field: str, texts: list[str], value: object) -> None:
    (meta,) = [meta for each, meta in options_of(NetworkOptions) if each.name == field]
    assert parse_option(meta, texts, "--flag") == value


@pytest.mark.parametrize(
    ("field", "texts", "words"),
    [
        ("tensor_dtypes", ["float16"], "expected TENSOR:DTYPE"),
        ("tensor_dtypes", ["x:"], "expected TENSOR:DTYPE"),
        ("tensor_dtypes", ["x:int8", "x:float16"], "'x' is given two values"),
        ("tensor_formats", ["x:[]"], "expected at least one format"),
        ("layer_precisions", [":float16"], "expected LAYER:DTYPE"),
    ],
)
def test_pairs_that_are_none(field: str, texts: list[str], words: str) -> None:
    (meta,) = [meta for each, meta in options_of(NetworkOptions) if each.name == field]
    with pytest.raises(UsageError, match=words):
        parse_option(meta, texts, "--flag")
