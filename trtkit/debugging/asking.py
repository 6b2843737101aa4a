"""Asking a judge about part after part: what it said is remembered, and what is found is asked for once more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.debugging.judges import UNUSABLE
from trtkit.debugging.reduction import Mode, most_checks, reduce_part
from trtkit.errors import BackendError, ModelError, WorkError, one_line

if TYPE_CHECKING:
    from trtkit.debugging.checks import Outcome
    from trtkit.debugging.judges import Judge
    from trtkit.debugging.partfiles import PartFiles
    from trtkit.debugging.parts import Part, Parts

__all__ = ["Search"]

log = logging.getLogger(__name__)


class _Spent(Exception):  # noqa: N818 - it ends the search and is no error
    """The judge was asked as often as allowed."""


class Search:
    """Asks the judge, and remembers what it said.

    Attributes:
        checks: how often it was asked.
        skipped: parts that could not be judged, since nobody could run them or compute what goes into them.
        notes: what the user should know of the way.
        most: how often `reduce` may have asked at its end.
    """

    def __init__(
        self, judge: Judge, files: PartFiles, parts: Parts, place: tuple[Path, Path], allowed: Callable[[Part], bool]
    ) -> None:
        """Ask nothing yet.

        Args:
            judge: who is asked.
            files: writes parts.
            parts: of the model.
            place: where a part and its inputs are written to be judged.
            allowed: whether a part is of use at all.
        """
        self.checks = 0
        self.skipped = 0
        self.notes: list[str] = []
        self.most = 0
        self._judge = judge
        self._files = files
        self._parts = parts
        self._place = place
        self._allowed = allowed
        self._kind = ""
        self._known: dict[Part, bool] = {}
        self._kept: list[Part] = []

    def check_whole(self) -> None:
        """See the whole model fail.

        Raises:
            WorkError: it does not, or nobody can run it.
        """
        outcome = self._judged(self._parts.whole)
        if outcome.kind == UNUSABLE:
            raise ModelError(f"the whole model cannot be judged: {outcome.reason}")
        if not outcome.failed:
            raise WorkError(f"nothing to reduce: the check passes on the whole model ({outcome.reason})")
        log.info("the whole model fails: %s", outcome.reason)
        self._kind = outcome.kind
        self._kept = [self._parts.whole]

    def reduce(self, mode: Mode, most: int | None) -> None:
        """Look for smaller parts that fail.

        Args:
            mode: how to go about it.
            most: how often to ask, that of `check_whole` included; None for `most_checks`.
        """
        nodes = len(self._parts.whole.nodes)
        self.most = most_checks(nodes) if most is None else most
        log.info("reducing %d nodes with at most %d checks", nodes, self.most)
        try:
            reduce_part(self._parts, self._fails, mode)
        except _Spent:
            self.notes.append(f"stopped after {self.checks} checks; a smaller part may fail too (--max-checks)")

    def confirmed(self) -> tuple[Part, Outcome]:
        """The smallest part that was seen to fail and fails once more, from new files.

        Raises:
            WorkError: nothing does.
        """
        for each in reversed(self._kept):
            outcome = self._judged(each)
            if outcome.failed and outcome.kind == self._kind:
                return each, outcome
            self.notes.append(
                f"a part of {len(each.nodes)} nodes failed once and passed when it was checked again: the check is not "
                "reliable"
            )
        raise WorkError(
            f"the check is not reliable: {len(self._kept)} models failed, the whole one included, and none fails again"
        )

    def _fails(self, part: Part | None) -> bool:
        """As `trtkit.debugging.reduction.Fails`."""
        if part is None or part == self._parts.whole or not self._allowed(part):
            return part == self._parts.whole
        if part not in self._known:
            self._known[part] = self._asked(part)
        return self._known[part]

    def _asked(self, part: Part) -> bool:
        if self.checks >= self.most:
            raise _Spent
        try:
            outcome = self._judged(part)
        except (ModelError, BackendError) as error:
            log.debug("a part of %d nodes cannot be judged: %s", len(part.nodes), one_line(error))
            self.skipped += 1
            return False
        failed = outcome.failed and outcome.kind == self._kind
        self.skipped += outcome.kind == UNUSABLE
        word = "fails" if failed else "fails in another way" if outcome.failed else "does not fail"
        log.info("check %d: %d of %d nodes: %s (%s)", self.checks, *self._sizes(part), word, outcome.reason)
        if failed:
            self._kept.append(part)
        return failed

    def _sizes(self, part: Part) -> tuple[int, int]:
        return len(part.nodes), len(self._parts.whole.nodes)

    def _judged(self, part: Part) -> Outcome:
        self._files.write(part, *self._place)
        self.checks += 1
        return self._judge.judge(*self._place)
