"""The gate to TensorRT: which package, and what it can do.

One code path serves `tensorrt` 8.6 to 11 and `tensorrt_rtx`. It asks for features (`has("BuilderFlag.FP16")`) and never
compares versions. Nothing but this module imports either package.

The choice of package belongs to the process, as TensorRT's plugin registry does: `set_package` says which, from
`--trt-package`; `auto` leaves it to the environment variable `TRTKIT_TENSORRT`, and without that takes `tensorrt`, else
`tensorrt_rtx`.
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from typing import Any

from trtkit.backends.trt.releases import WHERE, where
from trtkit.errors import MissingPackageError, ModelError, UsageError
from trtkit.optional import require
from trtkit.suggest import did_you_mean

__all__ = [
    "PACKAGES",
    "VARIABLE",
    "enum",
    "has",
    "is_rtx",
    "need",
    "package_name",
    "set_package",
    "strongly_typed_only",
    "title",
    "trt",
    "version",
]

PACKAGES = {"tensorrt": "trtkit[trt]", "tensorrt_rtx": "trtkit[rtx]"}
"""Name of each package, in the order in which `auto` tries them, and what `pip install` needs for it."""

VARIABLE = "TRTKIT_TENSORRT"

_AUTO = "auto"
_asked_for = _AUTO


def set_package(name: str) -> None:
    """Choose the package for all that follows in this process: `auto`, `tensorrt` or `tensorrt_rtx`.

    Raises:
        UsageError: there is no such package.
    """
    global _asked_for
    _asked_for = _known(name, "--trt-package")


def package_name() -> str:
    """The import name of the package in use.

    Raises:
        UsageError: the environment variable names something else.
        MissingPackageError: neither package is installed.
    """
    name = _asked_for
    if name == _AUTO:
        name = _known(os.environ.get(VARIABLE) or _AUTO, VARIABLE)
    return _first_installed() if name == _AUTO else name


def trt() -> Any:
    """The module `tensorrt` or `tensorrt_rtx`, imported when it is first asked for.

    Raises:
        UsageError: as `package_name`.
        MissingPackageError: it is not installed, or breaks while it is imported.
    """
    return _imported(package_name())


def version() -> str:
    """The version of the package in use, such as `10.3.0`."""
    return str(trt().__version__)


def is_rtx() -> bool:
    """Whether the package in use is TensorRT-RTX."""
    return package_name() == "tensorrt_rtx"


def title() -> str:
    """What to call the package in messages: `TensorRT 10.3.0` or `TensorRT-RTX 1.7.1.116`."""
    return f"{'TensorRT-RTX' if is_rtx() else 'TensorRT'} {version()}"


def has(feature: str) -> bool:
    """Whether the package in use has a type, function or member, such as `IBuilderConfig.int8_calibrator`."""
    value = trt()
    for word in feature.split("."):
        if not hasattr(value, word):
            return False
        value = getattr(value, word)
    return True


def strongly_typed_only() -> bool:
    """Whether all networks of this package are strongly typed: precision is in the graph, no builder flag sets it."""
    return is_rtx() or not has("BuilderFlag.FP16")


def need(feature: str, flag: str, instead: str = "") -> None:
    """Stop unless the package in use has a feature that an option needs.

    Args:
        feature: as for `has`.
        flag: the option, as the user writes it.
        instead: what can be done on a package that lacks it, as a clause.

    Raises:
        ModelError: it does not have it; the message names the releases that do, where that is known.
    """
    if not has(feature):
        raise ModelError(_lacking(feature, flag, instead))


def enum(type_name: str, text: str, flag: str) -> Any:
    """The member of one of TensorRT's enumerations that a text names, whatever its case, `-` for `_`.

    Args:
        type_name: such as `MemoryPoolType`.
        text: such as `workspace`.
        flag: the option that the text comes from.

    Raises:
        ModelError: this package has no such type or member, but other releases do.
        UsageError: no release has it; near misses are suggested.
    """
    need(type_name, flag)
    members: dict[str, Any] = getattr(trt(), type_name).__members__
    wanted = text.strip().upper().replace("-", "_")
    if wanted in members:
        return members[wanted]
    if f"{type_name}.{wanted}" in WHERE:
        raise ModelError(_lacking(f"{type_name}.{wanted}", f"{flag} {text}"))
    names = [name.lower() for name in members]
    raise UsageError(f"{flag}: unknown value {text!r}{did_you_mean(text, names)} (known: {', '.join(names)})")


def _lacking(feature: str, flag: str, instead: str = "") -> str:
    releases = where(feature)
    text = f"{flag}: {title()} has no {feature}"
    if releases is not None:
        text += f"; it is in {releases}"
    return f"{text}; {instead}" if instead else text


def _known(name: str, source: str) -> str:
    wanted = name.strip().lower().replace("-", "_")
    if wanted != _AUTO and wanted not in PACKAGES:
        known = [_AUTO, *PACKAGES]
        raise UsageError(f"{source}: unknown package {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})")
    return wanted


@lru_cache(maxsize=len(PACKAGES))
def _imported(name: str) -> Any:
    return require(name, PACKAGES[name], "TensorRT")


@lru_cache(maxsize=1)
def _first_installed() -> str:
    for name in PACKAGES:
        if importlib.util.find_spec(name) is not None:
            return name
    installs = " or ".join(f"pip install '{extra}'" for extra in PACKAGES.values())
    raise MissingPackageError(
        f"TensorRT needs one of the Python packages {' and '.join(map(repr, PACKAGES))}, none of which is installed; "
        f"run: {installs} (TensorRT-RTX installs anywhere)"
    )
