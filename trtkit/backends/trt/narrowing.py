"""Inputs that an ONNX model has in 64 bits and its engine in 32.

TensorRT before 10 has no int64, and no release has float64: the parser makes int32 and float32 of them. The other
backends take the model's own types, so a feed has those, and is converted here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.cuda.arrays import on_host
from trtkit.errors import InputError

if TYPE_CHECKING:
    from trtkit.results import Array, Feed
    from trtkit.tensors import TensorSpecs

__all__ = ["model_types", "narrowed"]

_NARROW = {"int64": "int32", "uint64": "int32", "float64": "float32"}


def model_types(engine: TensorSpecs, model: TensorSpecs) -> TensorSpecs:
    """The engine's inputs, with the model's type where the parser narrowed it; `engine` itself where it did not."""
    found = {}
    for name, spec in engine.items():
        declared = model[name].dtype if name in model else None
        wide = declared is not None and _NARROW.get(declared) == spec.dtype
        found[name] = replace(spec, dtype=declared) if wide else spec
    return engine if found == engine else found


def narrowed(feed: Feed, engine: TensorSpecs, taken: TensorSpecs) -> Feed:
    """A feed in the engine's types.

    Args:
        feed: in the types of `taken`.
        engine: the engine's inputs.
        taken: what the feed was checked against, from `model_types`.

    Raises:
        InputError: a value does not fit into 32 bits.
    """
    if taken is engine:
        return feed
    wide = {name for name, spec in taken.items() if spec.dtype != engine[name].dtype}
    host = on_host({name: feed[name] for name in wide if name in feed})
    return {**feed, **{name: _narrow(name, array, engine[name].dtype) for name, array in host.items()}}


def _narrow(name: str, array: Array, dtype: Any) -> Array:
    import numpy as np

    if dtype == "int32" and array.size:
        limits = np.iinfo(np.int32)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise InputError(
                f"input {name!r} holds {low if low < limits.min else high}, but the engine has it as int32, "
                f"{limits.min} to {limits.max}: this TensorRT has no 64-bit integers"
            )
    narrow: Array = array.astype(dtype)
    return narrow
