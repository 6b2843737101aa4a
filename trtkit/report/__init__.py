"""Reports of every command: their data, and the forms rendered from it."""

from __future__ import annotations

from trtkit.report.rendering import render

__all__ = ["render"]
