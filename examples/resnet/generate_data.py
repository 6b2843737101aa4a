"""One's own data for `trtkit run`: a photograph, prepared the way image networks expect it.

    trtkit run ../../models/ResNet-18.onnx --onnxrt --onnxref --data-loader-script generate_data.py

calls `load_data` and feeds what it yields. Run as a program,

    python generate_data.py

it saves the same inputs to `custom_inputs.json`, and what PyTorch answers to them to `torch_outputs.json`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["load_data", "main", "preprocess"]

HERE = Path(__file__).resolve().parent
PHOTO = HERE / "astronaut.jpg"
MODEL = HERE.parents[1] / "models" / "ResNet-18.onnx"

RESIZED, CROPPED = 256, 224
MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet's red, green and blue
STD = np.array([0.229, 0.224, 0.225], np.float32)


def preprocess(path: Path) -> npt.NDArray[np.float32]:
    """The image at `path` as float32 [1,3,224,224]: shorter side to 256, middle 224x224, normalised, channels first."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    scale = RESIZED / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - CROPPED) // 2, (image.height - CROPPED) // 2
    image = image.crop((left, top, left + CROPPED, top + CROPPED))
    pixels = (np.asarray(image, np.float32) / np.float32(255) - MEAN) / STD
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def load_data() -> Iterator[dict[str, npt.NDArray[Any]]]:
    """One feed per image; the key is the name of the model's input."""
    yield {"x": preprocess(PHOTO)}


def main() -> None:
    """Save the inputs and PyTorch's outputs into the current folder."""
    from trtkit import save_inputs, save_outputs

    feeds = list(load_data())
    save_inputs(feeds, "custom_inputs.json")
    print("saved the inputs to custom_inputs.json")
    try:
        from torch_resnet import TorchResNet
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        sys.exit("generate_data.py: PyTorch's outputs need PyTorch, which is not installed; run: pip install torch")

    network = TorchResNet.from_onnx(MODEL)
    save_outputs([network.infer(feed) for feed in feeds], "torch_outputs.json", runner_name="torch")
    print("saved PyTorch's outputs to torch_outputs.json")


if __name__ == "__main__":
    main()
