"""ResNet-18 from nothing, layer by layer, with TensorRT's Python API.

    trtkit convert resnet_def.py --trt-config-script resnet_cfg.py -o resnet.engine

`load_network` is the function that trtkit calls unless another one is named. It is given what its parameters ask for:
`network` is an empty network, `trt` the TensorRT package in use (`tensorrt` or `tensorrt_rtx`). Nothing below depends
on which one that is: the same lines make a weakly typed network (TensorRT 8.6 to 10) and a strongly typed one
(TensorRT 11, TensorRT-RTX).

It is the network of `make_model.py` with the same weights, so it gives the same answers as `models/ResNet-18.onnx`:

    input   x   float32 [N,3,224,224]    an image, normalised with ImageNet's mean and standard deviation
    output  y   float32 [N,1000]         logits
"""

from __future__ import annotations

from typing import Any

import numpy as np
from make_model import CLASSES, STAGES, build
from onnx import numpy_helper

__all__ = ["load_network"]


def load_network(network: Any, trt: Any) -> None:
    """Fill `network` with ResNet-18; N, the number of images, stays open until the engine runs."""
    network.name = "ResNet-18"  # `trtkit inspect model` shows it
    resnet = _ResNet(network, trt)
    x = network.add_input("x", trt.float32, (-1, 3, 224, 224))  # -1: any size
    x.set_dimension_name(0, "N")

    y = resnet.relu("relu", resnet.conv("conv1", "bn1", x, stride=2))
    pool = network.add_pooling_nd(y, trt.PoolingType.MAX, (3, 3))
    pool.name = "maxpool"
    pool.stride_nd = (2, 2)
    pool.padding_nd = (1, 1)
    y = pool.get_output(0)

    for number, _, stride in STAGES:
        y = resnet.block(f"layer{number}.0", y, stride)
        y = resnet.block(f"layer{number}.1", y, 1)

    # Axes are bits: height is axis 2, width axis 3.
    average = network.add_reduce(y, trt.ReduceOperation.AVG, axes=1 << 2 | 1 << 3, keep_dims=False)
    average.name = "avgpool"
    y = resnet.linear("fc", average.get_output(0))
    y.name = "y"
    network.mark_output(y)


class _ResNet:
    """Adds layers to a network; each method returns the tensor that its last layer computes."""

    def __init__(self, network: Any, trt: Any) -> None:
        self.network = network
        self.trt = trt
        # Name to array. In your own script this may be numpy's load, or the state dict of a PyTorch module.
        self.weights = {weight.name: numpy_helper.to_array(weight) for weight in build().graph.initializer}

    def conv(self, name: str, norm: str, x: Any, stride: int) -> Any:
        """A convolution and the batch normalisation after it, which is folded into its weights.

        norm(conv(x)) = (conv(x) - mean) * scale + bias, where scale = weight / sqrt(variance + epsilon).
        """
        weight, bias, mean, variance = (
            self.weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + np.float32(1e-5))
        kernel = self.weights[f"{name}.weight"] * scale[:, np.newaxis, np.newaxis, np.newaxis]
        channels, _, *size = kernel.shape
        # TensorRT takes float32 arrays as they are, and keeps them alive as long as the network.
        layer = self.network.add_convolution_nd(x, channels, size, kernel, bias - mean * scale)
        layer.name = name
        layer.stride_nd = (stride, stride)
        layer.padding_nd = [side // 2 for side in size]
        return layer.get_output(0)

    def relu(self, name: str, x: Any) -> Any:
        """The larger one of x and 0."""
        layer = self.network.add_activation(x, self.trt.ActivationType.RELU)
        layer.name = name
        return layer.get_output(0)

    def add(self, name: str, a: Any, b: Any) -> Any:
        """The sum of two tensors."""
        layer = self.network.add_elementwise(a, b, self.trt.ElementWiseOperation.SUM)
        layer.name = name
        return layer.get_output(0)

    def block(self, name: str, x: Any, stride: int) -> Any:
        """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""
        y = self.relu(f"{name}.relu1", self.conv(f"{name}.conv1", f"{name}.bn1", x, stride))
        y = self.conv(f"{name}.conv2", f"{name}.bn2", y, 1)
        if f"{name}.downsample.0.weight" in self.weights:
            x = self.conv(f"{name}.downsample.0", f"{name}.downsample.1", x, stride)
        return self.relu(f"{name}.relu2", self.add(f"{name}.add", y, x))

    def constant(self, name: str, values: Any) -> Any:
        """A tensor that never changes."""
        layer = self.network.add_constant(values.shape, values)
        layer.name = name
        return layer.get_output(0)

    def linear(self, name: str, x: Any) -> Any:
        """x W^T + b, for x [N,512], W [1000,512] and b [1,1000]."""
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"].reshape(1, CLASSES))
        operation = self.trt.MatrixOperation
        layer = self.network.add_matrix_multiply(x, operation.NONE, weight, operation.TRANSPOSE)
        layer.name = name
        return self.add(f"{name}.add", layer.get_output(0), bias)
