"""TensorRT with nothing around it: what the other benchmarks of inference measure themselves against."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bare"]

Array = npt.NDArray[Any]


class Bare:
    """An engine with nothing but TensorRT and CUDA: pinned buffers, one stream, addresses that are known before."""

    def __init__(self, engine: Path, x: Array) -> None:
        self.trt, self.cuda = importlib.import_module("tensorrt"), importlib.import_module("cuda.bindings.runtime")
        self.logger = self.trt.Logger(self.trt.Logger.ERROR)
        self.runtime = self.trt.Runtime(self.logger)
        self.engine = self.runtime.deserialize_cuda_engine(engine.read_bytes())
        self.context = self.engine.create_execution_context()
        self.context.set_input_shape("x", x.shape)
        self.x = x
        self.y_shape = tuple(self.context.get_tensor_shape("y"))
        self.stream = int(self.done(self.cuda.cudaStreamCreate()))
        self.x_bytes, self.y_bytes = x.nbytes, 4 * int(np.prod(self.y_shape))
        self.x_device, self.y_device = (int(self.done(self.cuda.cudaMalloc(n))) for n in (self.x_bytes, self.y_bytes))
        self.context.set_tensor_address("x", self.x_device)
        self.context.set_tensor_address("y", self.y_device)
        self.x_pinned, self.y_pinned = self.pinned(x.shape), self.pinned(self.y_shape)
        self.x_host, self.y_host = self.x_pinned.ctypes.data, self.y_pinned.ctypes.data
        kinds = self.cuda.cudaMemcpyKind
        self.to_gpu, self.to_host = kinds.cudaMemcpyHostToDevice, kinds.cudaMemcpyDeviceToHost
        self.graphs: list[Any] = []
        self.infer()  # a graph needs one inference before, and this leaves the input on the GPU

    def done(self, answer: tuple[Any, ...]) -> Any:
        """The value of a call into CUDA, which has to succeed."""
        if answer[0] != self.cuda.cudaError_t.cudaSuccess:
            raise RuntimeError(f"CUDA failed: {answer[0]}")
        return answer[1] if len(answer) > 1 else None

    def pinned(self, shape: tuple[int, ...]) -> Array:
        """A float32 array in pinned memory."""
        count = int(np.prod(shape))
        address = int(self.done(self.cuda.cudaMallocHost(4 * count)))
        array: Array = np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)
        return array

    def infer(self) -> Array:
        """Host array in, host array out."""
        np.copyto(self.x_pinned, self.x)
        self.done(self.cuda.cudaMemcpyAsync(self.x_device, self.x_host, self.x_bytes, self.to_gpu, self.stream))
        self.execute(output=True)
        self.done(self.cuda.cudaStreamSynchronize(self.stream))
        y: Array = self.y_pinned.copy()
        return y

    def execute(self, output: bool) -> None:
        """Put the inference into the stream, and with `output` the copy to pinned memory."""
        if not self.context.execute_async_v3(self.stream):
            raise RuntimeError("TensorRT failed")
        if output:
            self.done(self.cuda.cudaMemcpyAsync(self.y_host, self.y_device, self.y_bytes, self.to_host, self.stream))

    def launcher(self, output: bool) -> Callable[[], Any]:
        """What launches a graph of `execute`, waits for it, and with `output` gives the host array."""
        mode = self.cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.done(self.cuda.cudaStreamBeginCapture(self.stream, mode))
        self.execute(output)
        captured = self.done(self.cuda.cudaStreamEndCapture(self.stream))
        graph = self.done(self.cuda.cudaGraphInstantiate(captured, 0))
        self.done(self.cuda.cudaGraphDestroy(captured))
        self.graphs.append(graph)

        def launch() -> Array | None:
            self.done(self.cuda.cudaGraphLaunch(graph, self.stream))
            self.done(self.cuda.cudaStreamSynchronize(self.stream))
            return self.y_pinned.copy() if output else None

        return launch

    def close(self) -> None:
        """Give everything back."""
        for graph in self.graphs:
            self.done(self.cuda.cudaGraphExecDestroy(graph))
        self.context = self.engine = self.runtime = None
        for device, host in ((self.x_device, self.x_host), (self.y_device, self.y_host)):
            self.done(self.cuda.cudaFree(device))
            self.done(self.cuda.cudaFreeHost(host))
        self.done(self.cuda.cudaStreamDestroy(self.stream))
