"""Suites: many runs, each a plan, each in a process of its own, on this machine or on a cluster.

spec         a suite file, read: its jobs; matrix expands an entry, paths knows the paths in a plan
keys         the task of a job, and the hash of all that it depends on
executor     what runs jobs: the interface of a few methods that every place offers; local is this machine
ray_executor the machines of a Ray cluster; ray_cluster is the connection, ray_worker what happens on such a machine,
             parcels what a job reads, file_cache where a machine keeps what it lacked, ray_options the options
process      one task in a process of its own: `run_apart`, `Child`
keeper       the small process that holds a job to its limits and leaves nothing running; proctree is what it looks at
job          what the job's process does
running      carries out a suite; store keeps results, verdicts judges them
report       what it came to; rendering is the table of its forms: junit, markdown, page
options      the options of `trtkit suite`
"""

from __future__ import annotations

__all__: list[str] = []
