"""A precision that was asked for, by the right means: builder flags on weak typing, a rewritten model on strong typing.

lower = lowered(model, network_options, build_options, feeds)
with open_network(lower.model, network_options) as net:
    account = account_of(net, lower.asked)
    build = make_config(net, keeping_fp32(net, lower), ...)
    engine = build_engine(net, build)
    summary = read_back(account, engine)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from trtkit.backends.trt.api import need, set_package, strongly_typed_only, title
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.precision import in_the_graph
from trtkit.backends.trt.precision_options import CALIBRATING, asked_precisions
from trtkit.errors import ModelError
from trtkit.models import ModelFile
from trtkit.precision_config import EIGHT_BITS

if TYPE_CHECKING:
    from trtkit.backends.base import OnnxModel
    from trtkit.backends.trt.network_options import NetworkOptions
    from trtkit.precision_config import Precision
    from trtkit.results import Feed
    from trtkit.tensors import TensorSpecs

__all__ = ["BOTH_TYPINGS", "B", "Lowered", "lowered"]

B = TypeVar("B", bound=BuildOptions)

BOTH_TYPINGS = ("--keep-fp32", "--precision-config")
"""What a model's own options of precision say that builder flags can honour too."""


@dataclass(frozen=True)
class Lowered(Generic[B]):
    """What is to be built.

    Attributes:
        model: the model; on strong typing rewritten to the precisions that were asked for.
        options: how it is built; on strong typing without the flags of those precisions.
        asked: the precisions lower than FP32 that were asked for.
        by_flags: the builder gets them as flags: the network is weakly typed.
    """

    model: OnnxModel | ModelFile
    options: B
    asked: tuple[Precision, ...]
    by_flags: bool


def lowered(
    model: OnnxModel | ModelFile,
    network: NetworkOptions,
    options: B,
    feeds: Callable[[TensorSpecs], Iterable[Feed]] | None,
) -> Lowered[B]:
    """Prepare a model for the precisions that the options ask for. The package becomes that of the process.

    Args:
        model: an ONNX model as loaded, or a network script.
        network: how it becomes a network.
        options: how that is built.
        feeds: the input data of a model with these inputs, for 8 bits on strong typing.

    Raises:
        ModelError: on strong typing, an option of weak typing, or a script, which cannot be rewritten; on weak typing,
            an option of rewriting; or the model cannot be rewritten.
        UsageError, InputError, FileError: as for `OnnxModel.in_precision`.
        MissingPackageError: there is no TensorRT.
    """
    set_package(network.trt_package)
    asked = asked_precisions(options)
    if network.strongly_typed:
        need("NetworkDefinitionCreationFlag.STRONGLY_TYPED", "--strongly-typed", "leave the option out")
    elif not strongly_typed_only():
        if asked and not isinstance(model, ModelFile):
            _check_choices(model)
        return Lowered(model, options, asked, True)
    _check_flags(network, options)
    if asked:
        if isinstance(model, ModelFile):
            raise _of_a_script(model, asked)
        model = model.in_precision(asked, feeds)
    return Lowered(model, _without(options, asked), asked, False)


def _check_choices(model: OnnxModel) -> None:
    """Stop at choices of rewriting where nothing is rewritten."""
    for flag in model.precision_choices:
        if flag not in BOTH_TYPINGS:
            raise ModelError(
                f"{flag} is for rewriting the model, and on weak typing nothing is rewritten: {title()} chooses the "
                "precision; leave it out, add --strongly-typed where this TensorRT has it, or rewrite the model first "
                "(trtkit convert MODEL.onnx -o lower.onnx)"
            )


def _check_flags(network: NetworkOptions, options: BuildOptions) -> None:
    """Stop at what only builder flags can do."""
    given = {
        "--layer-precisions": bool(network.layer_precisions),
        "--precision-constraints": options.precision_constraints != "none",
        **{flag: getattr(options, name) != getattr(BuildOptions(), name) for flag, name in CALIBRATING.items()},
    }
    for flag, is_given in given.items():
        if is_given:
            raise in_the_graph(flag, asked_for_strong=network.strongly_typed)


def _of_a_script(model: ModelFile, asked: tuple[Precision, ...]) -> ModelError:
    flags = " ".join(f"--{precision}" for precision in asked)
    feeds = ", feeds" if asked[0] in EIGHT_BITS else ""
    call = f"trtkit.precision.to_{asked[0]}(onnx_model{feeds})"
    return ModelError(
        f"{flags}: {str(model.path)!r} is a network script, and its network is strongly typed: precision stands in the "
        f"script, which is not rewritten; leave {flags} out, and parse {call} there, or give the tensors "
        "that type"
    )


def _without(options: B, asked: Iterable[Precision]) -> B:
    """The options without the flags of precisions."""
    off = dict.fromkeys(asked, False)
    return replace(options, **off) if off else options  # type: ignore[arg-type]  # they are fields of BuildOptions
