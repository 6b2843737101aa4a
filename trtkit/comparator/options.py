"""What to compare and how, as options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trtkit.comparator.metrics import GROUPS, METRICS, expand_metrics, load_metric
from trtkit.comparator.metrics.values import named_outputs as named_in
from trtkit.comparator.postprocess import TopK, check_postprocess, parse_top_k
from trtkit.errors import UsageError
from trtkit.options import option, options_of, parse_count
from trtkit.suggest import did_you_mean

__all__ = ["CompareOptions", "named_outputs"]


def _metric(text: str) -> str:
    expand_metrics([text])
    return text


def _renaming(text: str) -> tuple[str, str]:
    actual, _, expected = text.partition("=")
    if not actual or not expected:
        raise UsageError("expected A=B, the actual output's name and that of the expected one")
    return actual, expected


def _renamings(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    names = [actual for actual, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--map-outputs names the output {name!r} twice; compare it with one output")
    return dict(pairs)


@dataclass(frozen=True)
class CompareOptions:
    """What to compare and how.

    `metrics` holds the options of each metric by its name, as its Options or as a mapping of their fields, e.g.
    `{"simple": {"atol": 1e-3}}`; a metric that is missing there has its defaults. It has no flag of its own: each
    metric's options have theirs.

    `postprocess` and `validate` are carried out by `trtkit.comparator.postprocess.postprocess` and
    `trtkit.comparator.compare.validate_arrays` on each run's results, before they are paired.

    Raises:
        UsageError: options contradict each other, are given for a metric that is not used, or name unknown metrics.
    """

    compare: Sequence[str] = option(
        ("simple",),
        "--compare",
        "--compare-func",
        help="metrics or groups of them; an output has to pass all (default simple)",
        metavar="METRIC",
        choices=(*METRICS, *GROUPS),
        parse=_metric,
        count="+",
        gather=expand_metrics,
    )
    check_average: bool = option(
        False, "--check-average", help="judge each metric's mean over all iterations instead of every iteration"
    )
    no_shape_check: bool = option(
        False,
        "--no-shape-check",
        help="compare outputs of different shapes flattened, if they have equally many elements",
    )
    fail_fast: bool = option(False, "--fail-fast", help="stop at the first output that differs")
    validate: bool = option(False, "--validate", help="fail where an output holds NaN or infinity")
    map_outputs: Mapping[str, str] = option(
        {},
        "--map-outputs",
        help="compare the output A with the expected side's output B",
        metavar="A=B",
        parse=_renaming,
        count="+",
        gather=_renamings,
    )
    postprocess: Sequence[TopK] = option(
        (),
        "--postprocess",
        "--postprocess-func",
        help="replace outputs by the indices of their K largest elements before comparing, for all outputs or for one",
        metavar="[OUT:]top-K[,axis=A]",
        parse=parse_top_k,
        count="+",
    )
    tolerances: str | None = option(
        None,
        "--tolerances",
        help="tolerances of the metric simple by output, from a file such as --calibrate-tolerance writes; --atol, "
        "--rtol and --check-error-stat go before it",
        metavar="FILE.toml",
    )
    worst_samples: int = option(
        5,
        "--worst-samples",
        help="how many of the worst iterations are listed for each output and metric, where there are several",
        parse=parse_count(1),
        metavar="K",
    )
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = (self.compare,) if isinstance(self.compare, str) else self.compare
        object.__setattr__(self, "compare", expand_metrics(names))
        object.__setattr__(self, "metrics", self._metrics())
        if self.worst_samples < 1:
            raise UsageError(f"--worst-samples {self.worst_samples}: at least one is listed")
        if self.check_average and self.fail_fast:
            raise UsageError(
                "--check-average judges after the last iteration, so --fail-fast has no effect; leave one out"
            )
        if self.tolerances is not None and "simple" not in self.compare:
            raise UsageError("--tolerances has no effect without the metric 'simple'; add --compare simple")
        check_postprocess(self.postprocess)
        targets = list(self.map_outputs.values())
        for target in targets:
            if targets.count(target) > 1:
                raise UsageError(f"--map-outputs compares two outputs with {target!r}; compare it with one")

    def _metrics(self) -> dict[str, Any]:
        """The options of the metrics in use, all of them."""
        chosen: dict[str, Any] = {}
        for name, values in self.metrics.items():
            kind = load_metric(name).Options
            given = chosen[name] = values if isinstance(values, kind) else _from_fields(name, kind, values)
            if name not in self.compare:
                for entry, meta in options_of(kind):
                    if getattr(given, entry.name) != getattr(kind(), entry.name):
                        raise UsageError(
                            f"{meta.flags[0]} has no effect without the metric {name!r}; add --compare {name}"
                        )
        return {name: chosen.get(name) or load_metric(name).Options() for name in self.compare}


def _from_fields(metric: str, kind: Any, values: Mapping[str, Any]) -> Any:
    """A metric's options from a mapping of field names to values."""
    if not isinstance(values, Mapping):
        raise UsageError(
            f"the options of the metric {metric!r} are a {type(values).__qualname__}; "
            f"give {kind.__module__}.Options or a mapping of its fields"
        )
    known = [entry.name for entry, _ in options_of(kind)]
    for name in values:
        if name not in known:
            raise UsageError(f"the metric {metric!r} has no option {name!r}{did_you_mean(name, known)}")
    return kind(**values)


def named_outputs(options: CompareOptions) -> dict[str, str]:
    """The outputs that have values of their own among the metrics in use, each with a flag that says so."""
    return {name: flag for each in options.metrics.values() for name, flag in named_in(each).items()}
