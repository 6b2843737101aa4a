"""trtkit: does this model give the same answer here as there, and can I prove it?

The names below are the public API. They are imported from their modules when they are first used, so that
`import trtkit` costs nothing (docs/decisions/0002-lazy-imports.md).
"""

from __future__ import annotations

TYPE_CHECKING = False  # loading the module typing takes a tenth of the time that help takes
__version__ = "0.1.0"

__all__ = [
    "CompareOptions",
    "ConvertPlan",
    "ConvertReport",
    "ExecutionOptions",
    "InputOptions",
    "ModelFile",
    "NamedFeed",
    "OnnxOptions",
    "Report",
    "RunPlan",
    "RunnerPlan",
    "SaveOptions",
    "TopK",
    "TrtkitError",
    "__version__",
    "compare",
    "convert",
    "extend_onnx",
    "load_inputs",
    "load_outputs",
    "open_runner",
    "run",
    "save_inputs",
    "save_outputs",
]

_HOMES = {
    "CompareOptions": "trtkit.comparator.options",
    "ConvertPlan": "trtkit.convert_plan",
    "ConvertReport": "trtkit.report.convert",
    "ExecutionOptions": "trtkit.plan",
    "InputOptions": "trtkit.comparator.inputs",
    "ModelFile": "trtkit.models",
    "NamedFeed": "trtkit.results",
    "OnnxOptions": "trtkit.backends.onnx.options",
    "Report": "trtkit.report.model",
    "RunPlan": "trtkit.plan",
    "RunnerPlan": "trtkit.plan",
    "SaveOptions": "trtkit.plan",
    "TopK": "trtkit.comparator.postprocess",
    "TrtkitError": "trtkit.errors",
    "compare": "trtkit.api",
    "convert": "trtkit.conversion",
    "extend_onnx": "trtkit.backends.trt.script_api",
    "load_inputs": "trtkit.files",
    "load_outputs": "trtkit.files",
    "open_runner": "trtkit.api",
    "run": "trtkit.session",
    "save_inputs": "trtkit.files",
    "save_outputs": "trtkit.files",
}

if TYPE_CHECKING:
    from typing import Any

    from trtkit.api import compare, open_runner
    from trtkit.backends.onnx.options import OnnxOptions
    from trtkit.backends.trt.script_api import extend_onnx
    from trtkit.comparator.inputs import InputOptions
    from trtkit.comparator.options import CompareOptions
    from trtkit.comparator.postprocess import TopK
    from trtkit.conversion import convert
    from trtkit.convert_plan import ConvertPlan
    from trtkit.errors import TrtkitError
    from trtkit.files import load_inputs, load_outputs, save_inputs, save_outputs
    from trtkit.models import ModelFile
    from trtkit.plan import ExecutionOptions, RunnerPlan, RunPlan, SaveOptions
    from trtkit.report.convert import ConvertReport
    from trtkit.report.model import Report
    from trtkit.results import NamedFeed
    from trtkit.session import run


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trtkit' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
