"""Tactics of tactic replays, as text and as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.tensors import DTYPE_NAMES
from trtkit.report.description import plain_text
from trtkit.report.text import count

if TYPE_CHECKING:
    from trtkit.backends.trt.replays import BadTactic

__all__ = ["bad_tactics_data", "bad_tactics_lines", "tactics_data", "tactics_lines"]

_MASK = (1 << 64) - 1


def tactics_lines(path: str, replay: Mapping[str, Any]) -> Iterator[str]:
    """A line for each layer: name, implementation and tactic as TensorRT's log writes them, inputs -> outputs."""
    yield f"{path}: tactics of {count(len(replay), 'layer')}"
    for layer, algorithm in replay.items():
        yield f"  {plain_text(layer) or '(unnamed)'}  {_tactic(algorithm)}"


def tactics_data(path: str, replay: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain data, described in docs/inspect/tactics.md."""
    return {"path": path, "layers": [{"name": layer, **_data(algorithm)} for layer, algorithm in replay.items()]}


def bad_tactics_lines(good: Sequence[object], bad: Sequence[object], found: Sequence[BadTactic]) -> Iterator[str]:
    """A line for each tactic of a bad replay that no good one has, and what it comes to."""
    yield f"{count(len(good), 'good replay')}, {count(len(bad), 'bad replay')}"
    for each in found:
        seen = f"in {each.bad} of {len(bad)} bad" + ("" if each.good else ", the layer is in no good one")
        yield f"  {plain_text(each.layer) or '(unnamed)'}  {_tactic(each.algorithm)}  ({seen})"
    if not found:
        yield "every tactic of the bad replays is in a good one as well"
    else:
        layers = count(len({each.layer for each in found}), "layer")
        yield f"{count(len(found), 'tactic')} of {layers} in bad replays only"


def bad_tactics_data(good: Iterable[object], bad: Iterable[object], found: Sequence[BadTactic]) -> dict[str, Any]:
    """The same as plain data, described in docs/inspect/diff-tactics.md."""
    return {
        "good": [str(path) for path in good],
        "bad": [str(path) for path in bad],
        "tactics": [
            {"name": each.layer, **_data(each.algorithm), "bad_count": each.bad, "layer_good_count": each.good}
            for each in found
        ],
    }


def _data(algorithm: Mapping[str, Any]) -> dict[str, Any]:
    tensors = {side: [_without_tag(info) for info in algorithm[side]] for side in ("inputs", "outputs")}
    return {"implementation": algorithm["implementation"], "tactic": algorithm["tactic"], **tensors}


def _without_tag(info: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in info.items() if key != "polygraphy_class"}


def _tactic(algorithm: Mapping[str, Any]) -> str:
    implementation, tactic = (int(algorithm[name]) & _MASK for name in ("implementation", "tactic"))
    inputs, outputs = (", ".join(map(_tensor, algorithm[side])) or "(none)" for side in ("inputs", "outputs"))
    return f"implementation {implementation:#x}  tactic {tactic:#018x}  {inputs} -> {outputs}"


def _tensor(info: Mapping[str, Any]) -> str:
    """`float16 strides [8,1] vectors of 8 along 1`."""
    member = str(info["dtype"]).rpartition(".")[2]
    text = DTYPE_NAMES.get(member, member.lower())
    text += f" strides [{','.join(map(str, info['strides']))}]"
    if info["components_per_element"] != 1:
        text += f" vectors of {info['components_per_element']} along {info['vectorized_dim']}"
    return text
