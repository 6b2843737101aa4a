"""What two models differ in, as text with one line for each difference, and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.modeldiff.names import is_interface
from trtkit.report.description import LISTED, plain_text, value_text
from trtkit.report.jsondata import tensor_data
from trtkit.report.text import count

if TYPE_CHECKING:
    from trtkit.description import Layer, ModelDescription
    from trtkit.modeldiff import Change, Difference, LayerDiff, ModelDiff, Status, WeightDiff
    from trtkit.tensors import TensorSpec

__all__ = ["change_text", "diff_data", "diff_lines", "weight_text"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def diff_lines(diff: ModelDiff, a: str, b: str) -> Iterator[str]:
    """Both models, then a line for each difference: `+` for what only the second model has, `-` for what only the
    first one has, `~` for what both have; then the sum.

    Args:
        diff: what they differ in.
        a, b: where they came from.
    """
    for word, where, model in (("a", a, diff.a), ("b", b, diff.b)):
        name = plain_text(model.name) or "(unnamed)"
        yield f"{word}: {where}: {model.kind} {name}, {count(model.layer_count, 'layer')}"
    for noun, found in _heads(diff).items():
        yield from (_head_line(noun, each) for each in found)
    for layer in diff.layers:
        yield from _layer_lines(layer)
    for fusion in diff.fusions:
        yield f"~ fusion  {_groups(fusion.a)} -> {_groups(fusion.b)}"
    yield from map(_weight_line, diff.weights)
    yield _summary(diff)


def change_text(change: Change) -> str:
    """`attribute strides: [1, 1] -> [2, 2]`; of long lists the places where they differ."""
    subject = plain_text(change.subject)
    return f"{change.what}{' ' * bool(subject)}{subject}: {_sides(change.a, change.b)}"


def _sides(a: Any, b: Any) -> str:
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b) > LISTED:
        places = [place for place, (one, two) in enumerate(zip(a, b, strict=True)) if one != two]
        shown = [f"[{place}] {value_text(a[place])} -> {value_text(b[place])}" for place in places[:LISTED]]
        more = ["..."] if len(places) > LISTED else []
        return f"{len(places)} of {len(a)} differ: {', '.join([*shown, *more])}"
    return f"{value_text(a)} -> {value_text(b)}"


def weight_text(found: WeightDiff) -> str:
    """`9 of 9 values differ, max abs 0.5, mean abs 0.5`, or why no values can be named."""
    if not found.differing:
        return found.why
    text = f"{found.differing} of {count(found.size, 'value')} differ"
    text += f", max abs {found.max_abs:.6g}, mean abs {found.mean_abs:.6g}"
    return text + (f", {found.unmatched} NaN or infinite on one side" if found.unmatched else "")


def diff_data(diff: ModelDiff, a: str, b: str) -> dict[str, Any]:
    """The same as plain data, without the envelope: docs/inspect/diff.md describes it.

    Args:
        diff: what they differ in.
        a, b: where they came from.
    """
    return {
        "a": _model(diff.a, a),
        "b": _model(diff.b, b),
        "equal": diff.equal,
        "facts": [_difference("subject", each) for each in diff.facts],
        "inputs": [_difference("name", each) for each in diff.inputs],
        "outputs": [_difference("name", each) for each in diff.outputs],
        "operators": [{"type": each.subject, "a": each.a or 0, "b": each.b or 0} for each in diff.operators],
        "layers": [_layer_diff(each) for each in diff.layers if each.status != "same"],
        "fusions": [{"a": each.a, "b": each.b} for each in diff.fusions],
        "weights": [_weight_data(each) for each in diff.weights],
        "summary": {
            "layers": _counts(each.status for each in _operators(diff)),
            "weights_compared": diff.weights_compared,
            "weights_not_compared": diff.no_values or None,
        },
    }


def _heads(diff: ModelDiff) -> dict[str, Sequence[Difference]]:
    return {"fact": diff.facts, "input": diff.inputs, "output": diff.outputs, "operator": diff.operators}


def _head_line(noun: str, found: Difference) -> str:
    sign = _SIGNS[found.status]
    if noun == "operator":
        return f"{sign} operator  {plain_text(found.subject) or '(unknown)'}  {found.a or 0} -> {found.b or 0}"
    if noun == "fact":
        return f"{sign} fact  {plain_text(found.subject)}: {value_text(found.a)} -> {value_text(found.b)}"
    return f"{sign} {noun}  " + " -> ".join(plain_text(str(spec)) for spec in (found.a, found.b) if spec is not None)


def _layer_lines(found: LayerDiff) -> Iterator[str]:
    layer = found.layer
    head = f"{plain_text(layer.index)}  {plain_text(layer.name) or '(unnamed)'}" + (
        f"  {plain_text(layer.type)}" * bool(layer.type)
    )
    if found.status == "changed":
        for change in found.changes:
            yield f"~ layer  {head}  {change_text(change)}"
    elif found.status != "same":
        tensors = f"  {_tensors(layer.inputs)} -> {_tensors(layer.outputs)}" if layer.type else ""
        more = "".join(
            f"  {word} {plain_text(value)}"
            for word, value in (("precision", layer.precision), ("tactic", layer.tactic))
            if value
        )
        origin = f"  onnx {plain_text(', '.join(layer.origin))}" if layer.origin else ""
        yield f"{_SIGNS[found.status]} layer  {head}{tensors}{more}{origin}"


def _weight_line(found: WeightDiff) -> str:
    names = " -> ".join(dict.fromkeys(plain_text(str(spec)) for spec in (found.a, found.b)))
    layer = f"{found.layer.index} {found.layer.name}".rstrip()
    return f"~ weight  {names}  {weight_text(found)}  (layer {plain_text(layer)})"


def _summary(diff: ModelDiff) -> str:
    weights = ""
    if diff.weights_compared is not None:
        weights = f"; {count(diff.weights_compared, 'weight')} compared by value"
    elif diff.no_values:
        weights = f"; weights not compared by value: {diff.no_values}"
    else:
        weights = "; weights not compared by value, as --no-weights asks"
    if diff.equal:
        return f"equal: {count(len(_operators(diff)), 'layer')}{weights}"
    parts = []
    found: dict[str, Sequence[Any]] = {**_heads(diff), "layer": [each for each in diff.layers if each.status != "same"]}
    for noun, each in found.items():
        if each:
            counts = _counts(one.status for one in each)
            parts.append(
                f"{noun}s " + " ".join(f"{_SIGNS[word]}{n}" for word, n in counts.items() if n and word != "same")
            )
    parts += [f"fusions ~{len(diff.fusions)}"] if diff.fusions else []
    parts += [f"weights ~{len(diff.weights)}"] if diff.weights else []
    return f"differ: {', '.join(parts)}{weights}"


def _operators(diff: ModelDiff) -> list[LayerDiff]:
    """The layers without what stands for inputs and outputs of inner graphs, unless these differ."""
    return [each for each in diff.layers if each.status != "same" or not is_interface(each.layer)]


def _counts(statuses: Iterator[Status]) -> dict[str, int]:
    found = Counter(statuses)
    return {word: found[word] for word in ("same", "added", "removed", "changed")}


def _model(model: ModelDescription, text: str) -> dict[str, Any]:
    return {"model": text, "kind": model.kind, "name": model.name, "layers": model.layer_count}


def _difference(key: str, found: Difference) -> dict[str, Any]:
    sides = {side: _side(value) for side, value in (("a", found.a), ("b", found.b))}
    return {"status": found.status, key: found.subject, **sides}


def _side(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else tensor_data(value)


def _layer_diff(found: LayerDiff) -> dict[str, Any]:
    return {
        "status": found.status,
        "matched_by": found.matched_by or None,
        "a": _layer(found.a),
        "b": _layer(found.b),
        "changes": [
            {"what": each.what, "subject": each.subject, "a": each.a, "b": each.b, "renamed": each.renamed}
            for each in found.changes
        ],
    }


def _layer(layer: Layer | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "index": layer.index,
        "name": layer.name,
        "type": layer.type,
        "inputs": [spec and tensor_data(spec) for spec in layer.inputs],
        "outputs": [spec and tensor_data(spec) for spec in layer.outputs],
        "precision": layer.precision,
        "tactic": layer.tactic,
        "origin": list(layer.origin),
    }


def _weight_data(found: WeightDiff) -> dict[str, Any]:
    return {
        "a": tensor_data(found.a),
        "b": tensor_data(found.b),
        "layer": found.layer.index,
        "size": found.size,
        "differing": found.differing,
        "max_abs": found.max_abs,
        "mean_abs": found.mean_abs,
        "unmatched": found.unmatched,
        "why": found.why or None,
    }


def _groups(groups: Sequence[Sequence[str]]) -> str:
    return " | ".join(plain_text(" + ".join(group)) for group in groups) or "(none)"


def _tensors(specs: Sequence[TensorSpec | None]) -> str:
    return ", ".join("(none)" if spec is None else plain_text(str(spec)) for spec in specs) or "(none)"
