"""What a lower precision does to each node of a model by itself, measured over all feeds, and an order of suspicion."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trtkit.backends.base import RunnerContext
from trtkit.errors import WorkError, one_line
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from collections.abc import Callable

    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.backends.onnx.shadow import Shadow
    from trtkit.backends.onnxrt import Options
    from trtkit.results import Array, Feed

__all__ = ["LARGEST", "NodeError", "in_order_of_suspicion", "measure_nodes"]

log = logging.getLogger(__name__)

LARGEST = {"fp16": 65504.0, "bf16": 3.3895313892515355e38}
"""The largest finite values of float16 and bfloat16."""


@dataclass(frozen=True)
class NodeError:
    """What was measured of a node; the worst of all feeds.

    Attributes:
        error: largest difference of a result from that in float32, as a share of the largest magnitude of that result;
            1 where integers or booleans differ. None where the node was not measured.
        beside: the largest error of this node and of those that read its results: what is lost by rounding a tensor is
            measured where it is read, and it takes the maker in FP32 too to avoid it.
        overflows: finite results become infinite or NaN.
        magnitude: the largest finite magnitude among the float32 tensors that it takes and makes.
        tensor: which one that is.
        makes: whether the node makes that tensor; else it takes it.
        limit: the largest finite value of the 16-bit type that the tensors get, if any.
    """

    error: float | None = None
    beside: float = 0.0
    overflows: bool = False
    magnitude: float = 0.0
    tensor: str = ""
    makes: bool = False
    limit: float | None = None

    def text(self, precision: str) -> str:
        """Why the node is under suspicion, in a few words; `precision` is what it was measured in."""
        if self.error is None:
            return "found by trial"
        if self.limit is not None and self.magnitude > self.limit:
            verb = "makes" if self.makes else "takes"
            return f"{verb} values up to {self.magnitude:.3g}, beyond the largest of {precision}, {self.limit:.5g}"
        if self.overflows:
            return f"its result becomes infinite or NaN in {precision}"
        return f"relative error {self.error:.2g} in {precision} by itself"


def measure_nodes(
    model: LoadedModel, precisions: Mapping[str, str], feeds: Callable[[TensorSpecs], Iterable[Feed]], options: Options
) -> dict[str, NodeError]:
    """Measure nodes under ONNX Runtime, in one inference for each feed.

    Args:
        model: the model in float32.
        precisions: the precision to measure each node in, by key.
        feeds: the feeds for a model with these inputs; all of them count.
        options: how ONNX Runtime runs the model.

    Returns:
        An entry for each node, without figures where it could not be measured. Where the model as a whole could not,
        that is logged.
    """
    from trtkit.backends.onnx.shadow import shadow_of
    from trtkit.backends.onnxrt import create

    found = dict.fromkeys(precisions, NodeError())
    limit = next((LARGEST[each] for each in precisions.values() if each in LARGEST), None)
    try:
        shadow = shadow_of(model, precisions)
        with create("measuring", shadow.model, options, RunnerContext()) as runner:
            for feed in feeds(runner.input_specs()):
                (numbers,) = runner.infer(feed).values()
                for key in shadow.errors:
                    found[key] = _worse(found[key], _node_error(shadow, key, numbers, limit))
    except WorkError as error:
        log.warning("nodes are tried in the model's order, since they cannot be measured: %s", one_line(error))
        return dict.fromkeys(precisions, NodeError())
    return _with_readers(shadow, found)


def in_order_of_suspicion(errors: Mapping[str, NodeError]) -> tuple[list[str], int]:
    """The nodes, those that overflow first, then by error; and how many overflow.

    Nodes that were not measured come last, in the model's order.
    """

    def rank(key: str) -> tuple[bool, bool, float, float]:
        each = errors[key]
        size = each.magnitude if each.overflows else each.beside
        return each.error is None, not each.overflows, -size, -(each.error or 0.0)

    return sorted(errors, key=rank), sum(each.overflows for each in errors.values())


def _with_readers(shadow: Shadow, errors: Mapping[str, NodeError]) -> dict[str, NodeError]:
    """The errors, with those of the nodes that read each node's results."""
    read: dict[str, float] = {}
    for key, use in shadow.uses.items():
        for name in use.inputs:
            read[name] = max(read.get(name, 0.0), errors[key].error or 0.0)
    found = dict(errors)
    for key, use in shadow.uses.items():
        own = errors[key].error or 0.0
        found[key] = replace(errors[key], beside=max(own, *(read.get(name, 0.0) for name in use.outputs), 0.0))
    return found


def _worse(one: NodeError, other: NodeError) -> NodeError:
    """The worst of two feeds."""
    larger = other if other.magnitude > one.magnitude else one
    return NodeError(
        error=max((each for each in (one.error, other.error) if each is not None), default=None),
        overflows=one.overflows or other.overflows,
        magnitude=larger.magnitude,
        tensor=larger.tensor,
        makes=larger.makes,
        limit=other.limit,
    )


def _ratio(difference: float, size: float) -> float:
    if difference == 0:
        return 0.0
    return float(difference) / float(size) if size > 0 else math.inf


def _node_error(shadow: Shadow, key: str, numbers: Array, limit: float | None) -> NodeError:
    rows = shadow.errors[key]
    use = shadow.uses[key]
    sizes = {name: float(numbers[shadow.magnitudes[name]]) for name in (*use.outputs, *use.inputs)}
    tensor = max(sizes, key=lambda name: sizes[name], default="")
    magnitude = sizes.get(tensor, 0.0)
    return NodeError(
        error=max(_ratio(numbers[difference], numbers[size]) for difference, size, _ in rows),
        overflows=(limit is not None and magnitude > limit) or any(numbers[lost] > 0 for _, _, lost in rows),
        magnitude=magnitude,
        tensor=tensor,
        makes=tensor in use.outputs,
        limit=limit,
    )
