"""Casting to 16 bits by AutoCast of NVIDIA's modelopt, where `--precision-tool modelopt` asks for it.

Installed with its own extra `onnx`, modelopt wants older releases of ONNX and ONNX Runtime than trtkit's users have.
The casting works beside current ones with the packages of `trtkit[modelopt]` (docs/decisions/0011-casting.md).
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.dtypes import NUMBERS
from trtkit.backends.onnx.external import load_weights
from trtkit.backends.onnx.precision.decide import DTYPE_OF
from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.precision.network import Unit, read_network
from trtkit.backends.onnx.precision.rules import BLIND
from trtkit.backends.onnx.reading import onnx_module
from trtkit.errors import ModelError, UsageError, one_line
from trtkit.optional import require
from trtkit.precision_config import FP32, Decision, PrecisionConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

    from trtkit.precision_config import PrecisionRequest

__all__ = ["rewrite_with_modelopt"]

_WITHOUT = "leave out --precision-tool"


def rewrite_with_modelopt(
    model: ModelProto, root: Path, request: PrecisionRequest, chosen: Mapping[str, Decision]
) -> PrecisionConfig:
    """Rewrite a model with modelopt's AutoCast. Nodes without a name, or with that of another, get their key as name.

    Args:
        model: changed in place; all weights move into it.
        root: the folder of its external data.
        request: what is asked for: fp16 or bf16.
        chosen: what the user has decided, by key.

    Returns:
        What modelopt decided for each node that computes in floating point.

    Raises:
        UsageError: 8 bits are asked for.
        MissingPackageError: modelopt is not installed.
        ModelError: modelopt fails, or what it makes is no valid model.
    """
    if len(request.precisions) > 1 or request.precisions[0] not in DTYPE_OF:
        raise UsageError(f"--precision-tool modelopt casts to fp16 or bf16 only; for 8 bits {_WITHOUT}")
    precision = request.precisions[0]
    with contextlib.redirect_stdout(sys.stderr):  # modelopt prints, and logs to what stdout is when it is imported
        autocast = require("modelopt.onnx.autocast", "trtkit[modelopt]", "--precision-tool modelopt")
        for handler in logging.getLogger("modelopt.onnx").handlers:
            handler.setLevel(logging.WARNING)
        for key, node in node_keys(model).items():
            node.name = key
        keys = {unit.key for unit in read_network(model).units if _computes(unit)}
        made = _run(autocast, model, root, precision, chosen)
    number = NUMBERS[DTYPE_OF[precision]]
    found = {
        unit.node.name: precision if any(each is not None and each.type == number for each in unit.outputs) else FP32
        for unit in read_network(made).units
    }
    model.CopyFrom(made)
    return PrecisionConfig(
        (precision,),
        {key: _decision(found[key], chosen.get(key)) for key in node_keys(model) if key in keys & set(found)},
    )


def _run(autocast: object, model: ModelProto, root: Path, precision: str, chosen: Mapping[str, Decision]) -> ModelProto:
    onnx = onnx_module()
    load_weights(model, root)
    names: dict[bool, list[str]] = {True: [], False: []}
    for key, decision in chosen.items():
        names[decision.precision == FP32].append(f"^{re.escape(key)}$")
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder:
        path = Path(folder) / "model.onnx"
        copy = type(model)()
        copy.CopyFrom(model)
        onnx.save_model(copy, path, save_as_external_data=True, location="model.data")
        try:
            made: ModelProto = autocast.convert_to_mixed_precision(  # type: ignore[attr-defined]  # no types
                str(path),
                low_precision_type=precision,
                nodes_to_exclude=names[True],
                nodes_to_include=names[False],
                keep_io_types=True,
                providers=["cpu"],
            )
            onnx.checker.check_model(made, full_check=True)
            onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)
        except Exception as error:  # foreign code that raises anything
            raise ModelError(f"modelopt cannot rewrite the model: {one_line(error, 300)}; {_WITHOUT}") from error
    return made


def _computes(unit: Unit) -> bool:
    return unit.op not in (*BLIND, "Constant", "ConstantOfShape") and any(unit.floats())


def _decision(precision: str, chosen: Decision | None) -> Decision:
    if chosen is not None and chosen.precision == precision:
        return chosen
    return Decision(precision, "decided by modelopt" if precision == FP32 else "")
