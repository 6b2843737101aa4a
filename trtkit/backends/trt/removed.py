"""What a script uses that this TensorRT lacks and another has: one line that says where it is, and what replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from trtkit.backends.trt.api import title, trt
from trtkit.backends.trt.releases import WHERE, removal
from trtkit.errors import ScriptError

__all__ = ["explaining_what_is_missing"]

_OBJECT = re.compile(r"(?:type object )?'(?:\w+\.)*(\w+)'(?: object)? has no attribute '(\w+)'")
_MODULE = re.compile(r"module '\w+' has no attribute '(\w+)'")

_CAST = (
    "precision stands in the network here: give --{0} on the command line with an ONNX model, or start from what "
    "`trtkit template trt-network MODEL.onnx --{0}` writes"
)
_QUANTISE = (
    "precision stands in the network here: give --{0} on the command line with an ONNX model and input data, or let "
    "the network script parse trtkit.precision.to_{0}(onnx_model, feeds)"
)
_KEEP = (
    "here each tensor has the type that the network gives it: network.add_cast changes it; for ONNX, see --keep-fp32"
)
_RANGES = (
    "here quantisation stands in the network: trtkit convert MODEL.onnx --int8 measures the ranges and puts it there"
)
_INSTEAD = (
    (r"BuilderFlag\.(FP16|BF16)", _CAST),
    (r"BuilderFlag\.(INT8|FP8)", _QUANTISE),
    (r"BuilderFlag\.(OBEY|PREFER)_PRECISION_CONSTRAINTS|BuilderFlag\.STRICT_TYPES", _KEEP),
    (r"ILayer\..*", _KEEP),
    (r"ITensor\..*|IInt8.*|CalibrationAlgoType.*|.*calibrat.*|.*quantization.*|QuantizationFlag.*", _RANGES),
)
"""Patterns of features, and what to do on a TensorRT without them."""


@contextmanager
def explaining_what_is_missing() -> Iterator[None]:
    """Around a script: where it stops at a member of TensorRT that only other releases have, say which, and what to do.

    Raises:
        ScriptError: that of the script, with the line of the script and the better text.
    """
    try:
        yield
    except ScriptError as error:
        cause = error.__cause__
        feature = _feature(cause) if isinstance(cause, AttributeError) else None
        if feature is None:
            raise
        place = str(error).partition("AttributeError:")[0]
        raise ScriptError(f"{place}{_text(feature)}") from cause


def _text(feature: str) -> str:
    releases = WHERE[feature]
    text = f"{title()} has no {feature}; it is in {releases}{removal(releases)}"
    for pattern, instead in _INSTEAD:
        match = re.fullmatch(pattern, feature)
        if match:
            return f"{text}; {instead.format(*(group.lower() for group in match.groups() if group))}"
    return text


def _feature(error: AttributeError) -> str | None:
    """What the script wanted, as `trtkit.backends.trt.releases` calls it; None where that says nothing of it."""
    module, found = _MODULE.search(str(error)), _OBJECT.search(str(error))
    if module is not None or found is None:
        return module[1] if module is not None and module[1] in WHERE else None
    owner, member = found.groups()
    names = [each.__name__ for each in _class(owner, error).__mro__]
    return next((f"{name}.{member}" for name in names if f"{name}.{member}" in WHERE), None)


def _class(name: str, error: AttributeError) -> type:
    """The class of what was asked; Python cuts long names short in its message, but most often tells the object."""
    asked = getattr(error, "obj", None)
    if asked is not None:
        return asked if isinstance(asked, type) else type(asked)
    found = getattr(trt(), name, object)
    return found if isinstance(found, type) else object
