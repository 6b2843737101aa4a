"""The table of modules of cases. Each has `CASES`, and the functions that its commands run through `child.py`."""

from __future__ import annotations

import importlib

from harness.case import Case

__all__ = ["MODULES", "load_cases"]

MODULES = (
    "start_up",
    "tiny_run",
    "inspect_weights",
    "inspect_layers",
    "compare_arrays",
    "saved_json",
    "saved_binary",
    "iterations",
    "big_model",
    "layerwise",
    "latency",
    "convert",
)


def load_cases() -> dict[str, Case]:
    """All cases by name, in the order of the results."""
    cases = [case for module in MODULES for case in importlib.import_module(f"cases.{module}").CASES]
    return {case.name: case for case in cases}
