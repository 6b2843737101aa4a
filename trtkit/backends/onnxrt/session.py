"""From options to an ONNX Runtime session."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnxrt.failures import load_failure, ort_exceptions, reason
from trtkit.backends.onnxrt.options import LEVELS, Options
from trtkit.backends.onnxrt.providers import check_active, resolve, resolve_options
from trtkit.errors import ModelError, UsageError

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel, RunnerContext

__all__ = ["make_session"]

_DATA_DIR = "session.model_external_initializers_file_folder_path"

_STOP_SPINNING = "session.force_spinning_stop"
"""Threads that wait for work spin. This stops them when an inference ends: an idle session must not take processor
time from the one that is measured. Figures are in docs/decisions/0004-onnxruntime-spinning.md."""

_SPINNING = (_STOP_SPINNING, "session.intra_op.allow_spinning")

_FATAL, _WARNING = 4, 2


def make_session(ort: Any, model: OnnxModel, options: Options, context: RunnerContext) -> Any:
    """An `onnxruntime.InferenceSession` of the model.

    A model that is a file is loaded by ONNX Runtime itself. An edited one goes there as bytes, its external data is
    read from where it lies, and the bytes are let go afterwards.

    Raises:
        UsageError: a provider or an option of one does not exist.
        MissingError: this machine does not have a provider.
        FileError, ModelError: ONNX Runtime cannot load the model or a library of custom operators.
    """
    known, available = ort.get_all_providers(), ort.get_available_providers()
    providers = resolve(options.providers, known, available)
    values = resolve_options(options.provider_options, providers, known)
    settings = _session_options(ort, options, context)
    file = model.as_file()
    source: str | bytes = str(file) if file is not None else model.graph_bytes()
    if file is None:
        settings.add_session_config_entry(_DATA_DIR, str(model.data_dir.resolve()))
    try:
        session = ort.InferenceSession(
            source, settings, providers=providers, provider_options=values, enable_fallback=0
        )
    except ort_exceptions() as error:
        raise load_failure(error, model.path, ort) from error
    if file is None and getattr(session, "_model_bytes", None) is not None:
        session._model_bytes = None  # kept for a fallback that is off; it would be a second copy of the weights
    check_active(providers, session)
    return session


def _session_options(ort: Any, options: Options, context: RunnerContext) -> Any:
    settings = ort.SessionOptions()
    # What ONNX Runtime logs as an error it also raises, and that is told in one line.
    settings.log_severity_level = _WARNING if logging.getLogger(__name__).isEnabledFor(logging.DEBUG) else _FATAL
    level = LEVELS[options.graph_optimization_level]
    settings.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    settings.intra_op_num_threads = options.intra_op_threads
    settings.inter_op_num_threads = options.inter_op_threads
    if options.inter_op_threads > 1:
        settings.execution_mode = ort.ExecutionMode.ORT_PARALLEL  # in the other mode there is nothing for them to do
    if context.one_part:
        settings.enable_cpu_mem_arena = False  # one output that is still in use would keep all of its memory
    config = dict(options.session_config)
    if context.shares_machine and not any(key in config for key in _SPINNING):
        config[_STOP_SPINNING] = "1"
    for key, value in config.items():
        try:
            settings.add_session_config_entry(key, value)
        except ort_exceptions() as error:
            raise UsageError(f"--ort-session-config: ONNX Runtime refuses {key}={value}: {reason(error)}") from error
    for library in options.custom_ops:
        try:
            settings.register_custom_ops_library(library)
        except ort_exceptions() as error:
            raise ModelError(f"cannot load the custom operators in {library!r}: {reason(error)}") from error
    return settings
