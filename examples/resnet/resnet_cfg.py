"""The builder configuration of `resnet_def.py`: for how many images to optimise, and FP16 if the builder decides it.

    trtkit convert resnet_def.py --trt-config-script resnet_cfg.py -o resnet.engine

`load_config` is the function that trtkit calls unless another one is named. It is given what its parameters ask for.
The flags of the command line were applied to `config` before; the function changes what it wants to have otherwise.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_config"]


def load_config(builder: Any, network: Any, config: Any, trt: Any, logger: Any) -> None:
    """Optimise for 1 to 16 images, best for 4; on a weakly typed network, let the builder choose FP16 too."""
    # One profile gives the smallest, the best and the largest shape of each input whose shape is open.
    profile = builder.create_optimization_profile()
    profile.set_shape("x", min=(1, 3, 224, 224), opt=(4, 3, 224, 224), max=(16, 3, 224, 224))
    config.add_optimization_profile(profile)

    if is_strongly_typed(network, trt):
        # A strongly typed network says itself which type each tensor has, and this one says float32. There is no flag
        # to set, so this line says what will be built. resnet_custom.py stops here instead: it insists on FP16.
        logger.log(trt.ILogger.WARNING, "resnet_cfg.py: the network is strongly typed, so it is built in its own FP32")
    else:
        config.set_flag(trt.BuilderFlag.FP16)  # allows FP16 wherever it is faster
        logger.log(trt.ILogger.INFO, "resnet_cfg.py: FP16 is on")


def is_strongly_typed(network: Any, trt: Any) -> bool:
    """Whether the network decides the types, and not the builder: always so on TensorRT 11 and on TensorRT-RTX."""
    if not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        return False  # TensorRT 8.6 knows no such networks
    return bool(network.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
