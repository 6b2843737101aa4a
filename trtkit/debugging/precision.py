"""Which nodes of an ONNX model must stay in FP32 so that the outputs match, found by running it again and again."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

from trtkit.atomic import check_writable
from trtkit.debugging.node_errors import NodeError, in_order_of_suspicion
from trtkit.debugging.precision_bench import Bench
from trtkit.debugging.precision_plan import PrecisionSearch
from trtkit.debugging.search import Found, Trials, find_small_set
from trtkit.errors import ModelError
from trtkit.precision_config import write_precision_config
from trtkit.report.precision_search import KeptNode, PrecisionSearchReport

__all__ = ["search_precision"]

log = logging.getLogger(__name__)


def search_precision(wanted: PrecisionSearch) -> PrecisionSearchReport:
    """Find a small set of nodes that have to stay in FP32, and write it down where that is asked for.

    Every evaluation is a run (`trtkit.session.run`) on all feeds, compared with the same reference outputs. They and
    the feeds wait in a temporary folder meanwhile.

    Raises:
        UsageError: the plan makes no sense for this model.
        ModelError: nothing in the model would be computed in these precisions, or the outputs do not match in FP32
            either.
        WorkError, MissingError: as for a run.
    """
    if wanted.output is not None:
        check_writable(wanted.output)
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder:
        bench = Bench(wanted, Path(folder))
        trials = Trials(bench.passes, wanted.max_evaluations)
        errors: Mapping[str, NodeError] = {}
        if trials(()):
            found = Found((), minimal=True)
        elif not trials(bench.candidates):
            raise ModelError(bench.why_not_even_fp32())
        else:
            errors = bench.measured()
            ordered, overflowing = in_order_of_suspicion(errors)
            found = find_small_set(ordered, trials, overflowing)
        return _report(wanted, bench, trials, found, errors)


def _report(
    wanted: PrecisionSearch, bench: Bench, trials: Trials, found: Found, errors: Mapping[str, NodeError]
) -> PrecisionSearchReport:
    """What the search came to; the config is written here."""
    chosen = sorted(found.chosen or (), key=bench.candidates.index)
    reasons = {key: errors[key].text(bench.candidates_in[key]) for key in chosen}
    output = None if found.chosen is None else wanted.output
    if output is not None:
        write_precision_config(bench.config(reasons), output)
        log.info("precision config saved to %s", output)
    return PrecisionSearchReport(
        model=wanted.model.text,
        precisions=wanted.precisions,
        judge=wanted.judge.backend,
        found=found.chosen is not None,
        minimal=found.minimal,
        kept=tuple(
            KeptNode(
                key, bench.operators[key], reasons[key], errors[key].error, errors[key].overflows, errors[key].magnitude
            )
            for key in chosen
        ),
        candidates=len(bench.candidates),
        nodes=len(bench.lower.nodes),
        iterations=bench.iterations,
        evaluations=trials.count,
        max_evaluations=trials.limit,
        output=None if output is None else str(output),
    )
