"""The smallest part of an ONNX model that fails as the whole does, with the inputs that show it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.atomic import check_writable
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import InputOptions, check_feed
from trtkit.debugging.asking import Search
from trtkit.debugging.judges import Judge
from trtkit.debugging.reduction import Mode
from trtkit.errors import FileError, InputError, UsageError
from trtkit.models import ModelFile
from trtkit.precision_config import PrecisionRequest
from trtkit.report.debugging import NodeName, ReduceReport

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.debugging.checks import Outcome
    from trtkit.debugging.parts import Part
    from trtkit.tensors import TensorSpecs

__all__ = ["ReducePlan", "reduce_model"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReducePlan:
    """A reduction.

    Attributes:
        model: the ONNX model that fails.
        output: the .onnx file to write.
        judge: says what fails.
        save_inputs: where the inputs of what is written go; None for `output` with the suffix `.inputs.npz`.
        candidate: where the part lies that is being judged, its inputs beside it with the suffix `.inputs.npz`; None
            for a temporary folder.
        mode: `linear` goes node by node from the start.
        cut_inputs, cut_outputs: whether the part may have other inputs and outputs than the model.
        most: how often the judge is asked at most, the confirmation of the result not counted; None for
            `trtkit.debugging.reduction.most_checks`.
        inputs: the feeds of the whole model.
        onnx: how the model is read and changed before.

    Raises:
        UsageError: it is no ONNX model, options contradict each other, or a file would be written over.
    """

    model: ModelFile
    output: Path
    judge: Judge
    save_inputs: Path | None = None
    candidate: Path | None = None
    mode: Mode = "bisect"
    cut_inputs: bool = True
    cut_outputs: bool = True
    most: int | None = None
    inputs: InputOptions = field(default_factory=InputOptions)
    onnx: OnnxOptions = field(default_factory=OnnxOptions)

    def __post_init__(self) -> None:
        if self.model.kind != "onnx":
            raise UsageError(f"only ONNX models can be reduced; {str(self.model.path)!r} is of type {self.model.kind}")
        if self.output.suffix.lower() != ".onnx":
            raise UsageError(f"-o {str(self.output)!r}: an ONNX model is written; name a file with suffix .onnx")
        if not self.cut_inputs and not self.cut_outputs:
            raise UsageError("--no-reduce-inputs and --no-reduce-outputs leave nothing to reduce; leave one out")
        read = [path.resolve() for path in (self.model.path, *map(Path, self.inputs.load_inputs))]
        written = [path.resolve() for path in (self.output, self.inputs_path, *self.candidate_files)]
        for path in written:
            if path in read:
                raise UsageError(f"{str(path)!r} would be read and written; choose another name")
            if written.count(path) > 1:
                raise UsageError(f"two files would be written as {str(path)!r}; give each a name of its own")

    @property
    def inputs_path(self) -> Path:
        """Where the inputs of the result go."""
        return inputs_beside(self.output) if self.save_inputs is None else self.save_inputs

    @property
    def candidate_files(self) -> tuple[Path, ...]:
        """The files that come and go with each part that is judged, where the user names them."""
        path = self.candidate
        return () if path is None else (path, inputs_beside(path), _weights_beside(path))


def inputs_beside(model: Path) -> Path:
    """The file of the inputs of a model that is written."""
    return model.with_suffix(".inputs.npz")


def _weights_beside(model: Path) -> Path:
    return model.with_name(f"{model.name}.data")


def reduce_model(plan: ReducePlan) -> ReduceReport:
    """Find a small part of a model that fails in the way in which the whole does, and write it with its inputs.

    What is written was judged twice, each time from files written anew, and failed both times.

    Raises:
        UsageError: an option does not fit the model.
        WorkError: the whole model does not fail; the model, an input or a file is at fault; the judge cannot be asked,
            or takes nothing twice for a failure.
        MissingError: a package or device is missing.
    """
    from trtkit.backends.onnx.extract import Extractor
    from trtkit.backends.onnx.precision.selection import kept_nodes
    from trtkit.debugging.partfiles import PartFiles
    from trtkit.debugging.parts import Parts
    from trtkit.opening import open_file

    check_writable(plan.output)
    model: LoadedModel = open_file(plan.model, plan.onnx)  # type: ignore[assignment]  # the plan sees to it
    _check_weights(plan, model)
    if plan.onnx.keep_fp32 and not plan.onnx.fp_to_fp16:
        kept_nodes(model.structure(), PrecisionRequest(("fp16",), plan.onnx.keep_fp32))  # a mistake shows now
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trtkit-")))
        place = stack.enter_context(_candidate_place(plan, work))
        specs, outputs = model.specs()
        feeds = _keep_feeds(plan, specs, work / "feeds")
        extractor = Extractor(model)
        parts = Parts(extractor, list(outputs))
        files = PartFiles(model, extractor, parts, work / "feeds", specs)

        def allowed(part: Part) -> bool:
            if not plan.cut_outputs and set(part.outputs) != set(parts.whole.outputs):
                return False
            return plan.cut_inputs or set(parts.inputs(part)) <= set(specs)

        search = Search(plan.judge, files, parts, place, allowed)
        search.check_whole()
        search.reduce(plan.mode, plan.most)
        part, outcome = search.confirmed()
        files.write(part, plan.output, plan.inputs_path)
        return _report(plan, model, feeds, search, outcome, part == parts.whole)


@contextmanager
def _candidate_place(plan: ReducePlan, work: Path) -> Iterator[tuple[Path, Path]]:
    """Where parts and their inputs are written to be judged; the files are gone afterwards.

    Raises:
        FileError: there are such files, which are somebody's.
    """
    if plan.candidate is None:
        yield work / "part.onnx", work / "inputs"  # a folder: an archive would stay open until nobody has it any more
        return
    for path in plan.candidate_files:
        if path.exists():
            raise FileError(f"{str(path)!r} is there already; remove it, or name another --candidate")
    try:
        yield plan.candidate, inputs_beside(plan.candidate)
    finally:
        for path in plan.candidate_files:
            path.unlink(missing_ok=True)


def _check_weights(plan: ReducePlan, model: LoadedModel) -> None:
    """The model's own external weights must not be written over."""
    from trtkit.backends.onnx.external import extent_of, external_tensors

    weights = {extent_of(tensor, model.data_dir).file.resolve() for tensor in external_tensors(model.structure())}
    for path in (plan.output, plan.candidate):
        if path is not None and (hits := {each.resolve() for each in (path, _weights_beside(path))} & weights):
            raise UsageError(f"{str(hits.pop())!r} holds weights of the model; choose another name")


