"""The options of rewriting an ONNX model so that it computes in a lower precision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.options import changed_flags, choice, option
from trtkit.precision_config import EIGHT_BITS, METHODS, TOOLS, Precision, PrecisionRequest, read_precision_config

__all__ = ["PERCENTILE", "OnnxPrecisionOptions"]

PERCENTILE = 99.99


def _percentile(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError("expected a percentage such as 99.99") from None
    if not 0 < value <= 100:
        raise UsageError("expected a percentage above 0, at most 100")
    return value


@dataclass(frozen=True)
class OnnxPrecisionOptions:
    """How a model is rewritten wherever one is asked to compute in a lower precision.

    Raises:
        UsageError: a combination in which one option would have no effect.
    """

    fp_to_fp16: bool = option(
        False, "--fp-to-fp16", help="rewrite the model to compute in float16 before any backend gets it"
    )
    keep_fp32: tuple[str, ...] = option(
        (),
        "--keep-fp32",
        help="nodes that stay in FP32 where a lower precision is asked for: names, globs such as '/head/*', or "
        "operator types such as Softmax",
        metavar="NODE",
        count="+",
    )
    precision_config: Path | None = option(
        None,
        "--precision-config",
        help="which precision each node computes in, from a file that --save-precision-config or "
        "`trtkit debug precision` wrote",
        parse=Path,
        metavar="FILE.toml",
    )
    save_precision_config: Path | None = option(
        None,
        "--save-precision-config",
        help="write which precision was decided on for each node, and why",
        parse=Path,
        metavar="FILE.toml",
    )
    precision_tool: str = option(
        "trtkit",
        "--precision-tool",
        help="who rewrites the model: trtkit, or NVIDIA's modelopt where it is installed",
        parse=choice(*TOOLS),
        choices=TOOLS,
    )
    calibration_method: str = option(
        "minmax",
        "--calibration-method",
        help="how the ranges of activations are told from the input data where a model is rewritten to int8 or fp8",
        parse=choice(*METHODS),
        choices=METHODS,
    )
    calibration_percentile: float = option(
        PERCENTILE,
        "--calibration-percentile",
        help="the share of magnitudes, in percent, that --calibration-method percentile puts into the range",
        parse=_percentile,
        metavar="PERCENT",
    )

    def __post_init__(self) -> None:
        if self.calibration_percentile != PERCENTILE and self.calibration_method != "percentile":
            raise UsageError("--calibration-percentile has no effect without --calibration-method percentile")

    @property
    def precision_choices(self) -> list[str]:
        """The flags given that have no effect unless some precision is asked for."""
        others = {each for each in self.__dataclass_fields__ if each not in OnnxPrecisionOptions.__dataclass_fields__}
        return changed_flags(self, others | {"fp_to_fp16"})

    def check_asked(self, precisions: Collection[str], todo: str) -> None:
        """Stop at a flag that has no effect where these precisions are asked for.

        Args:
            precisions: all that are asked for elsewhere; `fp_to_fp16` asks for one here.
            todo: how a precision can be asked for.

        Raises:
            UsageError: there is one.
        """
        if not precisions and not self.fp_to_fp16:
            for flag in self.precision_choices:
                raise UsageError(f"{flag} has no effect, since no lower precision is asked for; {todo}")
        if not set(EIGHT_BITS) & set(precisions) and self.calibration_method != METHODS[0]:
            raise UsageError("--calibration-method has no effect without int8 or fp8: 16 bits need no ranges")

    def precision_request(self, precisions: Sequence[Precision]) -> PrecisionRequest:
        """What is asked for with these precisions.

        Raises:
            UsageError: they exclude each other, or there is a file of decisions for others.
            FileError: that file cannot be read.
        """
        config = None if self.precision_config is None else read_precision_config(self.precision_config)
        if config is not None and not set(config.precisions) <= set(precisions):
            raise UsageError(
                f"--precision-config {str(self.precision_config)!r} was written for {' and '.join(config.precisions)}, "
                f"and {' and '.join(precisions)} is asked for"
            )
        return PrecisionRequest(
            tuple(precisions),
            keep_fp32=self.keep_fp32,
            config=config,
            tool=self.precision_tool,  # type: ignore[arg-type]  # `choices` sees to it
            method=self.calibration_method,  # type: ignore[arg-type]
            percentile=self.calibration_percentile,
        )
