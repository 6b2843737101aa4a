"""In which precision a built engine computes, read back from the engine or from its network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trtkit.errors import ModelError
from trtkit.precision_config import EIGHT_BITS, PrecisionConfig

__all__ = [
    "UNKNOWN",
    "NothingLoweredError",
    "PrecisionShare",
    "PrecisionSummary",
    "Source",
    "check",
    "of_config",
    "summed",
]

Source = Literal["engine", "network", "model"]
"""Who tells: an engine, the network that it was built from, or what was decided for the nodes of an ONNX model."""

UNKNOWN = "unknown"
"""Instead of a precision: layers that do not tell theirs."""

_ORDER = ("fp32", "fp16", "bf16", "fp8", "int8", "fp4", "int4", UNKNOWN)


@dataclass(frozen=True)
class PrecisionShare:
    """What computes in one precision.

    Attributes:
        precision: `fp32`, `fp16`, `bf16`, `fp8`, `int8`, `fp4`, `int4` or `unknown`.
        layers: how many layers, or nodes of a model.
        macs: their multiply-accumulates as a share of all, 0 to 1; None where those cannot be counted.
    """

    precision: str
    layers: int
    macs: float | None = None


@dataclass(frozen=True)
class PrecisionSummary:
    """What an engine computes in.

    Attributes:
        source: what was read.
        asked: the precisions that were asked for.
        shares: what was found, widest precision first; none where nothing computes, or nothing could be read. Of a
            model for which 8 bits alone were asked for, only nodes that can be quantised count.
        note: why nothing could be read; empty otherwise.
    """

    source: Source
    asked: tuple[str, ...]
    shares: tuple[PrecisionShare, ...]
    note: str = ""

    @property
    def unproved(self) -> tuple[str, ...]:
        """The precisions that were asked for, were not seen, and may be where nothing can be read."""
        return () if self.whole else self._unseen()

    @property
    def whole(self) -> bool:
        """Whether every layer that computes tells in what."""
        return not self.note and all(share.precision != UNKNOWN for share in self.shares)

    @property
    def missing(self) -> tuple[str, ...]:
        """The precisions that were asked for and that nothing runs in."""
        return () if self.unproved else self._unseen()

    def text(self) -> str:
        """One line, such as `fp16 21 of 22 layers (98% of multiply-accumulates), fp32 1 of 22 (2%), by the engine`."""
        if self.note:
            return self.note
        total = sum(share.layers for share in self.shares)
        noun = " nodes" if self.source == "model" else " layers"
        if self.source == "model" and set(self.asked) <= set(EIGHT_BITS):
            noun += " that can be quantised"  # no more is decided on where 16 bits are not asked for
        parts = []
        for place, share in enumerate(self.shares):
            words = (noun, " of multiply-accumulates") if not place else ("", "")
            macs = "" if share.macs is None else f" ({_percent(share.macs)}{words[1]})"
            parts.append(f"{share.precision} {share.layers} of {total}{words[0]}{macs}")
        unproved = f"; {' and '.join(self.unproved)}: not proved" if self.unproved else ""
        return f"{', '.join(parts) or 'no layer computes in floating point'}, by the {self.source}{unproved}"

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return {
            "source": self.source,
            "asked": list(self.asked),
            "shares": [dict(vars(share)) for share in self.shares],
            "unproved": list(self.unproved),
            "note": self.note,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PrecisionSummary:
        """The summary that `to_data` gave."""
        shares = tuple(PrecisionShare(**share) for share in data["shares"])
        return cls(data["source"], tuple(data["asked"]), shares, data["note"])

    def _unseen(self) -> tuple[str, ...]:
        found = {share.precision for share in self.shares}
        unseen = tuple(precision for precision in self.asked if precision not in found)
        # Beside 8 bits, 16 bits are for the rest; where there is none, nothing is amiss.
        if found and found <= set(EIGHT_BITS) and found & set(self.asked):
            return tuple(precision for precision in unseen if precision in EIGHT_BITS)
        return unseen


def summed(source: Source, asked: Sequence[str], layers: Iterable[tuple[str, float | None]]) -> PrecisionSummary:
    """The summary of layers that compute.

    Args:
        source: what they are of.
        asked: the precisions that were asked for.
        layers: precision and multiply-accumulates of each; None for those that have some which cannot be counted.
    """
    counts: dict[str, int] = {}
    macs: dict[str, float] = {}
    countable = True
    for precision, own in layers:
        counts[precision] = counts.get(precision, 0) + 1
        countable &= own is not None
        macs[precision] = macs.get(precision, 0) + (own or 0)
    total = sum(macs.values())
    shares = (
        PrecisionShare(each, counts[each], macs[each] / total if countable and total else None)
        for each in sorted(counts, key=lambda each: _ORDER.index(each) if each in _ORDER else len(_ORDER))
    )
    return PrecisionSummary(source, tuple(asked), tuple(shares))


class NothingLoweredError(ModelError):
    """Nothing runs in a precision that was asked for."""


def of_config(config: PrecisionConfig) -> PrecisionSummary:
    """The summary of a rewritten model: the nodes that were decided on, by what was decided for them.

    Nodes that no output needs do not count.
    """
    counted = [(each.precision, None) for key, each in config.nodes.items() if key not in config.idle]
    return summed("model", config.precisions, counted)


def check(summary: PrecisionSummary, flag: str | None = None) -> None:
    """Stop where nothing runs in a precision that was asked for.

    Args:
        summary: what was found.
        flag: what asked for it; None for the flags of the precisions, such as `--fp16`.

    Raises:
        NothingLoweredError: which one, what runs instead, and what to do.
    """
    if not summary.missing:
        return
    flags = flag or " and ".join(f"--{precision}" for precision in summary.missing)
    precisions = " and ".join(summary.missing)
    found = ", ".join(f"{share.precision} ({share.layers})" for share in summary.shares)
    noun = "nodes" if summary.source == "model" else "layers"
    layers = f"the {summary.source}'s {noun} compute in {found}" if found else "no layer computes in floating point"
    if summary.source == "engine":
        todo = f"leave {flags} out, or make TensorRT take it with --layer-precisions and --precision-constraints obey"
        if any(precision in EIGHT_BITS for precision in summary.missing):
            todo = f"leave {flags} out, or give a model that quantises itself (trtkit convert MODEL.onnx --int8 -o ...)"
        why = "TensorRT had the choice and took others"
    else:
        todo = f"leave {flags} out, or keep fewer nodes in FP32; --save-precision-config FILE writes why each one is"
        why = "the model has nothing that can be rewritten to it, or all of that is kept"
    unsaved = "no model was saved" if summary.source == "model" else "no engine was saved"
    raise NothingLoweredError(f"{flags}: nothing would run in {precisions}: {layers}; {why}; {todo}; {unsaved}")


def _percent(share: float) -> str:
    """`98%`, `0.3%`; `<0.1%` for what is not nothing, `>99.9%` for what is not all."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%")
