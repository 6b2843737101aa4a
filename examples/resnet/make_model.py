"""Write ResNet-18 as ONNX with weights from a fixed seed: the same bytes on every run, and nothing to download.

    python examples/resnet/make_model.py [OUTPUT]        default: models/ResNet-18.onnx in the project's root

The network is the usual one (He et al., "Deep Residual Learning for Image Recognition", 2015; 1x1 convolutions on the
shortcuts, the stride in the first 3x3 convolution of a block), its batch normalisations are nodes of their own, and its
weights carry the names that PyTorch users know (`layer1.0.conv1.weight`). It has learnt nothing: its answers mean
nothing, but its activations stay of order 1, so that backends differ on it as much as on a trained network.

    input   x   float32 [N,3,224,224]    an image, normalised with ImageNet's mean and standard deviation
    output  y   float32 [N,1000]         logits
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["DEFAULT_PATH", "build", "main", "write"]

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "models" / "ResNet-18.onnx"
SEED = 18
STAGES = ((1, 64, 1), (2, 128, 2), (3, 256, 2), (4, 512, 2))  # number, channels, stride of the first block
CLASSES = 1000


class _Graph:
    """Collects nodes and weights; each method adds one layer and returns the name of its output."""

    def __init__(self) -> None:
        # RandomState's stream is frozen, and uniform numbers need no library function that may round differently.
        self.random = np.random.RandomState(SEED)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, shape: tuple[int, ...], low: float, high: float) -> str:
        values = (self.random.random_sample(shape) * (high - low) + low).astype("<f4")
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op: str, name: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"{name}.out"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name, **attributes))
        return output

    def conv(self, name: str, x: str, shape: tuple[int, int, int, int], stride: int) -> str:
        """A convolution without bias, initialised after He et al. for ReLU: variance 2 / fan-in."""
        kernel = shape[2]
        limit = math.sqrt(6.0 / math.prod(shape[1:]))  # a uniform distribution over +-limit has the variance limit^2/3
        weight = self.weight(f"{name}.weight", shape, -limit, limit)
        return self.node(
            "Conv", name, x, weight, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4
        )

    def norm(self, name: str, x: str, channels: int, gain: float) -> str:
        """A batch normalisation; `gain` is the middle of its scales."""
        shape = (channels,)
        return self.node(
            "BatchNormalization",
            name,
            x,
            self.weight(f"{name}.weight", shape, 0.8 * gain, 1.2 * gain),
            self.weight(f"{name}.bias", shape, -0.2, 0.2),
            self.weight(f"{name}.running_mean", shape, -0.2, 0.2),
            self.weight(f"{name}.running_var", shape, 0.8, 1.2),
            epsilon=1e-5,
        )

    def block(self, name: str, x: str, channels_in: int, channels: int, stride: int) -> str:
        """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""
        y = self.conv(f"{name}.conv1", x, (channels, channels_in, 3, 3), stride)
        y = self.norm(f"{name}.bn1", y, channels, 1.0)
        y = self.node("Relu", f"{name}.relu1", y)
        y = self.conv(f"{name}.conv2", y, (channels, channels, 3, 3), 1)
        y = self.norm(f"{name}.bn2", y, channels, 0.5)
        shortcut = x
        if channels_in != channels or stride != 1:
            shortcut = self.conv(f"{name}.downsample.0", x, (channels, channels_in, 1, 1), stride)
            shortcut = self.norm(f"{name}.downsample.1", shortcut, channels, 0.7)
        y = self.node("Add", f"{name}.add", y, shortcut)
        return self.node("Relu", f"{name}.relu2", y)


def build() -> onnx.ModelProto:
    """ResNet-18 with batch normalisation, opset 17, IR version 9."""
    graph = _Graph()
    y = graph.conv("conv1", "x", (64, 3, 7, 7), 2)
    y = graph.norm("bn1", y, 64, 0.7)
    y = graph.node("Relu", "relu", y)
    y = graph.node("MaxPool", "maxpool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels_in = 64
    for stage, channels, stride in STAGES:
        y = graph.block(f"layer{stage}.0", y, channels_in, channels, stride)
        y = graph.block(f"layer{stage}.1", y, channels, channels, 1)
        channels_in = channels
    y = graph.node("GlobalAveragePool", "avgpool", y)
    y = graph.node("Flatten", "flatten", y)
    weight = graph.weight("fc.weight", (CLASSES, channels_in), -0.2, 0.2)
    bias = graph.weight("fc.bias", (CLASSES,), -0.3, 0.3)
    graph.node("Gemm", "fc", y, weight, bias, output="y", transB=1)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ResNet-18",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 224, 224])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
        producer_name="trtkit examples",
    )


def write(path: Path = DEFAULT_PATH) -> Path:
    """Write the model to `path`, all of it or nothing, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(build().SerializeToString(deterministic=True))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def main() -> None:
    """Write the model where the command line says, and print where that is."""
    parser = argparse.ArgumentParser(description="Write ResNet-18 as ONNX with weights from a fixed seed.")
    parser.add_argument("output", nargs="?", type=Path, default=DEFAULT_PATH, help="default: %(default)s")
    print(write(parser.parse_args().output))


if __name__ == "__main__":
    main()
