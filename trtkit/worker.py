"""One runner's turn in a process of its own, with the plan on standard input.

Nothing that the runner does to its process (a crash, a leak, a library's global state) reaches the others.
"""

from __future__ import annotations

import logging
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from trtkit.errors import BackendError, TrtkitError
from trtkit.kept_feeds import are_kept, keep_feeds
from trtkit.log import keep_warnings, logger
from trtkit.plan import RunPlan
from trtkit.results import Feeds
from trtkit.sequential import Turn, take_turn
from trtkit.spawning import child_command
from trtkit.tensors import TensorSpecs

__all__ = ["main", "take_turn_apart"]


def take_turn_apart(
    plan: RunPlan, index: int, spill: Path, given: Feeds | None, specs: TensorSpecs | None = None
) -> Turn:
    """`take_turn` in a new process.

    Raises:
        BackendError: the process died.
        TrtkitError: what the turn raised there.
    """
    if given is not None and not are_kept(spill):
        keep_feeds(given, spill)
    answer = spill / f"answer-{index}"
    # The pickle holds our own dataclasses, goes from this process to its child and comes back the same way.
    task = pickle.dumps((plan, index, str(spill), str(answer), specs))
    child = subprocess.run(child_command("trtkit.worker"), input=task, check=False)
    if child.returncode == 0 and answer.is_file():
        result = pickle.loads(answer.read_bytes())
        if isinstance(result, TrtkitError):
            raise result
        assert isinstance(result, Turn)
        return result
    name = plan.named_runners[index].name
    if child.returncode < 0:
        raise BackendError(f"{name}: its process was killed by {signal.Signals(-child.returncode).name}")
    raise BackendError(f"{name}: its process ended with exit code {child.returncode}; its own messages stand above")


def main() -> int:
    """Take one turn, as described on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    plan, index, spill, answer, specs = pickle.load(sys.stdin.buffer)
    logger.addHandler(logging.StreamHandler())  # as a logger without one does; `keep_warnings` is one
    try:
        with keep_warnings() as warned:
            turn = take_turn(plan, index, Path(spill), None, lambda feeds, _: feeds, specs)
        result: Turn | TrtkitError = replace(turn, warnings=tuple(warned.lines))
    except TrtkitError as error:
        result = type(error)(str(error))
    Path(answer).write_bytes(pickle.dumps(result))
    return 0
