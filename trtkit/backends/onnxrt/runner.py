"""Running a model under ONNX Runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from trtkit.backends.base import native_arrays
from trtkit.backends.onnxrt.dtypes import TYPES, OrtType
from trtkit.backends.onnxrt.failures import ort_exceptions, reason
from trtkit.backends.onnxrt.package import import_onnxruntime
from trtkit.backends.onnxrt.session import make_session
from trtkit.backends.onnxrt.values import from_value, to_value
from trtkit.dtypes import numpy_dtype
from trtkit.errors import BackendError, ModelError
from trtkit.precision_summary import PrecisionSummary, check, of_config
from trtkit.tensors import TensorSpec, TensorSpecs

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.backends.base import OnnxModel, RunnerContext
    from trtkit.backends.onnxrt.options import Options
    from trtkit.results import Array, Feed, Outputs

__all__ = ["OnnxrtRunner"]

logger = logging.getLogger(__name__)

UNPACKED = (
    "ran without repacking weights for its kernels (--ort-map-weights always): last digits and latency differ from "
    "those of an ONNX Runtime session as it comes"
)


class OnnxrtRunner:
    """One ONNX Runtime session.

    With `fp32_twin` the session runs the model's float32 twin, while the specs, feeds and outputs are those of the
    model: feeds are cast to float32 on the way in, outputs to the model's types on the way out.
    """

    def __init__(self, name: str, model: OnnxModel, options: Options, context: RunnerContext) -> None:
        self.name = name
        self.notes = (UNPACKED,) if options.map_weights == "always" else ()
        self._model = model
        self._options = options
        self._context = context
        self._session: Any = None
        self._ort: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._inputs: dict[str, TensorSpec] = {}
        self._input_types: dict[str, OrtType] = {}
        self._output_types: dict[str, OrtType] = {}
        self._output_names: list[str] = []
        self._precision: PrecisionSummary | None = None
        self._cast_in: frozenset[str] = frozenset()
        self._cast_out: dict[str, np.dtype[Any]] = {}
        self._call: Callable[[dict[str, Array]], dict[str, Array]] = self._run_plain

    def __enter__(self) -> Self:
        """Load the model.

        Raises:
            FileError, ModelError: it cannot be loaded, or has inputs or outputs that are no tensors of numbers.
            UsageError, MissingError: an option makes no sense, or this machine cannot honour it.
        """
        self._ort = import_onnxruntime()
        self._errors = ort_exceptions()
        model = self._model.in_precision(self._options.precision, self._context.feeds)
        if model.precision_config is not None:
            self._precision = of_config(model.precision_config)
            check(self._precision, f"--ort-precision {' '.join(self._precision.asked)}")
        whole = model
        if self._options.fp32_twin:
            model = model.float32_twin()
        elif model.precision_config is not None and self._options.providers == ("CPUExecutionProvider",):
            model = model.rounding_twin()  # on the CPU, ONNX Runtime removes the conversions to 16 bits and back
        self._session = make_session(self._ort, model, self._options, self._context)
        required, defaulted = self._session.get_inputs(), self._session.get_overridable_initializers()
        self._input_types = {each.name: _type_of(each, "input", self.name) for each in (*required, *defaulted)}
        self._output_types = {each.name: _type_of(each, "output", self.name) for each in self._session.get_outputs()}
        self._output_names = list(self._output_types)  # a model may list an output twice
        self._inputs = {each.name: self._spec(each) for each in required}
        self._inputs |= {each.name: self._spec(each, optional=True) for each in defaulted}
        if model is not whole:
            self._keep_types()
        elif self._options.fp32_twin:
            logger.warning(
                "%s: the model has no bfloat16 or float16 tensors, so --ort-fp32-twin changes nothing", self.name
            )
        extended = any(each.number for each in (*self._input_types.values(), *self._output_types.values()))
        self._call = self._run_values if extended else self._run_plain
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the session back."""
        self._session = None

    def input_specs(self) -> TensorSpecs:
        """The inputs in the model's order, those with a default last."""
        return self._inputs

    def infer(self, feed: Feed) -> Outputs:
        """Run once.

        Args:
            feed: an array for every input without a default, of the types of `input_specs()`.

        Raises:
            BackendError: ONNX Runtime failed.
        """
        native = native_arrays(feed)
        for name in self._cast_in:
            if name in native:
                native[name] = native[name].astype(np.float32)
        try:
            outputs = self._call(native)
        except self._errors as error:
            raise BackendError(f"{self.name}: ONNX Runtime failed: {reason(error)}") from error
        for name, dtype in self._cast_out.items():
            outputs[name] = outputs[name].astype(dtype)
        return outputs

    def precision_summary(self) -> PrecisionSummary | None:
        """What the model computes in, where it was rewritten."""
        return self._precision

    def _run_plain(self, feed: dict[str, Array]) -> dict[str, Array]:
        return dict(zip(self._output_types, self._session.run(self._output_names, feed), strict=True))

    def _run_values(self, feed: dict[str, Array]) -> dict[str, Array]:
        """For models with types that numpy lacks."""
        types = self._input_types
        memory: list[Array] = []  # what the values point to
        values = {name: to_value(self._ort, array, types[name], memory) for name, array in feed.items()}
        results = self._session.run_with_ort_values(self._output_names, values)
        found = zip(self._output_types.items(), results, strict=True)
        return {name: from_value(value, name, kind) for (name, kind), value in found}

    def _spec(self, node: Any, optional: bool = False) -> TensorSpec:
        shape = tuple((dim or None) if isinstance(dim, str) else _size(dim) for dim in node.shape)
        if not shape:
            # ONNX Runtime says the same of a scalar and of an unknown rank; the graph tells them apart.
            stated = self._model.specs()[0].get(node.name)
            if stated is not None and stated.shape is None:
                return TensorSpec(node.name, self._input_types[node.name].name, None, optional)
        return TensorSpec(node.name, self._input_types[node.name].name, shape, optional)

    def _keep_types(self) -> None:
        """Let the model's own types be seen from outside, where its twin has float32."""
        inputs, outputs = self._model.specs()
        for name, spec in self._inputs.items():
            stated = inputs[name].dtype if name in inputs else spec.dtype
            if stated != spec.dtype:
                self._inputs[name] = TensorSpec(name, stated, spec.shape, spec.optional)
        self._cast_in = frozenset(
            name for name, kind in self._input_types.items() if self._inputs[name].dtype != kind.name
        )
        self._cast_out = {
            name: numpy_dtype(stated)
            for name, kind in self._output_types.items()
            if (stated := outputs[name].dtype) is not None and stated != kind.name
        }


def _type_of(node: Any, side: str, runner: str) -> OrtType:
    kind = TYPES.get(node.type)
    if kind is None:
        raise ModelError(
            f"{runner}: {side} {node.name!r} is of type {node.type}; trtkit carries dense tensors of numbers only"
        )
    return kind


def _size(dim: int | None) -> int | None:
    return dim if dim is not None and dim >= 0 else None
