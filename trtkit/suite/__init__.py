"""Suites: many runs, each a plan, each in a process of its own, on this machine or on a cluster.

executor     what runs jobs: the interface of a few methods that every place offers
"""

from __future__ import annotations

__all__: list[str] = []
