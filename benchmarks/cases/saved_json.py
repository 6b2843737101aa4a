"""Saving and loading an array in Polygraphy's JSON. Bare is `numpy.save` and `numpy.load`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster, no_larger

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["CASES", "array_of", "load", "numpy_load", "numpy_save", "polygraphy_load", "polygraphy_save", "save"]


def array_of(megabytes: str) -> Array:
    """Random float32 numbers, so many MB of them."""
    import numpy as np

    return np.random.default_rng(5).random(int(float(megabytes) * 250_000), np.float32)


def _sized(figures: dict[str, float], megabytes: str, path: str) -> dict[str, float]:
    """The figures, after a look at the file: it has to hold the data."""
    target = Path(path)
    found = sum(file.stat().st_size for file in ([target] if target.is_file() else target.rglob("*")))
    if found < float(megabytes) * 1e6:
        raise SystemExit(f"{path} has {found} bytes")
    return figures


def save(path: str, megabytes: str) -> dict[str, float]:
    """Save with trtkit, in the format of the suffix."""
    from harness.inside import timed

    import trtkit

    array = array_of(megabytes)
    trtkit.save_outputs({"y": array[:10]}, path)  # imports
    _, figures = timed(lambda: trtkit.save_outputs({"y": array}, path))
    return _sized(figures, megabytes, path)


def load(path: str, megabytes: str) -> dict[str, float]:
    """Load with trtkit, and sum; `open` is the time until there is an array."""
    import numpy as np

    import trtkit

    small = str(Path(path).with_name("small" + Path(path).suffix))
    trtkit.save_outputs({"y": np.zeros(10, np.float32)}, small)
    trtkit.load_outputs(small).runs[0].iterations[0]["y"].sum()
    return _read(lambda: trtkit.load_outputs(path).runs[0].iterations[0]["y"], megabytes)


def _read(load: Callable[[], Array], megabytes: str) -> dict[str, float]:
    """Load and sum."""
    from harness.inside import timed

    opened: list[float] = []

    def call() -> Array:
        start = time.perf_counter()
        array = load()
        opened.append(time.perf_counter() - start)
        array.sum()
        return array

    array, figures = timed(call)
    if array.nbytes != int(float(megabytes) * 250_000) * 4:
        raise SystemExit(f"{array.nbytes} bytes were loaded")
    return {"open": opened[0], **figures}


def polygraphy_save(path: str, megabytes: str) -> dict[str, float]:
    """Save with Polygraphy."""
    from harness.inside import timed
    from polygraphy.comparator import IterationResult, RunResults
    from polygraphy.logger import G_LOGGER

    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    runs = RunResults()
    runs.add([IterationResult({"y": array_of(megabytes)})], runner_name="r")
    _, figures = timed(lambda: runs.save(path))
    return _sized(figures, megabytes, path)


def polygraphy_load(path: str, megabytes: str) -> dict[str, float]:
    """Load with Polygraphy, and sum."""
    from polygraphy.comparator import RunResults
    from polygraphy.logger import G_LOGGER

    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    return _read(lambda: RunResults.load(path)[0][1][0]["y"], megabytes)


def numpy_save(path: str, megabytes: str) -> dict[str, float]:
    """Save with numpy."""
    import numpy as np
    from harness.inside import timed

    array = array_of(megabytes)
    _, figures = timed(lambda: np.save(path, array))
    return _sized(figures, megabytes, path)


def numpy_load(path: str, megabytes: str) -> dict[str, float]:
    """Load with numpy, and sum."""
    import numpy as np

    return _read(lambda: np.load(path), megabytes)


def _saving(setting: Setting) -> Commands:
    size = setting.size
    return {
        TRTKIT: setting.child("saved_json", "save", setting.path("t.json"), size),
        POLYGRAPHY: setting.child("saved_json", "polygraphy_save", setting.path("p.json"), size, side=POLYGRAPHY),
        BARE: setting.child("saved_json", "numpy_save", setting.path("b.npy"), size),
    }


def _loading(setting: Setting) -> Commands:
    size = setting.size
    return {
        TRTKIT: setting.child("saved_json", "load", setting.path("t.json"), size),
        POLYGRAPHY: setting.child("saved_json", "polygraphy_load", setting.path("t.json"), size, side=POLYGRAPHY),
        BARE: setting.child("saved_json", "numpy_load", setting.path("b.npy"), size),
    }


def _prepare(setting: Setting) -> list[list[str]]:
    commands = _saving(setting)
    return [list(commands[TRTKIT]), list(commands[BARE])]


SIZES, TINY = (10, 100, 1000), (1,)

CASES = [
    Case(
        "save-json",
        "save an array in Polygraphy's JSON",
        "MB",
        SIZES,
        TINY,
        _saving,
        goals=(faster(20, "seconds"), no_larger(32, None, "extra")),
        inner=True,
    ),
    Case(
        "load-json",
        "load an array from Polygraphy's JSON, and sum it",
        "MB",
        SIZES,
        TINY,
        _loading,
        _prepare,
        goals=(faster(15, "seconds"), no_larger(32, BARE, "extra")),
        inner=True,
    ),
]
