"""Random inputs: seeded, in a range, for every data type."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.comparator.inputs import InputOptions, known_input, symbol_sizes
from trtkit.dtypes import DTYPES, DType, numpy_dtype
from trtkit.errors import InputError
from trtkit.optional import require
from trtkit.results import Array, Feed, Feeds, NamedFeed
from trtkit.tensors import ShapeRange, Sizes, TensorSpec, TensorSpecs, shape_text

if TYPE_CHECKING:
    from typing import Protocol

    import numpy as np

    from trtkit.comparator.sweep import ShapeLimits

    class _Source(Protocol):
        """A seeded source of numbers."""

        def uniform(self, shape: Sizes, dtype: np.dtype[Any]) -> Array:
            """Values in [0, 1) as float32 or float64."""

        def integers(self, low: int, high: int, shape: Sizes, dtype: np.dtype[Any]) -> Array:
            """Whole numbers in [low, high]."""


__all__ = ["random_feeds"]

_WORTH_A_THREAD = 1 << 20
"""Numbers: below, starting a thread takes as long as it saves."""

_WIDEST = 16
"""Bytes of the widest element."""

_REMEDY = "give its size with --input-shapes"


@dataclass(frozen=True)
class _Drawn:
    """One input to draw: values of `row`'s type between `low` and `high`."""

    name: str
    row: DType
    low: float
    high: float


