"""Running a model under TensorRT: an engine is built, or read, and executed on the GPU."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import set_package, title, trt
from trtkit.backends.trt.build import build_engine, save_engine
from trtkit.backends.trt.build_options import configuring_flags
from trtkit.backends.trt.config import make_config, naming_causes
from trtkit.backends.trt.execution import Execution
from trtkit.backends.trt.logger import collect, trt_logger
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.plugins import load_plugins
from trtkit.cuda.device import gpu_count
from trtkit.errors import FileError, MissingDeviceError, ModelError, UsageError, one_line
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.backends.base import OnnxModel, RunnerContext
    from trtkit.backends.trt.options import Options
    from trtkit.results import Feed, Outputs
    from trtkit.tensors import Sizes, TensorSpecs

__all__ = ["TrtRunner"]

log = logging.getLogger(__name__)


class TrtRunner:
    """One engine with one execution context.

    Args:
        name: its name in results.
        model: an ONNX model, a network script, or an engine.
        options: how the engine is built.
        context: feeds of the run, for the profile of a dynamic model and for calibration.

    Attributes:
        notes: what was decided in the user's place when the engine was built.

    Raises:
        UsageError: the model is an engine, and options ask for something that only a build can do.
    """

    def __init__(self, name: str, model: OnnxModel | ModelFile, options: Options, context: RunnerContext) -> None:
        self.name = name
        self._model = model
        self._options = options
        self._context = context
        self.notes: tuple[str, ...] = ()
        self._stack = ExitStack()
        self._runtime: Any = None
        self._execution: Execution | None = None
        if self._is_engine:
            flags = configuring_flags(options)
            flags += ["--save-engine"] if options.save_engine else []
            if flags:
                raise UsageError(f"{flags[0]} is for building an engine, but {str(model.path)!r} is one already")

    def __enter__(self) -> Self:
        """Build or read the engine.

        Raises:
            MissingDeviceError: there is no GPU; asked before anything else, since building may take minutes.
            MissingPackageError: there is no TensorRT, or no cuda-python.
            WorkError: the engine cannot be built or read.
        """
        set_package(self._options.trt_package)
        package = title()
        if not gpu_count():
            raise MissingDeviceError(
                f"{package} runs models on an NVIDIA GPU, and this machine has none, or no driver for it; "
                "`trtkit convert` builds engines without one under TensorRT-RTX"
            )
        with ExitStack() as stack:
            engine = self._deserialize(self._read() if self._is_engine else self._build())
            self._execution = stack.enter_context(Execution(self.name, engine))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Give everything back, in the order that TensorRT wants."""
        self._execution = None
        self._stack.close()
        self._runtime = None

    def input_specs(self) -> TensorSpecs:
        """The engine's inputs in its order."""
        assert self._execution is not None, "enter the runner first"
        return self._execution.inputs

    def infer(self, feed: Feed) -> Outputs:
        """Run once, host arrays in, host arrays out.

        Raises:
            BackendError: TensorRT or CUDA failed.
        """
        assert self._execution is not None, "enter the runner first"
        return self._execution.run(feed)

    @property
    def _is_engine(self) -> bool:
        return isinstance(self._model, ModelFile) and self._model.kind == "engine"

    def _build(self) -> memoryview:
        with open_network(self._model, self._options) as net:
            config = make_config(net, self._options, shapes=self._shapes(net), feeds=lambda: self._feeds(net))
            with naming_causes(self._options):
                engine = build_engine(net, config)
        if self._options.save_engine is not None:
            save_engine(engine, self._options.save_engine)
            log.info("engine saved to %s", self._options.save_engine)
        return engine

    def _feeds(self, net: Net) -> Iterable[Feed]:
        return self._context.feeds(net.input_specs()) if self._context.feeds else ()

    def _shapes(self, net: Net) -> dict[str, Sizes]:
        """The shapes of the first feed, which make the profile of a dynamic network."""
        if not any(spec.dynamic for spec in net.input_specs().values()):
            return {}
        feeds = self._feeds(net)
        self.notes += tuple(getattr(feeds, "notes", ()))
        first = next(iter(feeds), {})
        return {name: tuple(array.shape) for name, array in first.items()}

    def _read(self) -> bytes:
        path: Path = self._model.path
        load_plugins(self._options.plugins)
        try:
            return path.read_bytes()
        except OSError as error:
            raise FileError(f"cannot read the engine {str(path)!r}: {error.strerror or one_line(error)}") from error

    def _deserialize(self, data: memoryview | bytes) -> Any:
        with collect() as messages:
            self._runtime = trt().Runtime(trt_logger())
            engine = self._runtime.deserialize_cuda_engine(data)
            if engine is None:
                raise ModelError(f"{title()} cannot load the engine of {str(self._model.path)!r}: {messages.text()}")
        return engine
