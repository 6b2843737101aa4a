"""The options that say what goes into a model, and the check of inputs against what the model expects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.comparator.sweep_options import checked_range, checked_sweep, parse_shape_range, split_sweep
from trtkit.errors import InputError, UsageError
from trtkit.options import by_name, choice, option, parse_count
from trtkit.suggest import did_you_mean, listing
from trtkit.tensors import Sizes, TensorSpec, TensorSpecs, parse_named_shape, shape_text

if TYPE_CHECKING:
    from trtkit.results import Feed

__all__ = ["SWEEP_FIELDS", "InputOptions", "check_feed", "check_shape", "known_input", "symbol_sizes"]


SWEEP_FIELDS = ("shape_sweep", "shape_range")
"""The fields of `InputOptions` that only `trtkit run` offers."""


def _parse_range(text: str) -> tuple[str, tuple[float, float]]:
    name, _, interval = text.rpartition(":")
    inner = interval.strip()
    if not (inner.startswith("[") and inner.endswith("]")):
        raise UsageError("expected [MIN,MAX] or NAME:[MIN,MAX]")
    words = inner[1:-1].split(",")
    try:
        low, high = (float(word) for word in words)
    except ValueError:
        raise UsageError("expected two numbers, as in [0,1]") from None
    return name, (low, high)


@dataclass(frozen=True)
class InputOptions:
    """Where input values come from. Random data, unless files or a script are named.

    Attributes:
        input_shapes: shape by input name; sizes only.
        val_range: smallest and largest random value by input name, `""` for all others. Both ends are included
            for integers.
        iterations: None means 1 for random data, and everything there is for loaded data; of a sweep, how many feeds
            there are of each shape.
        shape_sweep: words of `min`, `opt`, `max` and `random:N`, or one text with commas: the sizes of open dimensions
            that random data has, one after the other (docs/shape-sweeps.md).
        shape_range: smallest and largest size in the sweep, by symbol (`N`) or by input and axis (`x[0]`).
    """

    input_shapes: Mapping[str, Sizes] = option(
        {},
        "--input-shapes",
        "--inputs",
        help="shapes of the inputs, for dynamic dimensions; loaded data is checked against them",
        parse=parse_named_shape,
        gather=by_name,
        count="+",
        metavar="NAME:[D0,D1,...]",
    )
    seed: int = option(
        1, "--seed", help="seed of the random data; iteration i uses seed + i", parse=parse_count(0), metavar="N"
    )
    val_range: Mapping[str, tuple[float, float]] = option(
        {},
        "--val-range",
        help="range of the random values, for all inputs or one (default: [0,1])",
        parse=_parse_range,
        gather=by_name,
        count="+",
        metavar="[NAME:][MIN,MAX]",
    )
    iterations: int | None = option(
        None,
        "--iterations",
        "--iters",
        help="number of feeds: generated ones (default: 1; with --shape-sweep, of each shape), or how many of the "
        "loaded ones are used (default: all)",
        parse=parse_count(1),
        metavar="N",
    )
    shape_sweep: Sequence[str] = option(
        (),
        "--shape-sweep",
        help="run random data of several shapes: the smallest, likeliest or largest sizes of dynamic dimensions, or N "
        "random sets of sizes (docs/shape-sweeps.md)",
        parse=split_sweep,
        metavar="min,opt,max,random:N",
    )
    shape_range: Mapping[str, tuple[int, int]] = option(
        {},
        "--shape-range",
        help="sizes in the sweep of a dynamic dimension, which is a symbol (N) or an input's axis (x[0]); default: the "
        "optimisation profile, else 1..8",
        parse=parse_shape_range,
        gather=by_name,
        count="+",
        metavar="NAME:LOW..HIGH",
    )
    data_loader_backend_module: str = option(
        "numpy",
        "--data-loader-backend-module",
        help="library that draws the random values; their values differ",
        parse=choice("numpy", "torch"),
        choices=("numpy", "torch"),
    )
    load_inputs: tuple[str, ...] = option(
        (),
        "--load-inputs",
        "--load-input-data",
        help="files or folders of saved inputs; their iterations are used one after the other",
        count="+",
        metavar="PATH",
    )
    data_loader_script: str | None = option(
        None,
        "--data-loader-script",
        help="script with a generator, iterable or function that gives feeds (default name: load_data)",
        metavar="FILE.py[:NAME]",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape_sweep", checked_sweep(self.shape_sweep))
        ranges = {name: checked_range(name, sizes) for name, sizes in self.shape_range.items()}
        object.__setattr__(self, "shape_range", ranges)
        if self.shape_range and not self.shape_sweep:
            raise UsageError("--shape-range has no effect without --shape-sweep, such as --shape-sweep min,opt,max")
        if self.load_inputs and self.data_loader_script is not None:
            raise UsageError("--load-inputs and --data-loader-script cannot both give the inputs; choose one")
        if self.iterations is not None and self.iterations < 1:
            raise UsageError(f"--iterations {self.iterations}: at least one iteration is needed")
        if self.load_inputs or self.data_loader_script is not None:
            given = "--load-inputs" if self.load_inputs else "--data-loader-script"
            for name, value, default in (
                ("--seed", self.seed, 1),
                ("--val-range", dict(self.val_range), {}),
                ("--data-loader-backend-module", self.data_loader_backend_module, "numpy"),
                ("--shape-sweep", self.shape_sweep, ()),
            ):
                if value != default:
                    raise UsageError(f"{name} shapes random data, but {given} gives the inputs; leave one out")
        for name, shape in self.input_shapes.items():
            if any(not isinstance(dim, int) for dim in shape):
                raise UsageError(f"--input-shapes {name}:{shape_text(tuple(shape))}: every dimension needs a size")
        for name, (low, high) in self.val_range.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise UsageError(f"--val-range {name + ':' if name else ''}[{low:g},{high:g}]: not a finite range")


def check_feed(index: int, feed: Feed, specs: TensorSpecs, shapes: Mapping[str, Sizes]) -> None:
    """Check one feed against the model's inputs and against `--input-shapes`.

    Raises:
        InputError: a name is unknown or missing, or an array has another rank, size or type than expected.
    """
    where = f"iteration {index}"
    for name in feed:
        known_input(name, specs, where)
    for name, spec in specs.items():
        if name not in feed:
            if spec.optional:
                continue
            raise InputError(f"{where}: input {name!r} is missing; the model expects {spec}, got {listing(feed)}")
        array = feed[name]
        if spec.dtype is not None and array.dtype.name != spec.dtype:
            raise InputError(
                f"{where}: input {name!r} is {array.dtype.name}, but the model expects {spec}; "
                "convert it before it is fed"
            )
        check_shape(spec, array.shape, f"{where}: the data has")
        if name in shapes and tuple(array.shape) != tuple(shapes[name]):
            raise InputError(
                f"{where}: input {name!r} has shape {shape_text(array.shape)}, "
                f"but --input-shapes says {shape_text(shapes[name])}"
            )


def known_input(name: str, specs: TensorSpecs, where: str) -> TensorSpec:
    """The input of that name, or an InputError that lists what the model expects."""
    if name not in specs:
        expected = ", ".join(str(spec) for spec in specs.values()) or "no inputs"
        raise InputError(f"{where}: the model has no input {name!r}{did_you_mean(name, specs)}; it expects {expected}")
    return specs[name]


def symbol_sizes(shapes: Mapping[str, Sizes], specs: TensorSpecs) -> dict[str, int]:
    """The size that given shapes imply for each symbol, such as a batch size that several inputs share."""
    sizes: dict[str, int] = {}
    for name, shape in shapes.items():
        for dim, size in zip(specs[name].shape or (), shape, strict=False):
            if isinstance(dim, str):
                sizes.setdefault(dim, size)
    return sizes


def check_shape(spec: TensorSpec, shape: Sequence[Any], who: str) -> None:
    """Raise InputError where a shape contradicts what the model says of an input."""
    if spec.shape is None:
        return
    problem = ""
    if len(shape) != len(spec.shape):
        problem = f"rank {len(spec.shape)}"
    elif any(isinstance(want, int) and want != got for want, got in zip(spec.shape, shape, strict=True)):
        problem = "other sizes"
    if problem:
        raise InputError(f"{who} {spec.name}:{shape_text(tuple(shape))}, but the model expects {problem}: {spec}")
