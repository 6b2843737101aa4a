"""Optimisation profiles: the shapes that an engine shall take, and for shape inputs the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trtkit.backends.trt.build_config import BuildConfig, accepted
from trtkit.backends.trt.profile_options import ProfileShapes
from trtkit.backends.trt.tensors import shape_of
from trtkit.errors import InputError
from trtkit.suggest import did_you_mean, listing
from trtkit.tensors import Shape, ShapeRange, Sizes, shape_text

__all__ = ["OpenInput", "add_asked_profiles", "add_default_profile", "fill_profile", "open_inputs"]

_FLAGS = ("--trt-min-shapes", "--trt-opt-shapes", "--trt-max-shapes")

_EXAMPLE = (1, 8, 16)
"""Sizes for a dynamic dimension in the example that an error message gives: smallest, likeliest, largest."""


@dataclass(frozen=True)
class OpenInput:
    """An input that needs a place in every profile.

    Attributes:
        name: the tensor's name.
        shape: its shape; None where not even the rank is known.
        values: it is a shape input: the profile holds its values, not its shape.
    """

    name: str
    shape: Shape | None
    values: bool

    def example(self, size: int) -> str:
        """`x:[8,3]`, with `size` wherever something is open."""
        if self.shape is None:
            return f"{self.name}:[...]"
        if self.values:
            count = self.shape[0] if self.shape and isinstance(self.shape[0], int) else 1
            return f"{self.name}:{shape_text((size,) * count)}"
        return f"{self.name}:{shape_text(tuple(dim if isinstance(dim, int) else size for dim in self.shape))}"


def open_inputs(network: Any) -> dict[str, OpenInput]:
    """The inputs of dynamic shape, and the shape inputs, by name."""
    found = {}
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = shape_of(tensor)
        if tensor.is_shape_tensor or shape is None or not all(isinstance(dim, int) for dim in shape):
            found[tensor.name] = OpenInput(tensor.name, shape, bool(tensor.is_shape_tensor))
    return found


def add_asked_profiles(build: BuildConfig, shapes: Mapping[str, ShapeRange]) -> None:
    """Add the profiles of `--trt-min-shapes`, `--trt-opt-shapes` and `--trt-max-shapes`.

    A network whose shapes are all fixed needs none, so none is added; what the options say of it must be true.

    Args:
        build: the configuration.
        shapes: smallest, likeliest and largest shapes of inputs that the options leave out, as from `--input-shapes`.

    Raises:
        InputError: they don't fit the network, or leave an input out; or the shapes lie outside every profile.
        ModelError: TensorRT refuses one of them.
    """
    asked = _asked_shapes(build)
    count = max(len(profiles) for profiles in asked)
    inputs = open_inputs(build.net.network)
    added: list[dict[str, ShapeRange]] = []
    for index in range(count):
        trio = [profiles[index] if profiles else {} for profiles in asked]
        for flag, given in zip(_FLAGS, trio, strict=True):
            _check_names(build, flag, given)
        if inputs:
            added.append({name: _range(entry, trio, shapes) for name, entry in inputs.items()})
            _add(build, added[-1])
    if added:
        _check_inside(added, {name: sides for name, sides in shapes.items() if name in inputs}, inputs)


def add_default_profile(build: BuildConfig, shapes: Mapping[str, ShapeRange], *, must_count: bool = False) -> None:
    """Where the network needs a profile and has none, add one for exactly these shapes.

    Args:
        build: the configuration, with the profiles of the options and of the scripts.
        shapes: smallest, likeliest and largest shapes of inputs, as from `--input-shapes`.
        must_count: the shapes were given for the sake of the profile, so that it is a mistake where a script's
            profiles, whose shapes TensorRT does not tell, leave them without any effect.

    Raises:
        InputError: a shape is missing; the message has the flags to give. Or one does not fit the network.
        ModelError: TensorRT refuses it.
    """
    inputs = open_inputs(build.net.network)
    if not inputs:
        return
    if build.profiles:
        unused = [name for name in shapes if name in inputs]
        if must_count and unused and not any(_asked_shapes(build)):
            raise InputError(
                f"--input-shapes {unused[0]}:{shape_text(shapes[unused[0]][0])} has no effect, since the "
                "configuration script makes the profiles; leave it out, or leave the profiles to the options"
            )
        return
    values = [entry.name for entry in inputs.values() if entry.values]
    known = {**shapes, **{name: (each,) * 3 for name, each in _first_values(build, values).items()}}
    missing = [entry for entry in inputs.values() if entry.name not in known]
    if missing:
        raise InputError(_nothing_said(missing))
    trio = [{name: sides[side] for name, sides in known.items()} for side in range(3)]
    for given in trio:
        _check_names(build, "--input-shapes", {name: given[name] for name in shapes if name not in values})
    _add(build, {name: _range(entry, trio, {}) for name, entry in inputs.items()})


def _asked_shapes(build: BuildConfig) -> tuple[ProfileShapes, ProfileShapes, ProfileShapes]:
    return build.options.min_shapes, build.options.opt_shapes, build.options.max_shapes


def _check_inside(
    profiles: Sequence[Mapping[str, ShapeRange]], shapes: Mapping[str, ShapeRange], inputs: Mapping[str, OpenInput]
) -> None:
    """Some profile must take all of the shapes. What stands for a shape input says nothing of its values."""
    known = {name: sides for name, sides in shapes.items() if not inputs[name].values}
    for profile in profiles:
        outside = [name for name, sides in known.items() if not all(_inside(each, profile[name]) for each in sides)]
        if not outside:
            return
    name = outside[0]
    low, _, high = map(shape_text, known[name])
    ranges = " or ".join(f"{shape_text(profile[name][0])} to {shape_text(profile[name][2])}" for profile in profiles)
    which = "the optimisation profile, which takes" if len(profiles) == 1 else "every optimisation profile; they take"
    raise InputError(
        f"the shape {name}:{low if low == high else f'{low} to {high}'} lies outside {which} {ranges} for this input; "
        f"change {_FLAGS[0]} and {_FLAGS[2]}, or the shape"
    )


def _inside(shape: Sizes, sides: ShapeRange) -> bool:
    smallest, _, largest = sides
    return len(shape) == len(smallest) and all(
        low <= size <= high for low, size, high in zip(smallest, shape, largest, strict=True)
    )


def _first_values(build: BuildConfig, names: Sequence[str]) -> dict[str, Sizes]:
    """The values of shape inputs in the first feed, where there is one."""
    feed = next(iter(build.feeds()), {}) if names and build.feeds is not None else {}
    return {name: tuple(int(value) for value in feed[name].ravel()) for name in names if name in feed}


def _nothing_said(missing: Sequence[OpenInput]) -> str:
    names = " and ".join(f"{each.name!r} {shape_text(each.shape or ())}" for each in missing)
    flags = " ".join(
        f"{flag} {' '.join(each.example(size) for each in missing)}"
        for flag, size in zip(_FLAGS, _EXAMPLE, strict=True)
    )
    one = " ".join(each.example(_EXAMPLE[0]) for each in missing)
    several = len(missing) > 1
    return (
        f"the {'inputs' if several else 'input'} {names} {'are' if several else 'is'} dynamic, and nothing says which "
        f"sizes the engine shall take; give them, such as {flags}, or one size only with --input-shapes {one}"
    )


def _check_names(build: BuildConfig, flag: str, given: Mapping[str, Sizes]) -> None:
    """Names must be the network's, and what is fixed in the network must stay as it is."""
    specs = build.net.input_specs()
    dynamic = open_inputs(build.net.network)
    for name, sizes in given.items():
        if name not in specs:
            raise InputError(
                f"{flag}: the network has no input {name!r}{did_you_mean(name, specs)} (its inputs: {listing(specs)})"
            )
        shape = specs[name].shape
        if shape is None or (name in dynamic and dynamic[name].values):
            continue
        fits = len(shape) == len(sizes) and all(
            not isinstance(dim, int) or dim == size for dim, size in zip(shape, sizes, strict=True)
        )
        if not fits:
            raise InputError(f"{flag} {name}:{shape_text(sizes)} does not fit the input {name!r} {shape_text(shape)}")


