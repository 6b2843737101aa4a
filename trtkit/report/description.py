"""What is in a model as text: the head, then one line for each layer, with indented detail where it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.report.text import count
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.comparator.stats import Summary
    from trtkit.description import Layer, ModelDescription, Profile, Weight
    from trtkit.tensors import TensorSpec

__all__ = ["SHOWN", "lines", "statistics"]

SHOWN = ("layers", "attrs", "weights")
"""What can be shown beside the head; attributes and weights stand below the lines of their layers."""

_LISTED = 16
"""Of longer lists as many values are shown as this."""


def lines(model: ModelDescription, text: str, show: Collection[str]) -> Iterator[str]:
    """A model line by line, whatever its names hold; layers are described as they are asked for.

    Args:
        model: what is shown.
        text: where it came from.
        show: words of `SHOWN`; each of them shows the layers.

    Raises:
        WorkError: after the head, where layers or values cannot be read.
    """
    facts = "".join(f", {subject} {_plain(fact)}" for subject, fact in model.facts.items())
    yield f"{text}: {model.kind} {_plain(model.name) or '(unnamed)'}{facts}"
    for subject, fact in model.details.items():
        yield f"  {subject}: {_plain(fact)}"
    if "weights" in show and model.no_values:
        yield f"  weights: {model.no_values}"
    for noun, specs in (("input", model.inputs), ("output", model.outputs)):
        yield f"  {count(len(specs), noun)}"
        for spec in specs:
            yield "    " + "  ".join([_plain(str(spec)), *model.remarks.get(spec.name, ())])
    yield from _profiles(model.profiles)
    yield f"  {count(model.layer_count, 'layer')}"
    if show:
        for layer in model.layers():
            yield f"    {_line(layer)}"
            yield from _detail(layer, show)


def statistics(stats: Summary) -> str:
    """`min 0  max 1  mean 0.5  std 0.25  zeros 10.0%`, with the numbers of NaN and infinities where there are any."""
    text = "empty" if not stats.size else f"zeros {stats.zeros:.1%}"
    if stats.minimum is not None and stats.maximum is not None:
        figures = f"min {stats.minimum:.6g}  max {stats.maximum:.6g}  mean {stats.mean:.6g}  std {stats.std:.6g}"
        text = f"{figures}  {text}"
    return text + (f"  NaN {stats.nan}  Inf {stats.infinite}" if stats.nan or stats.infinite else "")


def _profiles(profiles: Sequence[Profile]) -> Iterator[str]:
    if profiles:
        yield f"  {count(len(profiles), 'optimization profile')}"
    for index, profile in enumerate(profiles):
        for word, bounds in (("shape", profile.shapes), ("values", profile.values)):
            for name, three in bounds.items():
                low, best, high = map(shape_text, three)
                yield f"    profile {index}  {word} of {_plain(name)}  min {low}  opt {best}  max {high}"


def _line(layer: Layer) -> str:
    """`12  relu1  Relu  a:[1,64]:float32 -> b:[1,64]:float32`; of an engine's layer its kernel and the like follow."""
    words = [_plain(layer.index), _plain(layer.name) or "(unnamed)"]
    if layer.type:
        words += [_plain(layer.type), f"{_tensors(layer.inputs)} -> {_tensors(layer.outputs)}"]
    if layer.precision:
        words.append(f"precision {_plain(layer.precision)}")
    if layer.tactic:
        words.append(f"tactic {_plain(layer.tactic)}")
    if layer.origin:
        words.append(f"onnx {_plain(', '.join(layer.origin))}")
    return "  ".join(words)


def _detail(layer: Layer, show: Collection[str]) -> Iterator[str]:
    if "attrs" in show:
        for name, value in layer.attributes().items():
            yield f"      {_plain(name)}: {_value(value)}"
    if "weights" in show:
        for weight in layer.weights():
            yield f"      weight {_weight(weight)}"


def _weight(weight: Weight) -> str:
    from trtkit.comparator.stats import summary

    spec = weight.spec
    typed = f"{spec.name}:{spec.dtype}" if spec.shape is None else str(spec)
    text = f"{_plain(typed)}  {count(weight.size, 'value')}"
    return text if weight.values is None else f"{text}  {statistics(summary(weight.values()))}"


def _value(value: Any) -> str:
    """An attribute in one line: text as it is, lists in brackets, long ones cut."""
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain(str(name))} {_value(each)}" for name, each in value.items()) or "(none)"
    if isinstance(value, Sequence):
        more = [f"... {len(value)} in all"] if len(value) > _LISTED else []
        return "[" + ", ".join([*map(_value, value[:_LISTED]), *more]) + "]"
    return f"{value:.9g}" if isinstance(value, float) else _plain(str(value))


def _tensors(specs: Sequence[TensorSpec | None]) -> str:
    return ", ".join("(none)" if spec is None else _plain(_typed(spec)) for spec in specs) or "(none)"


def _typed(spec: TensorSpec) -> str:
    return spec.name if spec.dtype is None and spec.shape is None else str(spec)


def _plain(text: str) -> str:
    """Text that stays on one line."""
    return text if text.isprintable() else repr(text)[1:-1]
