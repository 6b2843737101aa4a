"""What a build came to: in which precision its layers compute, told by the engine or by the network."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.computing import network_layers
from trtkit.backends.trt.describe import describe
from trtkit.cuda.device import gpu_count
from trtkit.errors import TrtkitError
from trtkit.precision_summary import PrecisionSummary, check, summed

if TYPE_CHECKING:
    from trtkit.backends.trt.network import Net
    from trtkit.description import Layer

__all__ = ["NetworkAccount", "account_of", "read_back", "read_back_loaded"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkAccount:
    """What a network says of its own layers; the network need not stay open for it.

    Attributes:
        strong: the network is strongly typed, so that the engine computes as it says.
        summary: what its layers compute in, beside what was asked for.
        macs: multiply-accumulates by ONNX node, for the layers of the engine; None where they cannot be counted, or no
            engine can be loaded, since there is no GPU.
    """

    strong: bool
    summary: PrecisionSummary
    macs: Mapping[str, float] | None


def account_of(net: Net, asked: Sequence[str]) -> NetworkAccount:
    """What a network says of its own layers, before an engine is built from it.

    For the verdict a strongly typed network counts: TensorRT keeps to its types. So it is spoken here, and building,
    which may take minutes, is spared.

    Args:
        net: the network.
        asked: the precisions that were asked for.

    Raises:
        ModelError: it is strongly typed, and nothing runs in one of the precisions that were asked for.
    """
    description = describe(net)
    layers = list(description.layers())
    found = network_layers(layers, (spec.name for spec in description.outputs))
    account = NetworkAccount(net.typing == "strong", summed("network", asked, found), _macs(layers))
    if account.strong:
        check(account.summary)
    return account


def _macs(layers: Sequence[Layer]) -> Mapping[str, float] | None:
    if not gpu_count():
        return None
    from trtkit.backends.trt.engine_computing import macs_by_node

    return macs_by_node(layers)


def read_back(account: NetworkAccount, engine: memoryview | bytes) -> PrecisionSummary:
    """Read back what an engine computes in that was just built, and hold it against what was asked for.

    With a GPU the engine is loaded for it. Where that is not possible, the network tells, if it is strongly typed.

    Args:
        account: that of the network that it was built from.
        engine: its bytes.

    Raises:
        ModelError: nothing runs in one of the precisions that were asked for.
    """
    if not gpu_count():
        return read_back_loaded(account, None, "this machine has no GPU")
    from trtkit.backends.trt.loading import load_engine

    try:
        loaded = load_engine(engine, name="the engine that was built")
    except TrtkitError as error:  # built for another GPU, or to be refitted before it is used
        log.debug("the engine cannot be loaded here, so the network tells its precision: %s", error)
        return read_back_loaded(account, None, "it cannot be loaded on this machine")
    with loaded:
        return read_back_loaded(account, loaded.engine)


def read_back_loaded(account: NetworkAccount, engine: Any, why_none: str = "") -> PrecisionSummary:
    """As `read_back`, for an engine that is loaded.

    What is told is the engine's own account, where it has one of all its layers, or weak typing leaves no other.

    Args:
        account: that of the network that it was built from.
        engine: the `ICudaEngine`; None where it is not loaded.
        why_none: why it is not, as a clause.

    Raises:
        ModelError: nothing runs in one of the precisions that were asked for.
    """
    asked = account.summary.asked
    told = _silent(asked, why_none) if engine is None else _of_engine(engine, asked, account.macs)
    if not account.strong:
        check(told)
        if told.unproved:
            log.warning("%s: not proved that anything runs in it: %s", _flags(told.unproved), told.text())
        return told
    return told if told.shares and told.whole and not told.missing else account.summary


def _of_engine(engine: Any, asked: Sequence[str], macs: Mapping[str, float] | None) -> PrecisionSummary:
    if engine.profiling_verbosity != trt().ProfilingVerbosity.DETAILED:
        return _silent(asked, "it was built with another --profiling-verbosity than detailed")
    from trtkit.backends.trt.describe_engine import layers_of
    from trtkit.backends.trt.engine_computing import engine_layers

    try:
        return summed("engine", asked, engine_layers(layers_of(engine), macs))
    except TrtkitError as error:
        return _silent(asked, f"its inspector says nothing: {error}")


def _silent(asked: Sequence[str], why: str) -> PrecisionSummary:
    return PrecisionSummary("engine", tuple(asked), (), f"the engine does not tell, since {why}")


def _flags(precisions: Sequence[str]) -> str:
    return " ".join(f"--{precision}" for precision in precisions)
