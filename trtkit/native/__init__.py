"""Arithmetic over big arrays in C, compiled at installation where there is a compiler; numpy does without."""

from __future__ import annotations

__all__: list[str] = []
