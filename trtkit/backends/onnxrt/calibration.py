"""Ranges of tensors, told from data under ONNX Runtime: what quantising to 8 bits needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trtkit.backends.base import RunnerContext
from trtkit.backends.onnxrt.histogram import Magnitudes, entropy_range, percentile_range
from trtkit.backends.onnxrt.options import Options
from trtkit.backends.onnxrt.runner import OnnxrtRunner
from trtkit.errors import InputError, UsageError

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.precision_config import Method
    from trtkit.results import Feed

__all__ = ["measure_ranges"]


def measure_ranges(
    model: OnnxModel, names: Sequence[str], feeds: Iterable[Feed], method: Method, percentile: float = 99.99
) -> dict[str, float]:
    """The range of each tensor over all feeds: values beyond plus and minus that are cut off when it is quantised.

    Feeds are read one after the other and forgotten; memory holds one of them with its outputs, and a histogram of a
    fixed size for each tensor.

    Args:
        model: among its outputs are all of `names` that are not its inputs.
        names: inputs and outputs of the model.
        feeds: input data; more of it gives ranges that hold for more data.
        method: `minmax` is the largest magnitude; `entropy` and `percentile` leave rare large values out, see
            `trtkit.backends.onnxrt.histogram`.
        percentile: for that method, which share of the magnitudes, in percent, lies in the range.

    Returns:
        For each name at least 0. It is 0 where nothing but zeros was seen, or nothing at all; NaN or infinite where
        such a value was seen.

    Raises:
        InputError: there are no feeds.
        UsageError: the percentile is not above 0 and up to 100.
        FileError, ModelError, BackendError: the model cannot be loaded or run.
    """
    if not 0 < percentile <= 100:
        raise UsageError(f"--calibration-percentile {percentile:g}: expected a number above 0 and up to 100")
    found = {name: Magnitudes(histogram=method != "minmax") for name in names}
    seen = False
    with OnnxrtRunner("calibration", model, Options(), RunnerContext()) as runner:
        for feed in feeds:
            seen = True
            outputs = runner.infer(feed)
            for name, magnitudes in found.items():
                array = feed.get(name) if name not in outputs else outputs[name]
                if array is not None:
                    magnitudes.add(array)
            del outputs
    if not seen:
        raise InputError(
            "there is no input data to tell the ranges of tensors from: give --load-inputs or --data-loader-script "
            "with at least one iteration, or a --precision-config that holds the ranges"
        )
    return {name: _range(magnitudes, method, percentile) for name, magnitudes in found.items()}


def _range(magnitudes: Magnitudes, method: Method, percentile: float) -> float:
    if method == "entropy":
        return entropy_range(magnitudes)
    return percentile_range(magnitudes, percentile) if method == "percentile" else magnitudes.largest