def _range(entry: OpenInput, trio: Sequence[Mapping[str, Sizes]], shapes: Mapping[str, ShapeRange]) -> ShapeRange:
    known = shapes.get(entry.name, (None, None, None))
    smallest, likeliest, largest = (given.get(entry.name, size) for given, size in zip(trio, known, strict=True))
    if smallest is None or likeliest is None or largest is None:
        flags = [
            f"{flag} {entry.example(size)}"
            for flag, given, size in zip(_FLAGS, trio, _EXAMPLE, strict=True)
            if entry.name not in given
        ]
        raise InputError(f"the profile leaves out the dynamic input {entry.name!r}; add, such as, {' '.join(flags)}")
    for less, more in ((smallest, likeliest), (likeliest, largest)):
        if len(less) != len(more) or any(a > b for a, b in zip(less, more, strict=True)):
            raise InputError(
                f"the profile of {entry.name!r} must grow from smallest to likeliest to largest, but is "
                f"{shape_text(smallest)}, {shape_text(likeliest)}, {shape_text(largest)}"
            )
    return smallest, likeliest, largest


def _add(build: BuildConfig, ranges: Mapping[str, ShapeRange]) -> None:
    profile = build.net.builder.create_optimization_profile()
    fill_profile(build, profile, ranges)
    before = build.profiles
    with accepted("the optimisation profile"):
        build.config.add_optimization_profile(profile)
    if build.profiles != before + 1:
        raise InputError("TensorRT refuses the optimisation profile without giving a reason")


def fill_profile(build: BuildConfig, profile: Any, ranges: Mapping[str, ShapeRange]) -> None:
    """Set the shapes, or the values of shape inputs, of a profile.

    Raises:
        ModelError: TensorRT refuses them.
    """
    inputs = open_inputs(build.net.network)
    for name, (smallest, likeliest, largest) in ranges.items():
        setter = profile.set_shape_input if inputs[name].values else profile.set_shape
        with accepted(f"the optimisation profile of {name!r}"):
            setter(name, smallest, likeliest, largest)
