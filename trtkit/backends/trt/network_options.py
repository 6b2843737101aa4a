"""The options of loading a TensorRT network and changing it before it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtkit.errors import UsageError
from trtkit.options import option, split_spec

__all__ = ["MARK_ALL", "NetworkOptions"]

MARK_ALL = ("mark", "all")
"""The two words that stand for every tensor that can be an output."""


def _pair(what: str, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Keyword arguments of `option()` for `NAME:VALUE ...` as a dict; the name ends at the last colon."""

    def pair(text: str) -> tuple[str, Any]:
        name, colon, value = text.rpartition(":")
        if not colon or not name or not value:
            raise UsageError(f"expected {what}")
        return name, parse(value)

    def gather(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
        values: dict[str, Any] = {}
        for name, value in pairs:
            if values.setdefault(name, value) != value:
                raise UsageError(f"{name!r} is given two values")
        return values

    return {"parse": pair, "gather": gather, "count": "+", "metavar": what}


def _formats(text: str) -> tuple[str, ...]:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    names = tuple(word.strip() for word in split_spec(inner))
    if not names:
        raise UsageError("expected at least one format")
    return names


@dataclass(frozen=True)
class NetworkOptions:
    """Where a TensorRT network comes from beside its model, and what is changed in it.

    Data types are names of `trtkit.dtypes` or TensorRT's own (`float16`, `half`); formats, parser flags and layer types
    are TensorRT's names, in any case. What the package lacks is found when the network is loaded.

    Raises:
        UsageError: two options contradict each other.
    """

    trt_package: str = option(
        "auto",
        "--trt-package",
        help="the package to use: auto takes tensorrt where it is installed, else tensorrt_rtx",
        choices=("auto", "tensorrt", "tensorrt_rtx"),
    )
    plugins: tuple[Path, ...] = option(
        (), "--plugins", help="plugin libraries to load", parse=Path, metavar="LIB.so", count="+"
    )
    onnx_flags: tuple[str, ...] = option(
        (), "--onnx-flags", help="flags of TensorRT's ONNX parser (OnnxParserFlag) to set", metavar="NAME", count="+"
    )
    plugin_instancenorm: bool = option(
        False, "--plugin-instancenorm", help="use the plugin for instance normalisation, not the native layer"
    )
    strongly_typed: bool = option(
        False, "--strongly-typed", help="create a strongly typed network: its own data types are kept"
    )
    outputs: tuple[str, ...] = option(
        (),
        "--trt-outputs",
        help="make these tensors the network's outputs, in place of its own: names, globs such as 'conv_*', "
        "or the two words `mark all`",
        metavar="NAME",
        count="+",
    )
    exclude_outputs: tuple[str, ...] = option(
        (),
        "--trt-exclude-outputs",
        help="outputs that the network shall not have: names or globs",
        metavar="NAME",
        count="+",
    )
    outputs_by_type: tuple[str, ...] = option(
        (),
        "--trt-outputs-by-type",
        help="make the outputs of all layers of these types the network's outputs, beside those of --trt-outputs",
        metavar="TYPE",
        count="+",
    )
    layer_precisions: Mapping[str, str] = option(
        {},
        "--layer-precisions",
        help="the precision in which single layers compute (weak typing only)",
        **_pair("LAYER:DTYPE", str),
    )
    decomposable_attentions: bool = option(
        False, "--decomposable-attentions", help="let TensorRT split attention layers where it has no fused kernel"
    )
    tensor_dtypes: Mapping[str, str] = option(
        {},
        "--tensor-dtypes",
        "--tensor-datatypes",
        help="data types of single inputs and outputs of the network",
        **_pair("TENSOR:DTYPE", str),
    )
    all_tensor_dtypes: str | None = option(
        None,
        "--all-tensor-dtypes",
        "--all-tensor-datatypes",
        help="the data type of every input and output that --tensor-dtypes does not name",
        metavar="DTYPE",
    )
    tensor_formats: Mapping[str, tuple[str, ...]] = option(
        {},
        "--tensor-formats",
        help="memory formats that single inputs and outputs may have",
        **_pair("TENSOR:[FORMAT,...]", _formats),
    )
    all_tensor_formats: tuple[str, ...] = option(
        (),
        "--all-tensor-formats",
        help="memory formats that every input and output may have that --tensor-formats does not name",
        metavar="FORMAT",
        count="+",
    )
    postprocess_scripts: tuple[str, ...] = option(
        (),
        "--trt-network-postprocess-script",
        "--trt-npps",
        help="scripts that change the loaded network, one after the other; the function is `postprocess` unless named",
        metavar="FILE.py[:FUNC]",
        count="+",
    )
    mark_debug: tuple[str, ...] = option(
        (), "--mark-debug", help="debug tensors: names or globs", metavar="NAME", count="+"
    )
    mark_unfused_tensors_as_debug_tensors: bool = option(
        False, "--mark-unfused-tensors-as-debug-tensors", help="make every tensor that is not fused away a debug tensor"
    )

    def __post_init__(self) -> None:
        if self.plugin_instancenorm and "NATIVE_INSTANCENORM" in (name.upper() for name in self.onnx_flags):
            raise UsageError("--plugin-instancenorm and --onnx-flags native_instancenorm contradict each other")
