"""Suites: many runs, each a plan, each in a process of its own, on this machine or on a cluster.

executor     what runs jobs: the interface of a few methods that every place offers
process      one task in a process of its own: `run_apart`, `Child`
keeper       the small process that holds a job to its limits and leaves nothing running; proctree is what it looks at
job          what the job's process does
"""

from __future__ import annotations

__all__: list[str] = []
