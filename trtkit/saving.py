"""What a run writes: inputs, raw input bytes and outputs, iteration by iteration, all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from trtkit.plan import RunPlan
from trtkit.results import Feed, Iteration, SavedKind, Writer

if TYPE_CHECKING:
    from trtkit.baselines.saving import BaselineWriter

__all__ = ["Saver"]

log = logging.getLogger(__name__)


class Saver:
    """The writers that a run asked for. Leaving it normally puts the files in place, an exception discards them.

    Attributes:
        saved: what was written, by option.
        notes: what was not, and why.
    """

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._options = plan.save
        self._baseline: BaselineWriter | None = None
        self._failed = False
        self.notes: list[str] = []
        self._stack = ExitStack()
        self._inputs: list[Writer] = []
        self._outputs: list[Writer] = []
        self.saved: dict[str, str] = {}

    def __enter__(self) -> Saver:
        # What writes is imported where something is written: it is a tenth of what a short run loads.
        wanted = self._options
        with ExitStack() as stack:
            if wanted.save_inputs is not None:
                self._inputs.append(stack.enter_context(_writer(wanted.save_inputs, "inputs")))
            if wanted.save_input_blob is not None:
                from trtkit.files.blob import open_writer as open_blob

                self._inputs.append(stack.enter_context(open_blob(Path(wanted.save_input_blob), "inputs")))
            if wanted.save_outputs is not None:
                self._outputs.append(stack.enter_context(_writer(wanted.save_outputs, "outputs")))
            if wanted.save_baseline is not None:
                from trtkit.baselines.saving import BaselineWriter

                self._baseline = stack.enter_context(BaselineWriter(wanted.save_baseline, self._plan))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, value, trace)
        if kind is None:
            for name in ("save_inputs", "save_input_blob", "save_outputs"):
                path = getattr(self._options, name)
                if path is not None:
                    self.saved[name] = path
                    log.info("%s saved to %s", name.removeprefix("save_").replace("_", " "), path)
            if self._options.save_baseline is not None and not self._failed:
                self.saved["save_baseline"] = self._options.save_baseline

    @property
    def keeps_inputs(self) -> bool:
        """Whether feeds are written."""
        return bool(self._inputs) or self._baseline is not None

    @property
    def keeps_outputs(self) -> bool:
        """Whether answers are written."""
        return bool(self._outputs) or self._baseline is not None

    def conclude(self, failed: bool, waived: Collection[str] = ()) -> None:
        """Say what the run came to, and which results failed as a waiver expects.

        A baseline of a run that failed is not kept, nor of such a result: it would not be golden, and hide the failure.
        """
        if self._baseline is None:
            return
        golden = self._plan.named_runners[-1].name
        self._failed = failed or golden in waived
        if self._failed:
            why = "the run failed" if failed else f"{golden} failed, as a waiver expects"
            self.notes.append(f"no baseline was saved to {self._options.save_baseline}, since {why}")
            log.warning("%s", self.notes[-1])
        else:
            self._baseline.keep()

    def add(self, feed: Feed, outputs: Iterable[Iteration]) -> None:
        """Write one iteration: the feed, and what each runner answered."""
        for writer in self._inputs:
            writer.write(Iteration(feed))
        every = tuple(outputs)
        for writer in self._outputs:
            for iteration in every:
                writer.write(iteration)
        if self._baseline is not None:
            self._baseline.add(feed, every[-1])


def _writer(path: str, kind: SavedKind) -> AbstractContextManager[Writer]:
    from trtkit import files

    return files.open_writer(Path(path), kind)
