"""What TensorRT's engine inspector says, as data.

The inspector gives text. `get_engine_information(JSON)` of an engine built with profiling verbosity `detailed` is

    {"Layers": [{"Name": ..., "LayerType": ..., "Inputs": [...], "Outputs": [...], ...}, ...], "Bindings": ["x", "y"]}

with the second key called `I/O Tensors` from TensorRT 11 on. With `layer_names_only` a layer is a string, its name. All
other keys depend on layer and release. `Metadata` holds the ONNX nodes that a layer was made from, between raw control
characters, which JSON does not allow. An engine with several profiles lists its layers once for each of them, with
` [profile 1]` appended to their names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trtkit.description import Layer, Totals, Weight
from trtkit.dtypes import DTYPES
from trtkit.tensors import Shape, TensorSpec

__all__ = ["Entry", "entries", "is_of_later_profile", "layer_of", "origin_of", "totals_of"]

Entry = Mapping[str, Any] | str
"""A layer: its data, or where there is none, its name or the inspector's line of text."""

_WORDS = {
    "fp32": "float32",
    "float": "float32",
    "float32": "float32",
    "fp16": "float16",
    "half": "float16",
    "float16": "float16",
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp8": "float8_e4m3fn",
    "fp4": "float4_e2m1fn",
    "e8m0": "float8_e8m0fnu",
    **{name: name for name in ("int64", "int32", "int8", "int4", "uint8", "bool")},
}
"""How the inspector's releases write data types, in lower case, and the names of `trtkit.dtypes`."""

_WORD = re.compile("[a-z0-9]+")
_SEPARATOR = re.compile("[\x1e\x1f]")
_ORIGIN = re.compile(r"\[ONNX Layer: (.*)\]", re.DOTALL)
_LATER_PROFILE = re.compile(r" \[profile [1-9][0-9]*\]$")
_FORMAT_KEYS = ("Format/Datatype", "DataType", "Datatype", "Format")


def entries(whole: str, number: int, data_of: Callable[[int], str], line_of: Callable[[int], str]) -> Sequence[Entry]:
    """The layers of an engine in their order.

    Where the text of the whole engine is no JSON, the layers are asked for one by one; one that is still unreadable
    stands as its line of text.

    Args:
        whole: the inspector's JSON of the engine.
        number: how many layers it has.
        data_of: gives the inspector's JSON of one layer.
        line_of: gives its text in one line.
    """
    data = _parsed(whole)
    layers = data.get("Layers") if isinstance(data, dict) else None
    if isinstance(layers, list) and all(isinstance(layer, (dict, str)) for layer in layers):
        return layers
    found: list[Entry] = []
    for index in range(number):
        layer = _parsed(data_of(index))
        found.append(layer if isinstance(layer, (dict, str)) else line_of(index).strip())
    return found


def layer_of(index: int, entry: Entry) -> Layer:
    """A layer as it is shown; every key that its line does not say is among its attributes or weights."""
    if isinstance(entry, str):
        return Layer(str(index), entry, "", (), ())
    tensors = {key: _tensors(entry.get(key)) for key in ("Inputs", "Outputs")}
    weights = [_weight(key, value) for key, value in entry.items() if _is_weight(value)]
    tactic = _tactic(entry)
    origin, _ = origin_of(entry.get("Metadata"))
    return Layer(
        index=str(index),
        name=str(entry.get("Name", "")),
        type=str(entry.get("LayerType", "")),
        inputs=[_spec(tensor) for tensor in tensors["Inputs"]],
        outputs=[_spec(tensor) for tensor in tensors["Outputs"]],
        precision=_precision(weights, tensors["Outputs"]),
        tactic=tactic,
        origin=origin,
        attributes=lambda: _attributes(entry, tensors, tactic),
        weights=lambda: weights,
    )


def totals_of(layers: Iterable[Layer]) -> Totals:
    """What the layers of an engine come to; of several profiles, each of which lists all layers, the first counts.

    Shapes in an engine are those of its kernels, so multiply-accumulates are not counted.
    """
    operations: Counter[str] = Counter()
    weights: list[Weight] = []
    for layer in layers:
        if not is_of_later_profile(layer.name):
            operations[layer.type] += 1
            weights += (weight for weight in layer.weights() if weight.size)
    sizes = [_bytes(weight) for weight in weights]
    return Totals(
        operations=dict(sorted(operations.items(), key=lambda each: (-each[1], each[0]))),
        weights=len(weights),
        parameters=sum(weight.size for weight in weights),
        weight_bytes=None if None in sizes else sum(size or 0 for size in sizes),
    )


