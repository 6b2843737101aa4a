"""`trtkit check`: one module for each verdict that is given without running anything."""

from __future__ import annotations

__all__ = ["SUBTOOLS"]

SUBTOOLS: dict[str, tuple[str, str]] = {
    "accuracy": ("trtkit.cli.check.accuracy", "judge a saved report by other thresholds, without inference"),
}
"""Subtool to module and help, as in `trtkit.cli.main.COMMANDS`."""
