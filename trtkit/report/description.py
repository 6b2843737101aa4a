"""What is in a model as text: the head, then one line for each layer, with indented detail where it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.report.text import count
from trtkit.report.values import LINE_WIDTH, NUM_ITEMS, format_values
from trtkit.report.wording import size_text
from trtkit.tensors import Shape, TensorSpec, shape_text

if TYPE_CHECKING:
    from trtkit.comparator.stats import Summary
    from trtkit.description import DataDependent, Layer, ModelDescription, Profile, Totals, Weight

__all__ = ["LISTED", "SHOWN", "View", "lines", "plain_text", "quantity_text", "statistics", "value_text"]

SHOWN = ("layers", "attrs", "weights")
"""What can be shown beside the head; attributes and weights stand below the lines of their layers."""

LISTED = 16
"""Of longer lists as many values are shown as this."""


@dataclass(frozen=True)
class View:
    """What is shown of a model beside its head.

    Attributes:
        show: words of `SHOWN`; each of them shows the layers.
        hide_helpers: leave out the layers that TensorRT's ONNX parser added.
        data_dependent: list the tensors whose size depends on data.
        values: the values of weights as well, where these are shown.
        num_items, line_width: as for `trtkit.report.values.format_values`.
    """

    show: Collection[str] = ()
    hide_helpers: bool = False
    data_dependent: bool = False
    values: bool = False
    num_items: int = NUM_ITEMS
    line_width: int = LINE_WIDTH


def lines(model: ModelDescription, text: str, view: View) -> Iterator[str]:
    """A model line by line, whatever its names hold; layers are described as they are asked for.

    Args:
        model: what is shown.
        text: where it came from.
        view: what of it.

    Raises:
        WorkError: after the head, where layers or values cannot be read.
    """
    yield from _head(model, text, view)
    totals = model.totals() if model.totals is not None else None
    if totals is not None:
        yield from _totals(totals)
    for noun, specs in (("input", model.inputs), ("output", model.outputs)):
        yield f"  {count(len(specs), noun)}"
        for spec in specs:
            yield "    " + "  ".join([plain_text(str(spec)), *model.remarks.get(spec.name, ())])
    yield from _profiles(model.profiles)
    if view.data_dependent and model.data_dependent is not None:
        yield from _data_dependent(model.data_dependent())
    yield f"  {count(model.layer_count, 'layer')}{_helpers(totals, view)}"
    if view.show:
        yield from _layers(model, view)


def _head(model: ModelDescription, text: str, view: View) -> Iterator[str]:
    facts = "".join(f", {subject} {plain_text(fact)}" for subject, fact in model.facts.items())
    yield f"{text}: {model.kind} {plain_text(model.name) or '(unnamed)'}{facts}"
    for subject, fact in model.details.items():
        yield f"  {subject}: {plain_text(fact)}"
    for key, value in model.metadata.items():
        yield f"  metadata: {plain_text(key)} = {plain_text(value)}"
    if "weights" in view.show and model.no_values:
        yield f"  weights: {model.no_values}"


def _totals(totals: Totals) -> Iterator[str]:
    if totals.weights:
        size = "" if totals.weight_bytes is None else f", {size_text(totals.weight_bytes)}"
        yield f"  parameters: {totals.parameters} in {count(totals.weights, 'tensor')}{size}"
    macs = totals.macs
    if macs is not None and macs.countable:
        terms = [" x ".join([quantity_text(number), *symbols]) for symbols, number in macs.terms.items()]
        layers = f"{macs.counted} of {count(macs.countable, 'countable layer')}"
        hint = f"; {totals.note}" if totals.note else ""
        yield f"  multiply-accumulates: {plain_text(' + '.join(terms)) or 'unknown'} ({layers}{hint})"
    if totals.operations:
        operations = ", ".join(f"{kind or '(unknown)'} {number}" for kind, number in totals.operations.items())
        yield f"  operations: {plain_text(operations)}"


def _helpers(totals: Totals | None, view: View) -> str:
    if totals is None or not totals.helpers:
        return ""
    return f", {totals.helpers} of them helpers of the parser{' (not shown)' if view.hide_helpers else ''}"


def _data_dependent(tensors: Sequence[DataDependent]) -> Iterator[str]:
    unbounded = sum(not tensor.bounded for tensor in tensors)
    split = f", {unbounded} of them without a bound" if tensors else ""
    yield f"  {count(len(tensors), 'tensor')} whose size depends on data{split}"
    for tensor in tensors:
        word = "bounded" if tensor.bounded else "unbounded"
        by = ", ".join(tensor.sized_by)
        words = [word, str(tensor.tensor), f"of {tensor.index} {tensor.type}", f"sized by {by}"]
        yield f"    {'  '.join(map(plain_text, words))}"


def _layers(model: ModelDescription, view: View) -> Iterator[str]:
    typed = _Typed()
    detailed = "attrs" in view.show or "weights" in view.show
    for layer in model.layers():
        if not (layer.helper and view.hide_helpers):
            yield "    " + _line(layer, typed)
            if detailed:
                yield from _detail(layer, view)


def quantity_text(number: int) -> str:
    """A number with four significant digits and a decimal prefix: `512`, `1.814 G`."""
    value = float(number)
    for prefix in ("", " k", " M", " G", " T", " P"):
        if value < 999.95 or prefix == " P":
            return f"{value:.4g}{prefix}"
        value /= 1000
    raise AssertionError(number)


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
                yield f"    profile {index}  {word} of {plain_text(name)}  min {low}  opt {best}  max {high}"


def _line(layer: Layer, typed: _Typed) -> str:
    """`12  relu1  Relu  a:[1,64]:float32 -> b:[1,64]:float32`; of an engine's layer its kernel and the like follow."""
    words = _words(layer, typed)
    line = "  ".join(words)
    return line if line.isprintable() else "  ".join(map(plain_text, words))


