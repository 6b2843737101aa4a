"""What a search for nodes that must stay in FP32 consists of: the reference, the candidates, and one evaluation."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.backends.onnx.precision.rules import MOVERS
from trtkit.comparator.inputs import InputOptions
from trtkit.debugging.node_errors import NodeError, measure_nodes
from trtkit.debugging.precision_plan import PrecisionSearch
from trtkit.errors import ModelError, one_line
from trtkit.opening import open_file
from trtkit.plan import RunPlan
from trtkit.precision_config import FP32, Decision, PrecisionConfig, write_precision_config
from trtkit.precision_summary import NothingLoweredError
from trtkit.prepare import backend_options
from trtkit.session import run

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.backends.onnx.options import OnnxOptions
    from trtkit.models import ModelFile
    from trtkit.report.model import Report
    from trtkit.results import Feed
    from trtkit.tensors import TensorSpecs

__all__ = ["Bench"]

log = logging.getLogger(__name__)


class Bench:
    """Where sets of nodes are tried: the reference outputs, the feeds, and the model with what can be decided of it.

    Attributes:
        candidates: the nodes that would be computed in a lower precision, by key, in the model's order.
        candidates_in: in which one, by key.
        lower: what is decided for each node where nothing is kept.
        operators: the operator type of each node, by key.
        iterations: how many feeds there are.
    """

    def __init__(self, wanted: PrecisionSearch, folder: Path) -> None:
        """Run the reference.

        Args:
            wanted: what is searched.
            folder: an empty one, for what has to wait on disk.

        Raises:
            ModelError: no node would be computed in a lower precision.
            WorkError, MissingError: as for a run.
        """
        self._wanted = wanted
        self._folder = folder
        self._full = replace(wanted.onnx, keep_fp32=())  # what a run in FP32 takes
        self._numbered = 0
        self._failed: Report | None = None
        self._run_reference()
        self.operators, self.lower = self._decided(wanted.onnx)
        self.candidates_in = {key: each.precision for key, each in self.lower.nodes.items() if each.precision != FP32}
        self.candidates = list(self.candidates_in)
        if not self.candidates:
            raise ModelError(
                f"no node of {str(wanted.model.path)!r} would be computed in {' or '.join(wanted.precisions)}, so "
                "there is nothing to search"
            )

    def passes(self, kept: Collection[str]) -> bool:
        """Whether the outputs match with these candidates kept in FP32.

        A set with which the judge computes nothing in the lower precision is no answer, whatever its outputs are.

        Raises:
            NothingLoweredError: so it is with nothing kept.
        """
        self._numbered += 1
        try:
            report = run(self._plan(kept))
            verdict = report.verdict_text()
        except NothingLoweredError as error:
            if not kept:
                raise
            report, verdict = None, one_line(error)
        log.info(
            "evaluation %d of at most %d: %d of %d nodes kept in FP32: %s",
            self._numbered,
            self._wanted.max_evaluations,
            len(kept),
            len(self.candidates),
            verdict,
        )
        passed = report is not None and report.passed
        self._failed = None if passed else report
        return passed

    def config(self, reasons: Mapping[str, str]) -> PrecisionConfig:
        """What is decided for each node with these candidates kept in FP32, each for its reason."""
        self._write(reasons)
        _, config = self._decided(replace(self._wanted.onnx, precision_config=self._tried))
        decided = {
            key: Decision(FP32, reasons[key]) if key in reasons else replace(each, reason=self._reason(key, each))
            for key, each in config.nodes.items()
        }
        return replace(config, nodes=decided)

    def measured(self) -> dict[str, NodeError]:
        """What the lower precision does to each candidate by itself."""
        from trtkit.backends.registry import find_backend

        options = backend_options(find_backend("onnxrt"), self._wanted.reference)
        level = replace(options, graph_optimization_level="disable_all")  # weights are not rounded ahead and kept twice
        log.info("measuring what each of %d nodes loses by itself", len(self.candidates))
        return measure_nodes(_opened(self._wanted.model, self._full), self.candidates_in, self._feeds, level)

    def why_not_even_fp32(self) -> str:
        """That the tolerance cannot be met, from the evaluation that just failed."""
        assert self._failed is not None
        report = self._failed
        failing = [
            f"output {output.name!r}, {metric.metric}: {metric.worst.summary}"
            for pair in report.pairs
            for output in pair.outputs
            for metric in output.metrics
            if not metric.passed
        ]
        found = [*failing, *(line for pair in report.pairs for line in pair.problems), *report.problems]
        return (
            f"the outputs of {self._wanted.judge.backend} do not match with every node in FP32 either "
            f"({found[0] if found else report.verdict_text()}); allow larger differences, as with --atol and --rtol"
        )

    def _run_reference(self) -> None:
        from trtkit.sequential import take_turn

        wanted = self._wanted
        plan = RunPlan(wanted.model, [wanted.reference], inputs=wanted.inputs, onnx=self._full)
        log.info("running %s in FP32 for the reference", wanted.reference.backend)
        turn = take_turn(plan, 0, self._folder, None, lambda feeds, _: feeds, leaves_feeds=True)
        for note in turn.notes:
            log.info("%s", note)
        self.iterations = len(_saved_feeds(self._inputs))

    @property
    def _inputs(self) -> Path:
        return self._folder / "inputs"

    @property
    def _tried(self) -> Path:
        return self._folder / "tried.toml"

    def _feeds(self, specs: TensorSpecs) -> Iterable[Feed]:
        return _saved_feeds(self._inputs)

    def _decided(self, onnx: OnnxOptions) -> tuple[dict[str, str], PrecisionConfig]:
        """The operators of all nodes, and what is decided for these; the model itself is let go, it may be large."""
        from trtkit.backends.onnx.precision.keys import node_keys

        model = _opened(self._wanted.model, onnx)
        operators = {key: node.op_type for key, node in node_keys(model.structure()).items()}
        config = model.in_precision(self._wanted.precisions, self._feeds).precision_config
        assert config is not None  # a precision is asked for
        return operators, config

    def _reason(self, key: str, decision: Decision) -> str:
        """Why a node is in FP32 that was not chosen here: as before, where it was so before."""
        before = self.lower.nodes.get(key)
        return before.reason if before is not None and before.precision == decision.precision else decision.reason

    def _write(self, kept: Collection[str]) -> None:
        """Write the decisions with these candidates kept in FP32.

        Nodes that only move data are left out unless they are kept: they follow their neighbours.
        """
        nodes = {
            key: Decision(FP32) if key in kept else each
            for key, each in self.lower.nodes.items()
            if key in kept or self.operators[key] not in MOVERS
        }
        write_precision_config(replace(self.lower, nodes=nodes), self._tried)

    def _plan(self, kept: Collection[str]) -> RunPlan:
        wanted = self._wanted
        judge, onnx = wanted.judge_fp32, self._full
        if len(kept) < len(self.candidates):
            self._write(kept)
            judge, onnx = wanted.judge, replace(wanted.onnx, precision_config=self._tried)
        return RunPlan(
            wanted.model,
            [judge],
            load_outputs=[self._folder / "0"],
            inputs=InputOptions(load_inputs=(str(self._inputs),), input_shapes=wanted.inputs.input_shapes),
            onnx=onnx,
            execution=wanted.execution,
            compare=replace(wanted.compare, fail_fast=not wanted.compare.check_average),
        )


def _opened(file: ModelFile, options: OnnxOptions) -> LoadedModel:
    from trtkit.backends.onnx.model import LoadedModel

    model = open_file(file, options)
    assert isinstance(model, LoadedModel)  # it is an ONNX model
    return model


def _saved_feeds(folder: Path) -> Sequence[Feed]:
    from trtkit import files

    return files.read_inputs(folder).runs[0].iterations
