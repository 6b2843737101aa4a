"""Running a model under ONNX's reference evaluator."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.backends.base import native_arrays
from trtkit.dtypes import DTYPES, is_supported, numpy_dtype
from trtkit.errors import BackendError, ModelError, one_line
from trtkit.optional import require
from trtkit.tensors import TensorSpec, TensorSpecs

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.backends.base import OnnxModel
    from trtkit.results import Array, Feed, Outputs

__all__ = ["OnnxrefRunner"]

_DOMAINS = ("", "ai.onnx.ml")


class OnnxrefRunner:
    """One `onnx.reference.ReferenceEvaluator`, all weights in memory."""

    def __init__(self, name: str, model: OnnxModel) -> None:
        self.name = name
        self._model = model
        self._evaluator: Any = None
        self._inputs: TensorSpecs = {}
        self._output_types: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        """Load the model.

        Raises:
            FileError, ModelError: it cannot be loaded, is newer than the installed onnx, has an operator that the
                evaluator does not know, or inputs or outputs that are no tensors of numbers.
        """
        onnx = require("onnx", "onnx", "the backend onnxref")
        evaluator = require("onnx.reference", "onnx", "the backend onnxref").ReferenceEvaluator
        self._inputs, outputs = self._model.specs()
        for side, specs in (("input", self._inputs), ("output", outputs)):
            for spec in specs.values():
                _check_type(self.name, side, spec)
        self._output_types = {name: spec.dtype for name, spec in outputs.items()}
        proto = self._model.proto()
        _check_versions(onnx, proto, self._model.path)
        try:
            self._evaluator = evaluator(proto, new_ops=[_loop()])
        except Exception as error:  # the evaluator lets out whatever its operators raise
            raise ModelError(
                f"the reference evaluator cannot load {str(self._model.path)!r}: {one_line(error)}"
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the weights back."""
        self._evaluator = None

    def input_specs(self) -> TensorSpecs:
        """The inputs in the model's order."""
        return self._inputs

    def infer(self, feed: Feed) -> Outputs:
        """Run once.

        Args:
            feed: an array for every input without a default, of the types of `input_specs()`.

        Raises:
            BackendError: the evaluator failed; the message names the operator.
        """
        arrays = native_arrays(feed)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # infinities and NaN are answers, not accidents
                values = self._evaluator.run(None, arrays)
        except Exception as error:  # the evaluator lets out whatever its operators raise
            raise BackendError(
                f"{self.name}: the reference evaluator failed{_failing_node(error)}: {one_line(error)}"
            ) from error
        named = zip(self._output_types.items(), values, strict=True)
        return {name: self._as_output(name, dtype, value, arrays) for (name, dtype), value in named}

    def _as_output(self, name: str, dtype: str | None, value: Any, feed: dict[str, Array]) -> Array:
        """A value of the evaluator as an array of the type that the model states.

        Some of its operators compute in another precision than their type; an answer of the feed's own memory would
        change with the next feed.
        """
        array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None
        if array is None or not is_supported(array.dtype):
            what = type(value).__name__ if array is None else str(array.dtype)
            raise BackendError(f"{self.name}: output {name!r} is {what}; trtkit carries dense tensors of numbers only")
        if dtype is not None and array.dtype.name != dtype:
            wanted = numpy_dtype(dtype)
            if DTYPES[array.dtype.name].kind != DTYPES[dtype].kind:
                raise BackendError(
                    f"{self.name}: the reference evaluator returned {array.dtype.name} for output {name!r}, "
                    f"which the model says is {dtype}"
                )
            return np.asarray(array.astype(wanted))
        return array.copy() if any(np.may_share_memory(array, each) for each in feed.values()) else array


def _loop() -> type:
    """The evaluator's Loop, for which a condition that is left out is true, as the standard says.

    As of onnx 1.23 its own takes it for false, and answers with the initial values.
    """
    base: Any = require("onnx.reference.ops.op_loop", "onnx", "the backend onnxref").Loop

    def run(self: Any, count: Any, condition: Any, *values: Any, **context: Any) -> Any:
        return base._run(self, count, np.array(True) if condition is None else condition, *values, **context)

    return type("Loop", (base,), {"op_domain": "", "_run": run})


def _check_type(runner: str, side: str, spec: TensorSpec) -> None:
    if spec.dtype is not None and spec.dtype not in DTYPES:
        raise ModelError(
            f"{runner}: {side} {spec.name!r} is of type {spec.dtype}; trtkit carries dense tensors of numbers only"
        )


def _check_versions(onnx: Any, proto: Any, path: Path) -> None:
    """Refuse a model that is newer than the installed onnx: the evaluator would guess."""
    way = "upgrade it (pip install -U onnx)"
    if proto.ir_version > onnx.IR_VERSION:
        raise ModelError(
            f"{str(path)!r} has IR version {proto.ir_version}, and the installed onnx ({onnx.__version__}) reads up to "
            f"{onnx.IR_VERSION}; {way} or save the model with an older IR version"
        )
    newest: dict[str, int] = {}
    for schema in onnx.defs.get_all_schemas():
        newest[schema.domain] = max(newest.get(schema.domain, 0), schema.since_version)
    newest[""] = onnx.defs.onnx_opset_version()
    for opset in proto.opset_import:
        domain = "" if opset.domain == "ai.onnx" else opset.domain
        if domain in _DOMAINS and opset.version > newest[domain]:
            raise ModelError(
                f"{str(path)!r} uses opset {opset.version} of {domain or 'ai.onnx'}, and the installed onnx "
                f"({onnx.__version__}) knows up to {newest[domain]}; "
                f"{way} or convert the model (onnx.version_converter)"
            )


def _failing_node(error: BaseException) -> str:
    """` in node 'name' (Op)`, for the node of the main graph that the evaluator was at, where that can be told."""
    trace = error.__traceback__
    while trace is not None:
        node = getattr(trace.tb_frame.f_locals.get("node"), "onnx_node", None)
        if node is not None:
            return f" in node {node.name!r} ({node.op_type})" if node.name else f" in a node of type {node.op_type}"
        trace = trace.tb_next
    return ""
