"""The options of optimisation profiles: the smallest, likeliest and largest shapes that an engine shall take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trtkit.errors import UsageError
from trtkit.options import option
from trtkit.tensors import ShapeRange, Sizes, parse_named_shape

__all__ = ["ProfileOptions", "ProfileShapes"]

ProfileShapes = tuple[Mapping[str, Sizes], ...]
"""Input name to shape, one mapping a profile. The values of a shape input stand in the place of its shape."""

_METAVAR = "NAME:[D0,...]"


def _sizes(text: str) -> tuple[str, Sizes]:
    name, shape = parse_named_shape(text)
    sizes = tuple(dim for dim in shape if isinstance(dim, int))
    if len(sizes) != len(shape):
        raise UsageError("every dimension of a profile needs a size")
    return name, sizes


def _by_profile(pairs: Sequence[tuple[str, Sizes]]) -> ProfileShapes:
    """A name that comes again begins the next profile, so `x:[1] y:[1] x:[8] y:[8]` is two of them."""
    profiles: list[dict[str, Sizes]] = []
    for name, sizes in pairs:
        if not profiles or name in profiles[-1]:
            profiles.append({})
        profiles[-1][name] = sizes
    return tuple(profiles)


@dataclass(frozen=True)
class ProfileOptions:
    """The profiles of a network with dynamic inputs; without any, one is made from the shapes of the input data.

    Raises:
        UsageError: the three name different numbers of profiles.
    """

    min_shapes: ProfileShapes = option(
        (),
        "--trt-min-shapes",
        help="smallest shapes of the optimisation profile; a name that is given again begins the next profile",
        metavar=_METAVAR,
        parse=_sizes,
        count="+",
        gather=_by_profile,
    )
    opt_shapes: ProfileShapes = option(
        (),
        "--trt-opt-shapes",
        help="shapes that the engine is tuned for, profile by profile",
        metavar=_METAVAR,
        parse=_sizes,
        count="+",
        gather=_by_profile,
    )
    max_shapes: ProfileShapes = option(
        (),
        "--trt-max-shapes",
        help="largest shapes, profile by profile",
        metavar=_METAVAR,
        parse=_sizes,
        count="+",
        gather=_by_profile,
    )

    def __post_init__(self) -> None:
        for name in ("min_shapes", "opt_shapes", "max_shapes"):
            value = getattr(self, name)
            if isinstance(value, Mapping):
                object.__setattr__(self, name, (value,))
        counts = {len(shapes) for shapes in (self.min_shapes, self.opt_shapes, self.max_shapes) if shapes}
        if len(counts) > 1:
            numbers = f"{len(self.min_shapes)}, {len(self.opt_shapes)} and {len(self.max_shapes)}"
            raise UsageError(
                f"--trt-min-shapes, --trt-opt-shapes and --trt-max-shapes name {numbers} profiles; "
                "give each of them once for every profile"
            )

    def profile(self, index: int) -> dict[str, ShapeRange]:
        """What was asked of a profile: smallest, likeliest and largest shape of each input that all three name."""
        sides = (self.min_shapes, self.opt_shapes, self.max_shapes)
        if any(index >= len(side) for side in sides):
            return {}
        low, likeliest, high = (side[index] for side in sides)
        return {name: (low[name], likeliest[name], high[name]) for name in low if name in likeliest and name in high}
