"""The options of ONNX Runtime runners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trtkit.errors import UsageError
from trtkit.options import choice, option, parse_count
from trtkit.precision_config import PRECISIONS, Precision

__all__ = ["LEVELS", "MAP_WEIGHTS", "Options"]

LEVELS: dict[str, str] = {
    "disable_all": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "layout": "ORT_ENABLE_LAYOUT",
    "all": "ORT_ENABLE_ALL",
}
"""Graph optimisation levels: trtkit's word and the name in `onnxruntime.GraphOptimizationLevel`."""


MAP_WEIGHTS = ("auto", "never", "always")
"""When weights are mapped (docs/decisions/0025-mapped-weights.md)."""


def parse_level(text: str) -> str:
    """The word for a level, from either spelling."""
    for word, name in LEVELS.items():
        if text.casefold() in (word, name.casefold(), name.casefold().removeprefix("ort_")):
            return word
    return choice(*LEVELS, *LEVELS.values())(text)


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError("expected KEY=VALUE")
    return key, value


def _provider_option(text: str) -> tuple[str, str, str]:
    provider, colon, rest = text.partition(":")
    if not provider or not colon:
        raise UsageError("expected PROVIDER:KEY=VALUE")
    return (provider, *_key_value(rest))


def _by_key(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise UsageError(f"{key!r} is given twice, as {found[key]!r} and as {value!r}")
    return found


def _by_provider(triples: Sequence[tuple[str, str, str]]) -> Mapping[str, Mapping[str, str]]:
    names = dict.fromkeys(provider for provider, _, _ in triples)
    return {name: _by_key([(key, value) for provider, key, value in triples if provider == name]) for name in names}


@dataclass(frozen=True)
class Options:
    """How an ONNX Runtime session is made.

    Raises:
        UsageError: an optimisation level that does not exist, options for a provider that is not used, a thread
            count below 0.
    """

    providers: tuple[str, ...] = option(
        ("CPUExecutionProvider",),
        "--providers",
        "--execution-providers",
        help="ONNX Runtime's execution providers in order of preference; part of a name is enough, such as `cuda` "
        "(default: CPUExecutionProvider alone)",
        metavar="NAME",
        count="+",
    )
    provider_options: Mapping[str, Mapping[str, str]] = option(
        {},
        "--ort-provider-options",
        help="options of execution providers, such as cuda:device_id=1",
        parse=_provider_option,
        metavar="PROVIDER:KEY=VALUE",
        count="+",
        gather=_by_provider,
    )
    graph_optimization_level: str = option(
        "all",
        "--graph-optimization-level",
        help=f"how much ONNX Runtime may rewrite the graph: {', '.join(LEVELS)}, or ONNX Runtime's names for them",
        parse=parse_level,
        metavar="LEVEL",
    )
    intra_op_threads: int = option(
        0,
        "--ort-intra-op-threads",
        help="threads within an operator; 0 leaves it to ONNX Runtime",
        parse=parse_count(0),
        metavar="N",
    )
    inter_op_threads: int = option(
        0,
        "--ort-inter-op-threads",
        help="operators that may run at the same time; 1 is one after the other, 0 leaves it to ONNX Runtime",
        parse=parse_count(0),
        metavar="N",
    )
    session_config: Mapping[str, str] = option(
        {},
        "--ort-session-config",
        help="entries of ONNX Runtime's session configuration, such as session.intra_op.allow_spinning=0; "
        "it ignores keys that it does not know",
        parse=_key_value,
        metavar="KEY=VALUE",
        count="+",
        gather=_by_key,
    )
    custom_ops: tuple[str, ...] = option(
        (),
        "--ort-custom-ops",
        help="libraries of custom operators, loaded in this order",
        metavar="LIB.so",
        count="+",
    )
    map_weights: str = option(
        "auto",
        "--ort-map-weights",
        help="auto: map the large weights of a large .onnx file instead of parsing and copying them, where the results "
        "stay the same to the last bit (on the CPU); never: let ONNX Runtime read the file; always: do not repack "
        "weights for its kernels either, which loads fastest, but changes last digits and latency",
        choices=MAP_WEIGHTS,
        parse=choice(*MAP_WEIGHTS),
    )
    fp32_twin: bool = option(
        False,
        "--ort-fp32-twin",
        help="compute in float32 whatever is bfloat16 or float16 in the model; inputs and outputs keep their types",
    )

    precision: tuple[Precision, ...] = option(
        (),
        "--ort-precision",
        help="run the model rewritten to compute in this precision, as `trtkit convert` writes it; 8 bits are "
        "calibrated with the input data",
        parse=choice(*PRECISIONS),
        choices=PRECISIONS,
        count="+",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph_optimization_level", parse_level(self.graph_optimization_level))
        if isinstance(self.precision, str):
            object.__setattr__(self, "precision", (self.precision,))
        for each in self.precision:
            if each not in PRECISIONS:
                raise UsageError(f"--ort-precision is one or two of {', '.join(PRECISIONS)}, not {each!r}")
        if self.precision and self.fp32_twin:
            raise UsageError("--ort-precision and --ort-fp32-twin contradict each other")
        if self.map_weights not in MAP_WEIGHTS:
            raise UsageError(f"--ort-map-weights is one of {', '.join(MAP_WEIGHTS)}, not {self.map_weights!r}")
        if not self.providers:
            raise UsageError("--providers: name at least one execution provider")
        for name in ("intra_op_threads", "inter_op_threads"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be 0 or more, not {getattr(self, name)}")
