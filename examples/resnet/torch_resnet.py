"""ResNet-18 in PyTorch, with the weights of the ONNX file: an answer from a third side."""

# mypy: allow-subclassing-any, allow-untyped-decorators, no-warn-return-any
# (PyTorch is optional: its types are unknown to the checks, which must not depend on whether it is installed.)

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

__all__ = ["TorchResNet"]


def _conv(channels_in: int, channels: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False)


class _Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels_in, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3, 1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = nn.Sequential()
        if channels_in != channels or stride != 1:
            self.downsample = nn.Sequential(_conv(channels_in, channels, 1, stride), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + self.downsample(x))


class TorchResNet(nn.Module):
    """The network that `make_model.py` writes; its parameters are named like the weights in the ONNX file."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(3, 64, 7, 2)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = nn.Sequential(_Block(64, 64, 1), _Block(64, 64, 1))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128, 1))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256, 1))
        self.layer4 = nn.Sequential(_Block(256, 512, 2), _Block(512, 512, 1))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, float32 [N,1000], for images, float32 [N,3,224,224]."""
        y = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean(dim=(2, 3)))

    @classmethod
    def from_onnx(cls, path: Path) -> TorchResNet:
        """The network with the weights of the ONNX file at `path`; a weight too many or too few is an error."""
        if not path.is_file():
            sys.exit(f"there is no model {os.path.relpath(path)}; run: python make_model.py")
        weights = onnx.load(path).graph.initializer
        network = cls()
        network.load_state_dict({weight.name: torch.tensor(numpy_helper.to_array(weight)) for weight in weights})
        return network.eval()

    @torch.inference_mode()
    def infer(self, feed: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The outputs for one feed, both by the names of the ONNX file."""
        return {"y": self(torch.from_numpy(feed["x"])).numpy()}
