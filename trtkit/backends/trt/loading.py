"""From an engine on disk or in memory to one that can be executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.trt.api import enum, is_rtx, need, package_name, title, trt, version
from trtkit.backends.trt.logger import Collected, collect, trt_logger
from trtkit.backends.trt.plan_file import PlanHeader, check_plan, parse_header
from trtkit.backends.trt.plugins import load_plugins
from trtkit.backends.trt.stream_reader import mapped, stream_reader
from trtkit.backends.trt.weight_streaming import need_streaming, set_budget
from trtkit.cuda.device import gpu_count
from trtkit.errors import FileError, MissingDeviceError, ModelError, TrtkitError, one_line
from trtkit.suggest import near_files

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LoadedEngine", "explain", "load_engine"]

_REBUILD = "rebuild it here with trtkit convert"

_VERSIONS = re.compile(r"expecting library version (?P<here>[\d.]*\d) got (?P<there>[\d.]*\d)")
_COMPUTE = re.compile(r"expecting compute (?P<here>[\d.]*\d) got compute (?P<there>[\d.]*\d)")
_PLUGIN = re.compile(r"find plugin:? *(?P<name>[^\s,]+),? version:? *(?P<version>[^\s,.)]+)", re.IGNORECASE)
_OTHER_VERSION = re.compile(r"version tag does not match|not compatible with this version", re.IGNORECASE)


class LoadedEngine:
    """An engine with what it lives on. A context manager: `close` at its end.

    Attributes:
        engine: the `ICudaEngine`; None after `close`.
        runtime: the `Runtime` that loaded it; None after `close`.
    """

    def __init__(self, runtime: Any) -> None:
        self.engine: Any = None
        self.runtime: Any = runtime
        self._parent: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of engine and runtime, in TensorRT's order. Whoever else holds the engine must have let go before."""
        self.engine = None
        self.runtime = None
        self._parent = None

    def replace_runtime(self, path: Path) -> None:
        """Load with the runtime of a library instead; the runtime before stays, since the new one comes from it.

        Raises:
            FileError: there is no such library.
            ModelError: it is no runtime of TensorRT's.
        """
        if not path.is_file():
            raise FileError(f"--load-runtime: there is no library {str(path)!r}{near_files(path)}")
        with collect() as messages:
            runtime = _tried(messages, self.runtime.load_runtime, str(path.resolve()))
            if runtime is None:
                raise ModelError(
                    f"--load-runtime: {title()} cannot load {str(path)!r} as a runtime: {messages.text()}; "
                    "name the libnvinfer_lean library of the release that built the engine"
                )
        self._parent, self.runtime = self.runtime, runtime


def load_engine(
    source: Path | memoryview | bytes,
    *,
    name: str = "the engine",
    plugins: Iterable[Path] = (),
    load_runtime: Path | None = None,
    weight_streaming_budget: str | None = None,
    dla_workspace_allocation_strategy: str | None = None,
) -> LoadedEngine:
    """Load an engine onto the GPU. When this returns, no file is open and the source is not needed any more.

    Args:
        source: a file, which is mapped and not copied, or the bytes of an engine.
        name: what to call an engine of bytes in messages; a file is called by its path.
        plugins: libraries of plugins, which are registered before.
        load_runtime: a runtime library to load it with, for version-compatible engines without their own.
        weight_streaming_budget: as for `parse_budget`.
        dla_workspace_allocation_strategy: a member of TensorRT's enumeration, in lower case.

    Raises:
        FileError: the engine, a plugin library or the runtime library is not there or cannot be read.
        MissingDeviceError: there is no GPU.
        ModelError: TensorRT cannot load it, in words that say what to do; or this release lacks what an option asks.
        UsageError: an option has a bad value.
    """
    if weight_streaming_budget is not None:
        need_streaming()
    header = check_plan(source, package_name()) if isinstance(source, Path) else parse_header(source)
    name = f"the engine {str(source)!r}" if isinstance(source, Path) else name
    load_plugins(plugins)
    with collect() as messages:
        runtime = _tried(messages, trt().Runtime, trt_logger())
        if runtime is None:
            raise _failure(f"{title()} cannot start", messages.text())
    loaded = LoadedEngine(runtime)
    try:
        if load_runtime is not None:
            loaded.replace_runtime(load_runtime)
        _prepare(loaded.runtime, dla_workspace_allocation_strategy)
        with collect() as messages:
            loaded.engine = _deserialize(loaded.runtime, source, messages, whole=load_runtime is not None)
            if loaded.engine is None:
                raise explain(name, header, messages, version() if load_runtime is None else None)
        if weight_streaming_budget is not None:
            set_budget(loaded.engine, weight_streaming_budget, name)
    except BaseException:
        loaded.close()
        raise
    return loaded


