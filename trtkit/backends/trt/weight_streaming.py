"""How many of an engine's weights stay on the GPU, the others being streamed from host memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from trtkit.backends.trt.api import has, need, title
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.runtime_options import parse_budget
from trtkit.errors import ModelError

__all__ = ["FLAG", "budget_bytes", "early_budget_bytes", "need_streaming", "set_budget"]

_log = logging.getLogger(__name__)

FLAG = "--weight-streaming-budget"


def need_streaming() -> None:
    """Stop on releases that do not stream weights; asked before an engine is loaded, which may take long.

    Raises:
        ModelError: this is one of them.
    """
    need("ICudaEngine.streamable_weights_size", FLAG, "leave it out: all weights stay on the GPU")


def budget_bytes(text: str, size: int, automatic: Callable[[], int]) -> int:
    """The value of `ICudaEngine.weight_streaming_budget_v2`, where all weights in it mean no streaming.

    Args:
        text: as for `parse_budget`.
        size: bytes of the weights that can be streamed.
        automatic: asks TensorRT for its choice.

    Raises:
        UsageError: the text is no budget.
    """
    unit, number = parse_budget(text)
    if unit == "automatic":
        return automatic()
    if unit == "off":
        return size
    return min(size, int(size * number / 100 if unit == "percent" else number))


def early_budget_bytes(text: str, size: int, minimum: int) -> int:
    """The value of `ICudaEngine.weight_streaming_budget`, as the releases before 10.3 have it.

    There 0 means no streaming and -1 is TensorRT's own choice; a budget is at least `minimum` and less than `size`,
    so percentages count from `minimum` to `size`.

    Raises:
        ModelError: the budget is too small.
        UsageError: the text is no budget.
    """
    unit, number = parse_budget(text)
    if unit == "automatic":
        return -1
    if unit == "off":
        return 0
    budget = int(minimum + (size - minimum) * number / 100) if unit == "percent" else int(number)
    if budget >= size:
        return 0
    if budget < minimum:
        raise ModelError(f"{FLAG} {text}: {title()} needs at least {minimum} bytes for this engine; give more")
    return budget


def set_budget(engine: Any, text: str, name: str) -> None:
    """Set the budget of an engine that has no execution context yet, and read it back.

    Args:
        engine: the `ICudaEngine`.
        text: as for `parse_budget`.
        name: what to call the engine in messages.

    Raises:
        ModelError: this release or this engine streams no weights, or TensorRT does not take the budget.
        UsageError: the text is no budget.
    """
    need_streaming()
    with collect() as messages:
        size = int(engine.streamable_weights_size)
        if size <= 0:
            raise ModelError(f"{FLAG}: {name} has no weights that can be streamed; build it with --weight-streaming")
        if has("ICudaEngine.weight_streaming_budget_v2"):
            wanted = budget_bytes(text, size, engine.get_weight_streaming_automatic_budget)
            engine.weight_streaming_budget_v2 = wanted
            found = engine.weight_streaming_budget_v2
        else:
            need("ICudaEngine.weight_streaming_budget", FLAG)
            wanted = early_budget_bytes(text, size, engine.minimum_weight_streaming_budget)
            engine.weight_streaming_budget = wanted
            found = engine.weight_streaming_budget
        if found != wanted:
            raise ModelError(
                f"{FLAG} {text}: {title()} keeps a budget of {found} bytes instead of {wanted} for {name}: "
                f"{messages.text()}"
            )
    _log.info("weight streaming: a budget of %d bytes for %d bytes of weights", wanted, size)
