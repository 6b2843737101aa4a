"""Names of layers: which of them people gave, and which a program numbered."""

from __future__ import annotations

import re

from trtkit.description import Layer

__all__ = ["bare_name", "is_generated", "is_interface", "own_name"]

_UNNAMED = re.compile(r"\(Unnamed |ONNXTRT_")
_NUMBERED = re.compile(r"(node|op|layer|n|t|val)?_*\d+|(node_)?_*myel.*|_*myl.*|.*_myl\d+_\d+", re.IGNORECASE)
_OUTPUT = re.compile(r"_output_\d+$")


def is_interface(layer: Layer) -> bool:
    """Whether it stands for the inputs or outputs of an inner graph (`trtkit.backends.onnx.interfaces`)."""
    return layer.type.startswith("(")


def bare_name(name: str) -> str:
    """A name as it counts: what TensorRT and its ONNX parser call a layer or tensor without one is none."""
    return "" if _UNNAMED.match(name) else name


def own_name(layer: Layer) -> str:
    """The name of a layer, or of its first output where it has none."""
    name = bare_name(layer.name)
    if name or not layer.outputs or layer.outputs[0] is None:
        return name
    return bare_name(layer.outputs[0].name)


def is_generated(layer: Layer) -> bool:
    """Whether a program numbered the layer, so that one more layer before it may give it another name.

    Such are names that are empty or a number, and those that repeat the type of the layer, with or without a number:
    `Conv_12`, `/layer1/Conv`, `node_add_3`, `__myl_Fc_myl0_12`.
    """
    name = own_name(layer).rpartition("/")[2]
    if not name or _NUMBERED.fullmatch(name):
        return True
    word = _OUTPUT.sub("", name.casefold()).removeprefix("node_").rstrip("0123456789").rstrip("_-")
    kind = layer.type.rpartition(".")[2].casefold()
    return word in (kind, kind.replace("_", ""))