def is_of_later_profile(name: str) -> bool:
    """Whether a layer of this name stands for one that an earlier profile of the engine has as well."""
    return _LATER_PROFILE.search(name) is not None


def _bytes(weight: Weight) -> int | None:
    row = DTYPES.get(weight.spec.dtype or "")
    return None if row is None else (weight.size * row.bits + 7) // 8


def origin_of(metadata: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ONNX nodes that a layer's metadata names, each once, and whatever else stands there."""
    nodes, rest = [], []
    for part in _SEPARATOR.split(metadata) if isinstance(metadata, str) else ():
        match = _ORIGIN.fullmatch(part.strip())
        if match:
            nodes.append(match[1])
        elif part.strip():
            rest.append(part.strip())
    return tuple(dict.fromkeys(nodes)), tuple(rest)


def _parsed(text: str) -> Any:
    """The data of a text; None where it is no JSON. Control characters inside strings are taken as they are."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _tensors(value: object) -> list[Mapping[str, Any]]:
    """The tensors of a layer, which are objects, or names in terse listings."""
    if not isinstance(value, list):
        return []
    return [each if isinstance(each, dict) else {"Name": str(each)} for each in value]


def _spec(tensor: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(str(tensor.get("Name", "")), _tensor_dtype(tensor), _shape(tensor.get("Dimensions")))


def _shape(dims: object) -> Shape | None:
    """Dimensions, with -1 for dynamic ones; None for what is none."""
    if not isinstance(dims, list) or not all(isinstance(dim, int) for dim in dims):
        return None
    return tuple(dim if dim >= 0 else None for dim in dims)


def _tensor_dtype(tensor: Mapping[str, Any]) -> str | None:
    found = (_dtype(tensor.get(key)) for key in _FORMAT_KEYS)
    return next((dtype for dtype in found if dtype is not None), None)


def _dtype(text: object) -> str | None:
    """The data type that a text such as `Channel major FP16 format where channel % 8 == 0` names."""
    words = _WORD.findall(text.lower()) if isinstance(text, str) else ()
    return next((_WORDS[word] for word in words if word in _WORDS), None)


def _is_weight(value: object) -> bool:
    """Weights are `{"Type": "Half", "Count": 9408}`; more is not said of them."""
    return isinstance(value, dict) and value.keys() == {"Type", "Count"} and isinstance(value["Count"], int)


def _weight(key: str, value: Mapping[str, Any]) -> Weight:
    dtype = _dtype(value["Type"]) or str(value["Type"])
    return Weight(TensorSpec(key, dtype, None), value["Count"])


def _precision(weights: Sequence[Weight], outputs: Sequence[Mapping[str, Any]]) -> str | None:
    """What a layer computes in: the type of its first weights, else that of its first output that has one."""
    of_weights = [weight.spec.dtype for weight in weights if weight.size]
    return next((dtype for dtype in (*of_weights, *map(_tensor_dtype, outputs)) if dtype is not None), None)


def _tactic(entry: Mapping[str, Any]) -> str | None:
    """The name of a layer's kernel, else its number, which is 0 where nothing is executed."""
    name, value = entry.get("TacticName"), entry.get("TacticValue")
    if isinstance(name, str) and name:
        return name
    return value if isinstance(value, str) and value.strip("0x") else None


def _attributes(
    entry: Mapping[str, Any], tensors: Mapping[str, Sequence[Mapping[str, Any]]], tactic: str | None
) -> dict[str, Any]:
    """All that neither the line of the layer nor its weights say."""
    found: dict[str, Any] = {}
    for key, word in (("Inputs", "Input"), ("Outputs", "Output")):
        for place, tensor in enumerate(tensors[key]):
            said = {"Dimensions"} if _shape(tensor.get("Dimensions")) is not None else set()
            found[f"{word} {place}"] = {name: value for name, value in tensor.items() if name not in said}
    for key, value in entry.items():
        if key == "Metadata" and isinstance(value, str):
            _, rest = origin_of(value)
            found.update({key: list(rest)} if rest else {})
        elif not _on_the_line(key, value, tactic) and not _is_weight(value):
            found[key] = value
    return found


def _on_the_line(key: str, value: object, tactic: str | None) -> bool:
    if key in ("TacticName", "TacticValue"):
        return value == tactic
    return key in ("Name", "LayerType") or (key in ("Inputs", "Outputs") and isinstance(value, list))
