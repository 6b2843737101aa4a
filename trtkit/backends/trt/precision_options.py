"""The options of precision, and of the INT8 calibration that weakly typed networks have."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.options import option
from trtkit.precision_config import PRECISIONS, Precision

__all__ = ["CALIBRATING", "CALIBRATORS", "LEGACY", "PrecisionOptions", "asked_precisions"]

LEGACY = "IInt8LegacyCalibrator"

CALIBRATORS = (
    "IInt8EntropyCalibrator2",
    "IInt8MinMaxCalibrator",
    "IInt8EntropyCalibrator",
    LEGACY,
    "IInt8Calibrator",
)
"""TensorRT's base classes of calibrators, the usual one first."""

CALIBRATING = {
    "--calibration-cache": "calibration_cache",
    "--calib-base-cls": "calibration_base_class",
    "--quantile": "quantile",
    "--regression-cutoff": "regression_cutoff",
}
"""The options of calibrators, and their fields."""


@dataclass(frozen=True)
class PrecisionOptions:
    """Which precisions lower than FP32 an engine shall compute in.

    On weak typing they are flags of the builder, which may choose them. On strong typing the ONNX model is rewritten
    (`trtkit.backends.trt.lowering`). The other options, but for `tf32`, need weak typing, which TensorRT has up to its
    release 10; elsewhere they stop the build.

    Raises:
        UsageError: an option of calibration without `int8`, or one that only another calibrator has.
    """

    tf32: bool = option(
        False, "--tf32", help="let matrix products of float32 be computed in TF32 (off by default, unlike in TensorRT)"
    )
    fp16: bool = option(
        False,
        "--fp16",
        help="compute in float16: the builder may choose it (weak typing), or the model is rewritten (strong typing)",
    )
    bf16: bool = option(
        False,
        "--bf16",
        help="compute in bfloat16: the builder may choose it (weak typing), or the model is rewritten (strong typing)",
    )
    fp8: bool = option(
        False,
        "--fp8",
        help="compute in float8: the builder may choose it (weak typing), or the model is quantised with the input "
        "data (strong typing)",
    )
    int8: bool = option(
        False,
        "--int8",
        help="compute in int8, calibrated with the input data unless the model quantises itself: the builder may "
        "choose it (weak typing), or the model is quantised (strong typing)",
    )
    precision_constraints: str = option(
        "none",
        "--precision-constraints",
        help="how far precisions that were set for single layers bind the builder (weak typing only)",
        choices=("prefer", "obey", "none"),
    )
    calibration_cache: Path | None = option(
        None,
        "--calibration-cache",
        help="calibration results of --int8: read where the file exists, else written (weak typing only)",
        parse=Path,
        metavar="PATH",
    )
    calibration_base_class: str = option(
        CALIBRATORS[0],
        "--calib-base-cls",
        "--calibration-base-class",
        metavar="CLASS",
        help="how --int8 calibrates (weak typing only)",
        choices=CALIBRATORS,
    )
    quantile: float | None = option(
        None, "--quantile", help=f"quantile of {LEGACY} (default: 0.5; weak typing only)", parse=float, metavar="Q"
    )
    regression_cutoff: float | None = option(
        None,
        "--regression-cutoff",
        help=f"regression cutoff of {LEGACY} (default: 0.5; weak typing only)",
        parse=float,
        metavar="C",
    )

    def __post_init__(self) -> None:
        defaults = {each.name: each.default for each in fields(PrecisionOptions)}
        calibrating = {flag: getattr(self, name) != defaults[name] for flag, name in CALIBRATING.items()}
        for flag, given in calibrating.items():
            if given and not self.int8:
                raise UsageError(f"{flag} has no effect without --int8")
        if self.calibration_base_class not in CALIBRATORS:
            raise UsageError(
                f"--calib-base-cls is one of {', '.join(CALIBRATORS)}, not {self.calibration_base_class!r}"
            )
        for flag in ("--quantile", "--regression-cutoff"):
            if calibrating[flag] and self.calibration_base_class != LEGACY:
                raise UsageError(f"{flag} has no effect without --calib-base-cls {LEGACY}")


def asked_precisions(options: PrecisionOptions) -> tuple[Precision, ...]:
    """The precisions lower than FP32 that were asked for."""
    return tuple(name for name in PRECISIONS if getattr(options, name))