def _prepare(runtime: Any, dla_strategy: str | None) -> None:
    # Loading an engine runs code of its maker anyway, as a network script does: kernels on the GPU. Version-compatible
    # engines bring a runtime library with them, which TensorRT loads only where this is allowed.
    runtime.engine_host_code_allowed = True
    if dla_strategy is None:
        return
    flag = "--dla-workspace-allocation-strategy"
    need("DLAWorkspaceAllocationStrategy", flag, "leave it out")
    wanted = enum("DLAWorkspaceAllocationStrategy", dla_strategy, flag)
    try:
        runtime.dla_workspace_allocation_strategy = wanted
    except RuntimeError as error:  # the bindings' answer where the library refuses, as it does without a DLA
        raise ModelError(f"{flag} {dla_strategy}: {title()} refuses it; leave it out ({one_line(error)})") from error


def _deserialize(runtime: Any, source: Path | memoryview | bytes, messages: Collected, whole: bool) -> Any:
    """The engine, or None. `whole` is for a runtime of another release, which need not know this one's readers."""
    if not isinstance(source, Path):
        return _tried(messages, runtime.deserialize_cuda_engine, source)
    with mapped(source) as data:
        reader = None if whole else _tried(messages, stream_reader, data)
        return _tried(messages, runtime.deserialize_cuda_engine, data if reader is None else reader)


def _tried(messages: Collected, call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call into TensorRT returns. None where it raises, as bindings may for a null pointer; then the messages
    have what it said."""
    try:
        return call(*arguments)
    except (RuntimeError, TypeError, ValueError) as error:
        messages.errors.append(one_line(error))
        return None


def explain(name: str, header: PlanHeader | None, messages: Collected, here: str | None) -> TrtkitError:
    """Why TensorRT did not load an engine, and what to do about it.

    The texts that are searched for are TensorRT's own, as it logs them.

    Args:
        name: what to call the engine.
        header: its header, where that is of a known kind.
        messages: what TensorRT said.
        here: the version of the runtime that was to load it; None where that is not known.
    """
    whole, said = " ".join(messages.errors), messages.text()
    if found := _VERSIONS.search(whole):
        return _other_version(name, f"{_package(header)} {found['there']}", found["here"])
    if found := _COMPUTE.search(whole):
        return ModelError(
            f"{name} was built for compute capability {found['there']}, and this GPU has {found['here']}; {_REBUILD}, "
            "or build it with --hardware-compatibility-level where its GPU and this one are of Ampere or later"
        )
    if found := _PLUGIN.search(whole):
        return ModelError(
            f"{name} needs the plugin {found['name']!r}, version {found['version']}, which is not registered; "
            "name its library with --plugins"
        )
    if header is not None and here is not None and not _same_release(header, here):
        return _other_version(name, header.title, here, said)
    if _OTHER_VERSION.search(whole):
        return _other_version(name, f"another release of {_package(header)}", here or "not that one", said)
    if header is None and gpu_count():
        return ModelError(
            f"{name} is not an engine, or of a format that this trtkit does not know; {_REBUILD}; "
            f"{title()} says: {said}"
        )
    return _failure(f"{title()} cannot load {name}", said)


def _failure(what: str, said: str) -> TrtkitError:
    if not gpu_count():
        return MissingDeviceError(f"{what} without an NVIDIA GPU with its driver, and this machine has none: {said}")
    return ModelError(f"{what}: {said}")


def _package(header: PlanHeader | None) -> str:
    rtx = is_rtx() if header is None else header.package == "tensorrt_rtx"
    return "TensorRT-RTX" if rtx else "TensorRT"


def _same_release(header: PlanHeader, version: str) -> bool:
    """Whether they are the same, going by the numbers that both have: some packages do not say their build."""
    here = [int(number) for number in re.findall(r"\d+", version)][: len(header.version)]
    return list(header.version[: len(here)]) == here


def _other_version(name: str, there: str, here: str, said: str = "") -> ModelError:
    reason = f"; {title()} says: {said}" if said else ""
    return ModelError(
        f"{name} was built by {there}, and the runtime here is {here}; {_REBUILD}, or build it there with "
        f"--version-compatible{reason}"
    )
