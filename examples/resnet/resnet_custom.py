"""A network that is changed before it is built, and a configuration that insists on FP16.

    trtkit convert resnet_custom.py:custom_network -o resnet_fp32.engine
    trtkit convert resnet_custom.py:custom_network -o resnet_fp16.engine \\
        --trt-config-script=resnet_custom.py:custom_config

Each function is given what its parameters ask for; `trt` is the TensorRT package in use (`tensorrt` or `tensorrt_rtx`).
"""

from __future__ import annotations

from typing import Any

from trtkit import extend_onnx

__all__ = ["custom_config", "custom_network"]


@extend_onnx("../../models/ResNet-18.onnx")  # relative to this file
def custom_network(network: Any) -> None:
    """ResNet-18 for one image at a time, which answers with probabilities: `network` holds the parsed ONNX file."""
    network.name = "ResNet-18 with softmax"

    # The file leaves the number of images open. With one number instead, the builder needs no profile.
    network.get_input(0).shape = (1, 3, 224, 224)

    logits = network.get_output(0)  # "y", [1,1000]
    softmax = network.add_softmax(logits)
    softmax.name = "softmax"
    softmax.axes = 1 << 1  # axes are bits: along axis 1, the classes

    probabilities = softmax.get_output(0)
    probabilities.name = "probabilities"
    network.unmark_output(logits)
    network.mark_output(probabilities)


def custom_config(config: Any, trt: Any) -> None:
    """Let the builder compute in FP16, or stop: better no engine than one that is FP32 in spite of its name."""
    if not hasattr(trt.BuilderFlag, "FP16"):
        raise ValueError(
            "this TensorRT has no builder flag FP16 (TensorRT 11 removed it, TensorRT-RTX never had it): "
            "here the types stand in the network: let it parse trtkit.precision.to_fp16(onnx_model), or build without "
            "this script"
        )
    config.set_flag(trt.BuilderFlag.FP16)
