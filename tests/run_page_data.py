"""Runs for pages of reports: saved outputs that differ in every way that there is something to draw of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from report_runs import save

import trtkit
from trtkit import RunPlan, SaveOptions

__all__ = ["HOSTILE", "compared"]

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "<!--",
    "__proto__",
    "a\nb",
    "名前",
    "",
)
SHAPES = ((1, 1000), (2, 8, 32, 32), (1, 64, 64), (4, 3, 96, 96), (8, 128), (1, 3, 120, 120), (1,), (2, 3, 4))


def compared(folder: Path, outputs: int, iterations: int = 1, hostile: bool = False) -> dict[str, Any]:
    """The data of the report of a run over saved outputs, every seventh of which fails; beside it is its page."""
    random = np.random.default_rng(7)
    names = [*(HOSTILE if hostile else ()), *(f"encoder.layer.{at}.output" for at in range(outputs))][:outputs]
    actual: list[dict[str, Any]] = []
    expected: list[dict[str, Any]] = []
    for _ in range(iterations):
        actual.append({})
        expected.append({})
        for at, name in enumerate(names):
            values = random.standard_normal(SHAPES[at % len(SHAPES)]) * 3
            off = values * (1 + (1e-3 if at % 7 == 0 else 1e-7) * random.standard_normal(values.shape))
            expected[-1][name] = values.astype(np.float32)
            actual[-1][name] = (values if at % 7 == 3 else off).astype(np.float32)
            if at % 28 == 0:
                actual[-1][name].flat[2] = np.nan
    save(folder / "actual.npz", "trt", *actual)
    save(folder / "expected.npz", "onnxrt", *expected)
    paths = [folder / "actual.npz", folder / "expected.npz"]
    report = trtkit.run(RunPlan(load_outputs=paths, save=SaveOptions(report=[str(folder / "page.html")])))
    return report.to_data()
