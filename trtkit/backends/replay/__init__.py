"""A runner that answers from saved outputs. It has no row in the table of backends: `--load-outputs` makes it."""

from __future__ import annotations

from trtkit.backends.replay.runner import Replay

__all__ = ["Replay"]
