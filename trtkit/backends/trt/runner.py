"""Running a model under TensorRT: an engine is built, or read, and executed on the GPU."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from trtkit.backends.trt.api import set_package, title
from trtkit.backends.trt.build import build_engine, save_engine
from trtkit.backends.trt.build_options import configuring_flags
from trtkit.backends.trt.config import make_config, naming_causes
from trtkit.backends.trt.contexts import profile_ranges
from trtkit.backends.trt.execution import Execution
from trtkit.backends.trt.kept import keeping_fp32
from trtkit.backends.trt.loading import LoadedEngine, load_engine
from trtkit.backends.trt.lowering import lowered
from trtkit.backends.trt.narrowing import model_types, narrowed
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.read_back import account_of, read_back_loaded
from trtkit.cuda.base import open_cuda
from trtkit.cuda.device import Device, current_device, require_gpu
from trtkit.cuda.nvml import gpu_state
from trtkit.errors import UsageError
from trtkit.models import ModelFile

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.backends.base import OnnxModel, RunnerContext
    from trtkit.backends.trt.options import Options
    from trtkit.cuda.base import Cuda
    from trtkit.precision_summary import PrecisionSummary
    from trtkit.results import Feed, Outputs
    from trtkit.tensors import ShapeRange, TensorSpecs
    from trtkit.timing import GpuState, LayerTime

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
        takes_device_arrays: feeds may lie on the GPU; they are used in place.

    Raises:
        UsageError: the model is an engine, and options ask for something that only a build can do.
    """

    takes_device_arrays = True

    def __init__(self, name: str, model: OnnxModel | ModelFile, options: Options, context: RunnerContext) -> None:
        self.name = name
        self._model = model
        self._options = options
        self._context = context
        self.notes: tuple[str, ...] = ()
        self._stack = ExitStack()
        self._execution: Execution | None = None
        self._inputs: TensorSpecs = {}
        self._device: Device | None = None
        self._cuda: Cuda | None = None
        self._precision: PrecisionSummary | None = None
        self._ranges: dict[str, ShapeRange] = {}
        self._made_for: dict[str, ShapeRange] = {}
        if self._is_engine:
            flags = configuring_flags(options)
            flags += ["--save-engine"] if options.save_engine else []
            if flags:
                raise UsageError(f"{flags[0]} is for building an engine, but {str(model.path)!r} is one already")

    def __enter__(self) -> Self:
        """Build or read the engine.

        Raises:
            MissingDeviceError: there is no GPU; asked before anything else, since building may take minutes.
            MissingPackageError: there is no TensorRT, or not the package for CUDA.
            WorkError: the engine cannot be built or read.
        """
        set_package(self._options.trt_package)
        require_gpu(f"{title()} runs models on", "`trtkit convert` builds engines without one under TensorRT-RTX")
        self._cuda = cuda = open_cuda(self._options.cuda_package)
        with cuda.active(), ExitStack() as stack:  # TensorRT takes and gives memory in whichever context is current
            self._device = current_device()
            loaded = stack.enter_context(self._load() if self._is_engine else self._build())
            execution = Execution(self.name, loaded.engine, cuda, self._options, self._context.timed)
            stack.enter_context(execution)
            self._inputs = execution.inputs
            if not isinstance(self._model, ModelFile):
                self._inputs = model_types(execution.inputs, self._model.specs()[0])
            self._ranges = profile_ranges(loaded.engine, self._options.optimization_profile, execution.inputs)
            self._execution = execution
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Give everything back, in the order that TensorRT wants."""
        self._execution = None
        if self._cuda is not None:
            with self._cuda.active():
                self._stack.close()

    def input_specs(self) -> TensorSpecs:
        """The engine's inputs in its order, in the model's types."""
        assert self._execution is not None, "enter the runner first"
        return self._inputs

    def infer(self, feed: Feed) -> Outputs:
        """Run once; arrays on the host or on the GPU in, host arrays out.

        Raises:
            BackendError: TensorRT or CUDA failed.
            InputError: a value does not fit into the engine's type.
        """
        assert self._execution is not None, "enter the runner first"
        return self._execution.run(narrowed(feed, self._execution.inputs, self._inputs))

    def shape_ranges(self) -> dict[str, ShapeRange]:
        """What the profile takes: smallest, likeliest and largest shape of each input of dynamic shape; empty where it
        was made for the shapes of the run."""
        own = all(self._made_for.get(name) == sides for name, sides in self._ranges.items())
        return {} if own else self._ranges

    def gpu_seconds(self) -> float | None:
        """How long the last inference took on the GPU, without copies, by CUDA's events; None where nobody times it."""
        assert self._execution is not None, "enter the runner first"
        return self._execution.gpu_seconds()

    def gpu_state(self) -> GpuState:
        """The GPU that this runs on, and its clocks now."""
        assert self._device is not None, "enter the runner first"
        return gpu_state(self._device.pci_bus_id, self._device.name)

    def layer_times(self, feed: Feed) -> tuple[LayerTime, ...] | None:
        """What each layer takes, in inferences of their own; None where `--profile-layers` does not ask for it.

        Raises:
            BackendError: TensorRT or CUDA failed.
        """
        if self._options.profile_layers is None:
            return None
        assert self._execution is not None, "enter the runner first"
        feed = narrowed(feed, self._execution.inputs, self._inputs)
        return self._execution.layer_times(feed, self._options.profile_layers)

    def precision_summary(self) -> PrecisionSummary | None:
        """What the engine computes in, as it was read back after it was built; None for an engine that was loaded."""
        return self._precision

    @property
    def _is_engine(self) -> bool:
        return isinstance(self._model, ModelFile) and self._model.kind == "engine"

    def _load(self, built: memoryview | None = None) -> LoadedEngine:
        """The engine of the model's file, or one that was just built."""
        options = self._options
        return load_engine(
            self._model.path if built is None else built,
            plugins=options.plugins,
            load_runtime=options.load_runtime,
            weight_streaming_budget=options.weight_streaming_budget,
            dla_workspace_allocation_strategy=options.dla_workspace_allocation_strategy,
        )

    def _build(self) -> LoadedEngine:
        lower = lowered(self._model, self._options, self._options, self._context.feeds)
        with open_network(lower.model, self._options) as net:
            account = account_of(net, lower.asked)
            options = keeping_fp32(net, lower)
            ranges = self._data_ranges(net)
            self._made_for = {} if options.min_shapes or options.opt_shapes or options.max_shapes else ranges
            config = make_config(
                net,
                options,
                ranges=ranges,
                feeds=lambda: self._feeds(net),
                cuda_package=options.cuda_package,
            )
            with naming_causes(options):
                engine = build_engine(net, config)
        loaded = self._load(engine)
        try:
            self._precision = read_back_loaded(account, loaded.engine)
            if options.save_engine is not None:
                save_engine(engine, options.save_engine)
                log.info("engine saved to %s", options.save_engine)
        except BaseException:
            loaded.close()
            raise
        return loaded

    def _feeds(self, net: Net) -> Iterable[Feed]:
        return self._context.feeds(net.input_specs()) if self._context.feeds else ()

    def _data_ranges(self, net: Net) -> dict[str, ShapeRange]:
        """The shapes of the first feed, or all between which they are swept: the profile of a dynamic network."""
        if not any(spec.dynamic for spec in net.input_specs().values()):
            return {}
        feeds = self._feeds(net)
        if swept := getattr(feeds, "shape_ranges", None):
            return dict(swept)  # the notes of a sweep come with the feeds that are run
        self.notes += tuple(getattr(feeds, "notes", ()))
        first = next(iter(feeds), {})
        return {name: (tuple(array.shape),) * 3 for name, array in first.items()}