def random_feeds(options: InputOptions, specs: TensorSpecs, limits: Sequence[ShapeLimits] = ()) -> Feeds:
    """Random feeds for a model with these inputs; iteration i depends on its shapes and `seed + i` alone.

    Open dimensions become 1, which a note says, or what the sweep says; the feeds of a sweep have names. Inputs that
    the model has defaults for are left out unless `input_shapes` names them.

    Raises:
        UsageError: there is nothing to sweep.
        InputError: a range names no input or does not fit its type, an input's rank is unknown, or its type
            cannot be generated.
        MissingPackageError: PyTorch is to draw the values, and is not installed.
    """
    for name in options.val_range:
        if name:
            known_input(name, specs, "--val-range")
    points, ranges, notes = _points(options, specs, limits)
    inputs = [_drawn(options, specs[name]) for name in points[0][1]]
    repeats = options.iterations or 1
    source = _TorchSource if options.data_loader_backend_module == "torch" else _NumpySource

    class Generated:
        def __iter__(self) -> Iterator[Feed]:
            for index in range(repeats * len(points)):
                (point, shapes), numbers = points[index // repeats], source(options.seed + index)
                feed = {each.name: _draw(each, shapes[each.name], numbers) for each in inputs}
                again = f" #{index % repeats + 1}" if repeats > 1 else ""
                yield NamedFeed(feed, f"{point}{again}") if point else feed

    length = repeats * len(points)
    return Feeds("random data", Generated(), length, repeatable=True, notes=tuple(notes), shape_ranges=ranges)


def _points(
    options: InputOptions, specs: TensorSpecs, limits: Sequence[ShapeLimits]
) -> tuple[Sequence[tuple[str, Mapping[str, Sizes]]], Mapping[str, ShapeRange], Sequence[str]]:
    """The shapes to draw, what they range over in a sweep, and notes. Without a sweep it is one without a name."""
    if options.shape_sweep:
        from trtkit.comparator.sweep import plan_sweep  # with random

        sweep = plan_sweep(options, specs, limits)
        return [(point.name, point.shapes) for point in sweep.points], sweep.ranges, sweep.notes
    sizes = symbol_sizes(options.input_shapes, specs)
    notes: list[str] = []
    shapes: dict[str, Sizes] = {}
    for spec in specs.values():
        if spec.optional and spec.name not in options.input_shapes:
            continue
        shape = options.input_shapes.get(spec.name)
        if shape is None:
            shape, note = _filled(spec, sizes)
            notes += [note] if note else []
        shapes[spec.name] = shape
    return [("", shapes)], {}, notes


def _drawn(options: InputOptions, spec: TensorSpec) -> _Drawn:
    low, high = options.val_range.get(spec.name, options.val_range.get("", (0.0, 1.0)))
    return _Drawn(spec.name, _drawable(spec, low, high), low, high)


def _filled(spec: TensorSpec, sizes: Mapping[str, int]) -> tuple[Sizes, str]:
    """The shape with each open size filled in: from the symbols that have one, else 1; and a line that says so."""
    if spec.shape is None:
        raise InputError(f"the model does not say the rank of input {spec.name!r}; {_REMEDY} {spec.name}:[D0,D1,...]")
    shape = tuple(dim if isinstance(dim, int) else sizes.get(dim or "", 1) for dim in spec.shape)
    if not spec.dynamic:
        return shape, ""
    text = shape_text(shape)
    return shape, f"input {spec} is dynamic and no size was given: {text} is used ({_REMEDY} {spec.name}:{text})"


def _drawable(spec: TensorSpec, low: float, high: float) -> DType:
    """The row of an input's type, once it is clear that values in this range exist in it."""
    row = DTYPES.get(spec.dtype or "")
    if row is None:
        what = f"is of type {spec.dtype}" if spec.dtype else "has no type in the model"
        raise InputError(
            f"input {spec.name!r} {what}, for which no random data can be made; "
            "give the data with --load-inputs or --data-loader-script"
        )
    if row.kind in ("int", "uint"):
        smallest, largest = _integer_limits(row)
        if math.ceil(low) < smallest or math.floor(high) > largest or math.ceil(low) > math.floor(high):
            raise InputError(f"no whole number of {row.name} for input {spec.name!r} in --val-range [{low:g},{high:g}]")
    elif row.kind == "float" and max(abs(low), abs(high)) > _largest_float(row):
        raise InputError(f"--val-range [{low:g},{high:g}] is beyond {row.name}, the type of input {spec.name!r}")
    return row


def _integer_limits(row: DType) -> tuple[int, int]:
    if row.kind == "int":
        return -(2 ** (row.bits - 1)), 2 ** (row.bits - 1) - 1
    return 0, 2**row.bits - 1


def _largest_float(row: DType) -> float:
    if not row.extended:
        import numpy as np

        return float(np.finfo(row.name).max)
    import ml_dtypes

    return float(ml_dtypes.finfo(numpy_dtype(row.name)).max)  # type: ignore[no-untyped-call]  # ml_dtypes lacks the type


def _draw(wanted: _Drawn, shape: Sizes, numbers: _Source) -> Array:
    import numpy as np

    row, low, high = wanted.row, wanted.low, wanted.high
    dtype = numpy_dtype(row.name)
    if math.prod(shape) > sys.maxsize // _WIDEST:
        raise InputError(f"input {wanted.name!r}: no machine has memory for the shape {shape_text(shape)}")
    if row.kind == "bool":
        first, last = min(max(math.ceil(low), 0), 1), max(min(math.floor(high), 1), 0)
        return numbers.integers(min(first, last), last, shape, np.dtype(np.uint8)).astype(np.bool_)
    if row.kind in ("int", "uint"):
        held = np.dtype(f"{row.kind}8") if row.extended else dtype
        return numbers.integers(math.ceil(low), math.floor(high), shape, held).astype(dtype, copy=False)
    if row.kind == "complex":
        parts = [_scaled(numbers, wanted, shape, np.dtype(np.float64)) for _ in range(2)]
        return (parts[0] + 1j * parts[1]).astype(dtype)
    narrow = row.bits <= 32 and high - low <= float(np.finfo(np.float32).max)
    return _scaled(numbers, wanted, shape, np.dtype(np.float32 if narrow else np.float64)).astype(dtype, copy=False)


def _scaled(numbers: _Source, wanted: _Drawn, shape: Sizes, dtype: np.dtype[Any]) -> Array:
    """Uniform values between `low` and `high`, computed in place."""
    values = numbers.uniform(shape, dtype)
    if (wanted.low, wanted.high) != (0.0, 1.0):
        values *= wanted.high - wanted.low
        values += wanted.low
    return values


class _NumpySource:
    def __init__(self, seed: int) -> None:
        import numpy as np

        self._generator = np.random.Generator(np.random.PCG64(seed))

    def uniform(self, shape: Sizes, dtype: np.dtype[Any]) -> Array:
        import numpy as np

        if math.prod(shape) >= _WORTH_A_THREAD and self._generator.bit_generator.state["has_uint32"] == 0:
            return self._in_two_halves(np.empty(shape, dtype))
        return np.asarray(self._generator.random(shape, dtype=dtype))

    def _in_two_halves(self, values: Array) -> Array:
        """Fill an array with the numbers that come next, the first half of them in another thread.

        PCG64 can be put forward by any number of steps; a step gives one float64, or two float32.
        """
        import threading

        import numpy as np

        flat = values.reshape(-1)
        half = flat.size // 4 * 2
        bits = self._generator.bit_generator
        assert isinstance(bits, np.random.PCG64)  # see __init__
        before = np.random.PCG64()
        before.state = bits.state
        other = np.random.Generator(before)
        thread = threading.Thread(target=lambda: other.random(out=flat[:half], dtype=flat.dtype))
        thread.start()
        bits.advance(half * values.itemsize // 8)
        self._generator.random(out=flat[half:], dtype=flat.dtype)
        thread.join()
        return values

    def integers(self, low: int, high: int, shape: Sizes, dtype: np.dtype[Any]) -> Array:
        import numpy as np

        return np.asarray(self._generator.integers(low, high, shape, dtype, endpoint=True))


class _TorchSource:
    def __init__(self, seed: int) -> None:
        self._torch = require("torch", "torch", "--data-loader-backend-module torch")
        self._generator = self._torch.Generator().manual_seed(seed)

    def uniform(self, shape: Sizes, dtype: np.dtype[Any]) -> Array:
        kind = getattr(self._torch, dtype.name)
        values: Array = self._torch.rand(shape, generator=self._generator, dtype=kind).numpy()
        return values

    def integers(self, low: int, high: int, shape: Sizes, dtype: np.dtype[Any]) -> Array:
        try:
            values: Array = self._torch.randint(low, high + 1, shape, generator=self._generator).numpy()
        except (RuntimeError, OverflowError) as error:
            raise InputError(f"PyTorch cannot draw whole numbers in [{low},{high}]") from error
        return values.astype(dtype)
