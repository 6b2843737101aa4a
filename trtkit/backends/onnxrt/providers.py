"""Execution providers: from what the user wrote to what ONNX Runtime calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trtkit.errors import MissingError, UsageError
from trtkit.suggest import did_you_mean

__all__ = ["check_active", "resolve", "resolve_options"]

_SUFFIX = "ExecutionProvider"

_PACKAGES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "NvTensorRTRTXExecutionProvider": "onnxruntime-trt-rtx",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
    "QNNExecutionProvider": "onnxruntime-qnn",
    "MIGraphXExecutionProvider": "onnxruntime-migraphx",
    "ROCMExecutionProvider": "onnxruntime-rocm",
}
"""Packages that hold a build of ONNX Runtime with the provider; each takes the place of `onnxruntime`."""


def resolve(wanted: Sequence[str], known: Sequence[str], available: Sequence[str]) -> list[str]:
    """Full names of the providers that the user named, in order.

    A name may be partial and in any case. The whole name comes first, then the name without "ExecutionProvider", then
    a beginning, then any part; of several, those that this build has are preferred.

    Args:
        wanted: as the user wrote them.
        known: all providers that ONNX Runtime knows of.
        available: those that this build has.

    Raises:
        UsageError: nothing fits, several fit equally well, or one is named twice.
        MissingError: this build does not have it.
    """
    names = [_resolve_one(text, list(dict.fromkeys([*available, *known])), available) for text in wanted]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--providers names {name} twice")
    return names


def resolve_options(
    options: Mapping[str, Mapping[str, str]], chosen: Sequence[str], known: Sequence[str]
) -> list[dict[str, str]]:
    """The options of each chosen provider, in the same order.

    Raises:
        UsageError: options for a provider that is not chosen, or for the CPU provider, which has none.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in chosen}
    for text, values in options.items():
        name = _resolve_one(text, list(dict.fromkeys([*chosen, *known])), chosen, must_have=False)
        if name not in found:
            raise UsageError(
                f"--ort-provider-options: {name} is not among the providers of this runner ({', '.join(chosen)}); "
                "add it to --providers"
            )
        if name == "CPUExecutionProvider" and values:
            raise UsageError(f"--ort-provider-options: {name} has no options (given: {', '.join(values)})")
        found[name].update(values)
    return list(found.values())


def check_active(chosen: Sequence[str], session: Any) -> None:
    """Make sure that a session uses every provider that was asked for.

    Raises:
        MissingError: ONNX Runtime went on without one, as it does where a driver or library is missing.
    """
    active = session.get_providers()
    for name in chosen:
        if name not in active:
            raise MissingError(
                f"ONNX Runtime could not start {name} and would go on with {', '.join(active)}; "
                "check the driver and the libraries that it needs"
            )


def _resolve_one(text: str, known: Sequence[str], preferred: Sequence[str], must_have: bool = True) -> str:
    word = text.casefold()
    tiers = (
        lambda name: name == word,
        lambda name: name.removesuffix(_SUFFIX.casefold()) == word,
        lambda name: name.startswith(word),
        lambda name: word in name,
    )
    hits: list[str] = []
    for fits in tiers:
        hits = [name for name in known if fits(name.casefold())]
        if hits:
            break
    short = [name.removesuffix(_SUFFIX) for name in known]
    if not hits or not word:
        raise UsageError(
            f"ONNX Runtime has no execution provider {text!r}{did_you_mean(text, short)} "
            f"(this build has {', '.join(preferred)})"
        )
    here = [name for name in hits if name in preferred] or hits
    if len(here) > 1:
        raise UsageError(f"{text!r} may be any of {', '.join(here)}; write more of the name")
    if must_have and here[0] not in preferred:
        package = _PACKAGES.get(here[0])
        way = f"run: pip install {package}" if package else "install a build of ONNX Runtime that has it"
        raise MissingError(f"this build of ONNX Runtime does not have {here[0]} (it has {', '.join(preferred)}); {way}")
    return here[0]
