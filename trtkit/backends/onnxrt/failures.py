"""What ONNX Runtime says when something fails, in trtkit's terms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from trtkit.backends.onnxrt.package import import_onnxruntime
from trtkit.errors import FileError, ModelError, WorkError, one_line

__all__ = ["load_failure", "ort_exceptions", "reason"]

_NOISE = (
    r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ",
    r"^Load model from .*? failed: ?",
    r"^Exception during (?:initialization|loading): ",
    r"/onnxruntime_src/\S+:\d+ .*?\)(?: const)? (?=[A-Z])",
    r"\b\w+\.(?:cc|h):\d+ \w+ ",
)

_UPGRADE = "upgrade it (pip install -U onnxruntime)"

_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
        "it has IR version {0}, and this ONNX Runtime ({version}) reads up to {1}; "
        + _UPGRADE
        + " or save the model with an older IR version",
    ),
    (
        r"Opset (\d+) is under development.*support for domain (\S+) is till opset (\d+)",
        "it uses opset {0} of {1}, and this ONNX Runtime ({version}) knows up to {2}; "
        + _UPGRADE
        + " or convert the model (onnx.version_converter)",
    ),
    (
        r"Could not find an implementation for (.+?) node with name '(.*?)'",
        "the execution providers chosen have no kernel of {0} (node '{1}') for the types it is used with; "
        "choose other --providers or, if those types are bfloat16 or float16, --ort-fp32-twin",
    ),
    (
        r"Fatal error: (\S+?)\(-?\d+\) is not a registered function/op",
        "operator {0} is unknown to ONNX Runtime; load the library that has it with --ort-custom-ops",
    ),
    (
        r"No Op registered for (\S+) with domain_version of (\d+)",
        "ONNX has no operator {0} in opset {1}",
    ),
    (
        r"two nodes with same node name \((.*)\)",
        "two nodes are named '{0}'; node names must be unique in a graph",
    ),
    (
        r"initializer: (.*?)\. Error:.*data path does not exist: \"(.*?)\"",
        "the external data of tensor '{0}' is missing: there is no file '{1}'; "
        "name its folder with --external-data-dir",
    ),
    (
        r"filesystem error: cannot get file size: No such file or directory \[(.*?)\]",
        "its external data is missing: there is no file '{0}'; name its folder with --external-data-dir",
    ),
    (
        r"initializer: (.*?)\. Error:.*(?:escapes model directory|Absolute path not allowed)",
        "the external data of tensor '{0}' is outside the model's folder; if you trust the model, name the folder "
        "that it may read with --external-data-dir",
    ),
    (
        r"Protobuf parsing failed",
        "it is not an ONNX model, or is damaged",
    ),
    (
        r"No graph was found in the protobuf|ModelProto does not have a graph",
        "it is not an ONNX model: it is empty or has no graph",
    ),
)


def ort_exceptions() -> tuple[type[Exception], ...]:
    """Every exception class that ONNX Runtime's calls raise; its own ones have no common base."""
    state = import_onnxruntime("capi.onnxruntime_pybind11_state")
    own = [each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception)]
    return (*own, RuntimeError, ValueError, TypeError)


def reason(error: BaseException) -> str:
    """ONNX Runtime's message in one line, without codes and places in its source."""
    text = one_line(error, limit=2000)
    for pattern in _NOISE:
        text = re.sub(pattern, "", text)
    return one_line(text.strip() or type(error).__name__)


def load_failure(error: BaseException, path: Path, ort: Any) -> WorkError:
    """What to raise when a session could not be made from the model that came from `path`."""
    text = one_line(error, limit=4000)
    if type(error).__name__ == "NoSuchFile":
        return FileError(f"there is no model file {str(path)!r}")
    for pattern, message in _PATTERNS:
        found = re.search(pattern, text)
        if found:
            return ModelError(
                f"ONNX Runtime cannot load {str(path)!r}: {message.format(*found.groups(), version=ort.__version__)}"
            )
    return ModelError(f"ONNX Runtime cannot load {str(path)!r}: {reason(error)}")
