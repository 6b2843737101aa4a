"""A model or network script to a TensorRT engine, or an ONNX model, as edited, to a new file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import check_feed, check_shape, known_input
from trtkit.convert_plan import ConvertPlan
from trtkit.models import ModelFile
from trtkit.opening import load_file, open_file
from trtkit.precision_summary import check, of_config
from trtkit.report.convert import ConvertReport

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.trt.network import Net
    from trtkit.backends.trt.progress import Progress
    from trtkit.results import Feed
    from trtkit.tensors import TensorSpecs

__all__ = ["convert"]


def convert(plan: ConvertPlan, progress: Progress | None = None) -> ConvertReport:
    """Carry out a plan. The output appears under its name when it is complete.

    Args:
        plan: what to do.
        progress: shows how far a build is, where TensorRT tells.

    Returns:
        What was written. Nothing is printed.

    Raises:
        UsageError: the plan makes no sense for this model.
        WorkError: a file, model, script or build failed; see `trtkit.errors`.
        MissingError: a package or device is missing.
    """
    plan.model_file.check_exists()
    from trtkit.atomic import check_writable

    check_writable(plan.target_path)
    if plan.convert_to == "onnx":
        return _to_onnx(plan)
    return _to_engine(plan, progress)


def _to_onnx(plan: ConvertPlan) -> ConvertReport:
    from trtkit.backends.onnx.apart import read_apart
    from trtkit.backends.onnx.describe import describe
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.backends.onnx.saving import external_target, save_onnx

    began = time.perf_counter()
    model = load_file(plan.model_file, plan.onnx)
    assert isinstance(model, LoadedModel)  # the plan sees to it
    if plan.precisions:
        model = model.in_precision(plan.precisions, _feeds_of(plan))
    config = model.precision_config
    precision = None if config is None else of_config(config)
    if precision is not None:
        check(precision)
    save_onnx(model, plan.onnx)
    beside = external_target(plan.onnx)
    seconds = time.perf_counter() - began
    target = plan.target_path
    described = describe(LoadedModel(target, None, lambda: (read_apart(target), target.parent)))
    return ConvertReport(
        model=plan.model_file.text,
        output=str(plan.output),
        kind="onnx",
        size=plan.target_path.stat().st_size,
        seconds=seconds,
        name=described.name,
        inputs=described.inputs,
        outputs=described.outputs,
        external_data=None if beside is None or not beside.exists() else str(beside),
        opset=described.facts["opset"],
        precision=precision,
    )


def _feeds_of(plan: ConvertPlan) -> Callable[[TensorSpecs], Iterable[Feed]] | None:
    """The input data, each feed checked against the model's inputs; None where none was given."""
    if not plan.data_flags:
        return None

    def feeds(specs: TensorSpecs) -> Iterator[Feed]:
        from trtkit.comparator.feeds import open_feeds

        for index, feed in enumerate(open_feeds(plan.inputs, specs)):
            check_feed(index, feed, specs, plan.inputs.input_shapes)
            yield feed

    return feeds


def _to_engine(plan: ConvertPlan, progress: Progress | None) -> ConvertReport:
    from trtkit.backends.trt.api import package_name, version
    from trtkit.backends.trt.build import build_engine, save_engine
    from trtkit.backends.trt.config import make_config, naming_causes
    from trtkit.backends.trt.kept import keeping_fp32
    from trtkit.backends.trt.lowering import lowered
    from trtkit.backends.trt.network import open_network
    from trtkit.backends.trt.parse import check_ranks
    from trtkit.backends.trt.read_back import account_of, read_back

    feeds_of = _feeds_of(plan)
    # A model that stays as it is goes to TensorRT as the file that it is: nothing here needs to know of ONNX.
    plain = plan.onnx == OnnxOptions() and not plan.precisions
    model = plan.model_file if plain else open_file(plan.model_file, plan.onnx)
    lower = lowered(model, plan.network, plan.build, feeds_of)
    with open_network(lower.model, plan.network) as net:
        if plain and plan.model_file.kind == "onnx":
            check_ranks(net.network, lambda: _opened(plan))
        inputs, outputs = net.input_specs(), net.output_specs()
        _check_shapes(plan, net)
        account = account_of(net, lower.asked)
        shapes = plan.inputs.input_shapes
        feeds = None if feeds_of is None else (lambda: feeds_of(net.input_specs()))
        options = keeping_fp32(net, lower)
        build = make_config(net, options, shapes=shapes or None, feeds=feeds, shapes_must_count=feeds is None)
        name, typing, profiles = net.name, net.typing, build.profiles
        began = time.perf_counter()
        with naming_causes(plan.build):
            engine = build_engine(net, build, progress)
        seconds = time.perf_counter() - began
        precision = read_back(account, engine)
        save_engine(engine, plan.target_path)
    return ConvertReport(
        model=plan.model_file.text,
        output=str(plan.output),
        kind="engine",
        size=engine.nbytes,
        seconds=seconds,
        name=name,
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs.values()),
        profiles=profiles,
        typing=typing,
        package=package_name(),
        version=version(),
        precision=precision,
    )


def _opened(plan: ConvertPlan) -> OnnxModel:
    model = open_file(plan.model_file, plan.onnx)
    assert not isinstance(model, ModelFile)  # its kind is ONNX
    return model


def _check_shapes(plan: ConvertPlan, net: Net) -> None:
    """`--input-shapes` must be true of the network, whether or not a profile needs them; as in a run.

    What is given for a shape input are its values, which the network does not know.
    """
    from trtkit.backends.trt.profiles import open_inputs

    specs, inputs = net.input_specs(), open_inputs(net.network)
    for name, shape in plan.inputs.input_shapes.items():
        spec = known_input(name, specs, "--input-shapes")
        if name not in inputs or not inputs[name].values:
            check_shape(spec, shape, "--input-shapes says")
