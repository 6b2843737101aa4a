"""The table of metrics: name to module path. A new metric is one file and one row here.

A metric is a module with these members, in `Metric` as a type. It is handed an `ArrayPair` instead of the two bare
arrays, so that metrics which need the same totals share one pass over memory. Importing it must not import numpy:
its `Options` are read by the command-line parser.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from trtkit.errors import UsageError
from trtkit.suggest import did_you_mean

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.outcome import MetricResult

__all__ = ["GROUPS", "METRICS", "Metric", "expand_metrics", "load_metric"]

METRICS: dict[str, str] = {
    "simple": "trtkit.comparator.metrics.simple",
    "indices": "trtkit.comparator.metrics.indices",
    "l2": "trtkit.comparator.metrics.l2",
    "cosine_similarity": "trtkit.comparator.metrics.cosine_similarity",
    "psnr": "trtkit.comparator.metrics.psnr",
    "snr": "trtkit.comparator.metrics.snr",
    "topk": "trtkit.comparator.metrics.topk",
}

GROUPS: dict[str, tuple[str, ...]] = {
    "distance_metrics": ("l2", "cosine_similarity"),
    "quality_metrics": ("psnr", "snr"),
}


class Metric(Protocol):
    """One way to compare two arrays."""

    Options: type
    """A frozen dataclass of `trtkit.options.option()` fields whose defaults are the metric's."""

    AT_MOST: bool
    """Whether figures must stay below their thresholds; otherwise they must reach them."""

    PERFECT: float | None
    """The infinite figure of equal arrays, which a mean over iterations must leave out; None where there is none."""

    def prepare(self, pair: ArrayPair, options: Any) -> None:
        """Tell the pair what its sweep should find out; `compare` does so too."""

    def compare(self, pair: ArrayPair, options: Any) -> MetricResult:
        """Judge one output.

        Raises:
            InputError: the metric says nothing about arrays of this shape or data type.
        """

    def judge(self, figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> bool:
        """The verdict on figures, be they of one iteration or means over many."""

    def required(self, figures: Mapping[str, float], thresholds: Mapping[str, float | str]) -> str:
        """The options that would let figures pass which did not, or why none would."""


@functools.cache
def load_metric(name: str) -> Metric:
    """Import the metric of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in METRICS:
        if name == "perceptual_metrics":
            raise UsageError(
                "the metric 'perceptual_metrics' (LPIPS) is left out of trtkit; use psnr or snr for images"
            )
        known = [*METRICS, *GROUPS]
        raise UsageError(f"unknown metric {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})")
    return cast("Metric", importlib.import_module(METRICS[name]))


def expand_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """Names with groups replaced by their members, each metric once, in the order of first mention.

    Raises:
        UsageError: a name is neither a metric nor a group.
    """
    every = [metric for name in names for metric in GROUPS.get(name, (name,))]
    for name in every:
        load_metric(name)
    return tuple(dict.fromkeys(every))
