"""The options of precision by builder flags, which weakly typed networks have, and of INT8 calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.options import option

__all__ = ["CALIBRATORS", "LEGACY", "PrecisionOptions"]

LEGACY = "IInt8LegacyCalibrator"

CALIBRATORS = (
    "IInt8EntropyCalibrator2",
    "IInt8MinMaxCalibrator",
    "IInt8EntropyCalibrator",
    LEGACY,
    "IInt8Calibrator",
)
"""TensorRT's base classes of calibrators, the usual one first."""


@dataclass(frozen=True)
class PrecisionOptions:
    """Which precisions the builder may use beside those of the network.

    All but `tf32` need weak typing, which TensorRT has up to its release 10; elsewhere they stop the build.

    Raises:
        UsageError: an option of calibration without `int8`, or one that only another calibrator has.
    """

    tf32: bool = option(
        False, "--tf32", help="let matrix products of float32 be computed in TF32 (off by default, unlike in TensorRT)"
    )
    fp16: bool = option(False, "--fp16", help="let the builder choose float16 (weak typing only)")
    bf16: bool = option(False, "--bf16", help="let the builder choose bfloat16 (weak typing only)")
    fp8: bool = option(False, "--fp8", help="let the builder choose float8 (weak typing only)")
    int8: bool = option(
        False,
        "--int8",
        help="let the builder choose int8, calibrated with the input data unless the model quantises itself "
        "(weak typing only)",
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
        help="calibration results of --int8: read where the file exists, else written",
        parse=Path,
        metavar="PATH",
    )
    calibration_base_class: str = option(
        CALIBRATORS[0],
        "--calib-base-cls",
        "--calibration-base-class",
        metavar="CLASS",
        help="how --int8 calibrates",
        choices=CALIBRATORS,
    )
    quantile: float | None = option(
        None, "--quantile", help=f"quantile of {LEGACY} (default: 0.5)", parse=float, metavar="Q"
    )
    regression_cutoff: float | None = option(
        None, "--regression-cutoff", help=f"regression cutoff of {LEGACY} (default: 0.5)", parse=float, metavar="C"
    )

    def __post_init__(self) -> None:
        calibrating = {
            "--calibration-cache": self.calibration_cache is not None,
            "--calib-base-cls": self.calibration_base_class != CALIBRATORS[0],
            "--quantile": self.quantile is not None,
            "--regression-cutoff": self.regression_cutoff is not None,
        }
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