def _words(layer: Layer, typed: _Typed) -> list[str]:
    """The parts of the line of a layer."""
    words = [layer.index, layer.name or "(unnamed)"]
    if layer.type:
        words += [layer.type, f"{typed.tensors(layer.inputs)} -> {typed.tensors(layer.outputs)}"]
    if layer.helper:
        words.append("helper")
    if layer.precision:
        words.append(f"precision {layer.precision}")
    if layer.tactic:
        words.append(f"tactic {layer.tactic}")
    if layer.origin:
        words.append(f"onnx {', '.join(layer.origin)}")
    return words


class _Typed:
    """Tensors as text; the same types and shapes come again and again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str | None, Shape | None], str] = {(None, None): ""}

    def tensors(self, specs: Sequence[TensorSpec | None]) -> str:
        """`a:[1,64]:float32, b:[64]:float32`, the bare name where nothing else is known."""
        return ", ".join(["(none)" if spec is None else spec.name + self._suffix(spec) for spec in specs]) or "(none)"

    def _suffix(self, spec: TensorSpec) -> str:
        key = (spec.dtype, spec.shape)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = str(spec)[len(spec.name) :]
        return found


def _detail(layer: Layer, view: View) -> Iterator[str]:
    if "attrs" in view.show:
        for name, value in layer.attributes().items():
            yield f"      {plain_text(name)}: {value_text(value)}"
    if "weights" in view.show:
        for weight in layer.weights():
            yield from _weight(weight, view)


def _weight(weight: Weight, view: View) -> Iterator[str]:
    from trtkit.comparator.stats import summary

    spec = weight.spec
    typed = f"{spec.name}:{spec.dtype}" if spec.shape is None else str(spec)
    text = f"      weight {plain_text(typed)}  {count(weight.size, 'value')}"
    if weight.values is None:
        yield text
        return
    values = weight.values()
    yield f"{text}  {statistics(summary(values))}"
    if view.values:
        shown = format_values(values, view.num_items, view.line_width)
        yield from (f"        {line}".rstrip() for line in shown.splitlines())


def value_text(value: Any) -> str:
    """A value in one line: text as it is, lists in brackets, long ones cut."""
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{plain_text(str(name))} {value_text(each)}" for name, each in value.items()) or "(none)"
    if isinstance(value, Sequence):
        more = [f"... {len(value)} in all"] if len(value) > LISTED else []
        return "[" + ", ".join([*map(value_text, value[:LISTED]), *more]) + "]"
    return f"{value:.9g}" if isinstance(value, float) else plain_text(str(value))


def plain_text(text: str) -> str:
    """Text that stays on one line."""
    return text if text.isprintable() else repr(text)[1:-1]