def _keep_feeds(plan: ReducePlan, specs: TensorSpecs, folder: Path) -> int:
    """Save all feeds, which may be given only once; returns how many there are.

    Raises:
        InputError: there are none, or one does not fit the model.
    """
    from trtkit import files
    from trtkit.comparator.feeds import open_feeds
    from trtkit.measuring import host_side
    from trtkit.results import Iteration

    feeds = open_feeds(plan.inputs, specs)
    for note in feeds.notes:
        log.info("%s", note)
    number = 0
    with files.open_writer(folder, "inputs") as writer:
        for feed in feeds:
            check_feed(number, feed, specs, plan.inputs.input_shapes)
            writer.write(Iteration(host_side(feed)))
            number += 1
    if not number:
        raise InputError(f"{feeds.source} gave no feeds, so there is nothing to run")
    return number


def _report(
    plan: ReducePlan,
    model: LoadedModel,
    feeds: int,
    search: Search,
    outcome: Outcome,
    minimal: bool,
) -> ReduceReport:
    from trtkit.backends.onnx.external import external_tensors
    from trtkit.backends.onnx.partition import operator_name
    from trtkit.backends.onnx.precision.keys import node_keys
    from trtkit.backends.onnx.reading import read_structure
    from trtkit.backends.onnx.shapes import spec_of

    proto, whole = read_structure(plan.output), model.structure().graph
    made = {name: key for key, node in node_keys(model.structure()).items() for name in node.output if name}
    weights = {tensor.name for tensor in proto.graph.initializer}
    nodes = [
        NodeName(made.get(next(filter(None, node.output), ""), node.name), operator_name(node))
        for node in proto.graph.node
    ]
    return ReduceReport(
        model=plan.model.text,
        output=str(plan.output),
        inputs_file=str(plan.inputs_path),
        external_data=str(_weights_beside(plan.output)) if external_tensors(proto) else None,
        minimal=minimal,
        mode=plan.mode,
        checks=search.checks,
        most_checks=search.most,
        skipped=search.skipped,
        feeds=feeds,
        reason=outcome.reason,
        failure=outcome.kind,
        node_count=len(whole.node),
        nodes=nodes,
        inputs=[spec_of(info) for info in proto.graph.input if info.name not in weights],
        outputs=[spec_of(info) for info in proto.graph.output],
        notes=search.notes,
        command=plan.judge.command(plan.output, plan.inputs_path),
    )
