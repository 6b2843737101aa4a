"""The table of backends: name to module path. A new backend is one row here.

Backends of other packages are found through the entry-point group `trtkit.backends`, whose entries name a module
with the members of `trtkit.backends.base.BackendModule`; they are looked up only when a name is not in the table.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from trtkit.errors import BackendError, MissingPackageError, UsageError, one_line
from trtkit.suggest import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from trtkit.backends.base import BackendModule

__all__ = ["BACKENDS", "ENTRY_POINTS", "Backend", "find_backend"]

ENTRY_POINTS = "trtkit.backends"


@dataclass(frozen=True)
class Backend:
    """One row.

    Attributes:
        name: as in `--runner NAME`; also the flag `--NAME`.
        module: dotted path of its `BackendModule`.
        help: what the flag adds, one sentence without a full stop.
        kinds: the model kinds that it can run.
    """

    name: str
    module: str
    help: str
    kinds: tuple[str, ...] = ("onnx",)

    @property
    def package(self) -> str:
        """The dotted path below which all of it is."""
        return ".".join(self.module.split(".")[:3])

    def load(self) -> BackendModule:
        """Import the backend's module (its options, not its framework)."""
        return cast("BackendModule", importlib.import_module(self.module))


BACKENDS: tuple[Backend, ...] = (
    Backend("onnxrt", "trtkit.backends.onnxrt", "add a runner: ONNX Runtime"),
    Backend("onnxref", "trtkit.backends.onnxref", "add a runner: ONNX's own reference evaluator (slow, plain numpy)"),
    Backend(
        "trt",
        "trtkit.backends.trt.backend",
        "add a runner: TensorRT (needs a GPU)",
        ("onnx", "engine", "trt-network-script"),
    ),
)


def find_backend(name: str) -> Backend:
    """The backend of that name, from the table or from an installed package.

    Raises:
        UsageError: nobody offers it, or several packages do.
        MissingPackageError: an installed package offers it, but it cannot be imported.
        BackendError: an installed package offers something that is no backend.
    """
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    from importlib.metadata import entry_points  # slow to import, and needed for foreign names only

    foreign: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        # The same distribution may be found twice, e.g. as installed and in the current folder.
        foreign.setdefault(point.name, {})[point.value] = point
    if name not in foreign:
        known = [backend.name for backend in BACKENDS] + sorted(foreign)
        raise UsageError(f"unknown backend {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})")
    offers = foreign[name]
    if len(offers) > 1:
        raise UsageError(f"several installed packages offer a backend {name!r}: {', '.join(sorted(offers))}")
    return _foreign(name, *offers.values())


def _foreign(name: str, point: EntryPoint) -> Backend:
    """The backend that an entry point names.

    Its module may say `KINDS`, the model kinds that it runs; they are ONNX models otherwise.
    """
    where = f"the backend {name!r} of the entry point {point.value!r}"
    if point.attr:
        raise BackendError(f"{where} is no module; an entry point of {ENTRY_POINTS} names a module")
    try:
        module = importlib.import_module(point.module)
    except ImportError as error:
        raise MissingPackageError(f"{where} cannot be imported: {one_line(error)}") from error
    except Exception as error:  # somebody else's code, which may raise anything while it is imported
        raise BackendError(
            f"{where} failed while it was imported: {type(error).__name__}: {one_line(error)}"
        ) from error
    missing = [member for member in ("Options", "create") if not hasattr(module, member)]
    if missing:
        raise BackendError(f"{where} lacks {' and '.join(missing)}; see trtkit.backends.base.BackendModule")
    summary = (module.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return Backend(name, point.module, summary, tuple(getattr(module, "KINDS", ("onnx",))))
