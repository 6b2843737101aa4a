"""From options to an ONNX Runtime session."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trtkit.backends.onnxrt.failures import load_failure, ort_exceptions, reason
from trtkit.backends.onnxrt.options import LEVELS, Options
from trtkit.backends.onnxrt.providers import check_active, resolve, resolve_options
from trtkit.errors import ModelError, UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trtkit.backends.base import MappedModel, OnnxModel, RunnerContext

__all__ = ["make_session"]

logger = logging.getLogger(__name__)

_DATA_DIR = "session.model_external_initializers_file_folder_path"

_STOP_SPINNING = "session.force_spinning_stop"
"""Threads that wait for work spin. This stops them when an inference ends: an idle session must not take processor
time from the one that is measured. Figures are in docs/decisions/0004-onnxruntime-spinning.md."""

_SPINNING = (_STOP_SPINNING, "session.intra_op.allow_spinning")

_KNOWS_DATA_DIR = (1, 21)
"""The first release that knows `_DATA_DIR`; before, it is ignored, and data is looked for in the working directory."""

_CPU = "CPUExecutionProvider"

_FATAL, _WARNING = 4, 2


def make_session(ort: Any, model: OnnxModel, options: Options, context: RunnerContext) -> Any:
    """An `onnxruntime.InferenceSession` of the model.

    A model that is a file is loaded by ONNX Runtime itself, unless its weights can be mapped out of that file. An
    edited one goes there as bytes, its external data is read from where it lies, and the bytes are let go afterwards.

    Raises:
        UsageError: a provider or an option of one does not exist.
        MissingError: this machine does not have a provider.
        FileError, ModelError: ONNX Runtime cannot load the model or a library of custom operators; or its file changed
            meanwhile.
    """
    known, available = ort.get_all_providers(), ort.get_available_providers()
    providers = resolve(options.providers, known, available)
    values = resolve_options(options.provider_options, providers, known)

    def load(source: str | bytes, settings: Any) -> Any:
        return ort.InferenceSession(source, settings, providers=providers, provider_options=values, enable_fallback=0)

    settings = _session_options(ort, options, context)
    mapped = model.mapped() if _may_map(ort, options, providers) else None
    session = None
    if mapped is not None:
        session = _mapped_session(mapped, _session_options(ort, options, context), load)
    if session is None:
        file = model.as_file()
        source: str | bytes = str(file) if file is not None else model.graph_bytes()
        if file is None:
            settings.add_session_config_entry(_DATA_DIR, str(model.data_dir.resolve()))
        try:
            session = load(source, settings)
        except ort_exceptions() as error:
            raise load_failure(error, model.path, ort) from error
    if getattr(session, "_model_bytes", None) is not None:
        session._model_bytes = None  # kept for a fallback that is off; it may be a second copy of the weights
    check_active(providers, session)
    return session


def _may_map(ort: Any, options: Options, providers: Sequence[str]) -> bool:
    """Whether to map weights if there are some to be mapped.

    On other providers than the CPU weights are copied to where they compute, and some look for the path of the model.
    """
    if options.map_weights == "never" or _DATA_DIR in options.session_config:
        return False
    if options.map_weights == "auto" and list(providers) != [_CPU]:
        return False
    release = tuple(int(part) for part in ort.__version__.split(".")[:2])
    return release >= _KNOWS_DATA_DIR


def _mapped_session(mapped: MappedModel, settings: Any, load: Callable[[bytes, Any], Any]) -> Any:
    """A session that maps large weights out of the model's file; None where that is refused: then ONNX Runtime is to
    say itself what it does not like about the model."""
    settings.add_session_config_entry(_DATA_DIR, str(mapped.folder))
    try:
        session = load(mapped.data, settings)
    except ort_exceptions() as error:
        logger.debug("the weights are not mapped, ONNX Runtime reads the model itself: %s", one_line(error))
        return None
    mapped.check_unchanged()
    logger.info("weights of %s are mapped", mapped.file)
    return session


def _session_options(ort: Any, options: Options, context: RunnerContext) -> Any:
    settings = ort.SessionOptions()
    # What ONNX Runtime logs as an error it also raises, and that is told in one line.
    settings.log_severity_level = _WARNING if logger.isEnabledFor(logging.DEBUG) else _FATAL
    level = LEVELS[options.graph_optimization_level]
    settings.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    settings.intra_op_num_threads = options.intra_op_threads
    settings.inter_op_num_threads = options.inter_op_threads
    if options.inter_op_threads > 1:
        settings.execution_mode = ort.ExecutionMode.ORT_PARALLEL  # in the other mode there is nothing for them to do
    if context.one_part:
        settings.enable_cpu_mem_arena = False  # one output that is still in use would keep all of its memory
    config = dict(options.session_config)
    if options.map_weights == "always":
        config.setdefault("session.disable_prepacking", "1")
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
