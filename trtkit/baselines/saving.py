"""Writing a baseline while the run goes on: the folder appears whole, or not at all."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any

from trtkit.atomic import replacing_folder, write_errors
from trtkit.backends.registry import find_backend
from trtkit.baselines.identity import identify
from trtkit.baselines.manifest import INPUTS, MANIFEST, OUTPUTS, Manifest, is_baseline
from trtkit.fingerprint import array_sha256
from trtkit.plan import RunPlan
from trtkit.plan_data import options_data
from trtkit.results import Feed, Iteration, Writer

__all__ = ["BaselineWriter"]

log = logging.getLogger(__name__)


class _NotKept(Exception):  # noqa: N818 - not an error: it tells the folder's context to clean up
    """What the folder's context sees where the baseline is not kept."""


class BaselineWriter:
    """Keeps the feeds and the last runner's outputs. The folder takes its name on leaving normally after `keep`.

    Memory holds one iteration, and a hash for each array written.

    Args:
        path: the folder.
        plan: the run; its last runner is the golden one.
    """

    def __init__(self, path: str, plan: RunPlan) -> None:
        self._path = path
        self._plan = plan
        self._stack = ExitStack()
        self._writers: list[Writer] = []
        self._hashes: tuple[list[dict[str, str]], list[dict[str, str]]] = ([], [])
        self._keep = False

    def __enter__(self) -> BaselineWriter:
        from trtkit import files

        file = self._plan.model_file
        assert file is not None  # a plan with runners has one
        self._model = identify(file, self._plan.onnx.external_data_dir)
        with ExitStack() as stack:
            self._folder = stack.enter_context(replacing_folder(self._path, is_baseline))
            self._writers = [
                stack.enter_context(files.open_writer(self._folder / INPUTS, "inputs")),
                stack.enter_context(files.open_writer(self._folder / OUTPUTS, "outputs")),
            ]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is not None:
            self._stack.__exit__(kind, *rest)
        elif self._keep:
            self._finish()
        else:
            self._stack.__exit__(_NotKept, _NotKept(), None)

    def add(self, feed: Feed, outputs: Iteration) -> None:
        """Write one iteration: arrays on the host, and what the golden runner answered to them."""
        for writer, hashes, arrays in zip(self._writers, self._hashes, (feed, outputs), strict=True):
            writer.write(Iteration(arrays, outputs.runner_name if arrays is outputs else ""))
            hashes.append({name: array_sha256(array) for name, array in arrays.items()})

    def keep(self) -> None:
        """Say that the run went well, so that leaving puts the folder in place."""
        self._keep = True

    def _finish(self) -> None:
        from datetime import datetime, timezone

        from trtkit import __version__
        from trtkit.report.environment import environment

        golden = self._plan.named_runners[-1]
        options = find_backend(golden.backend).load().Options
        manifest = Manifest(
            model=self._model,
            runner=golden.name,
            backend=golden.backend,
            options=options_data(options(**golden.options)),
            onnx_options=options_data(self._plan.onnx),
            inputs=self._hashes[0],
            outputs=self._hashes[1],
            trtkit=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            environment=environment(),
        )
        with self._stack, write_errors(self._path):
            (self._folder / MANIFEST).write_bytes(manifest.to_json())
        log.info("baseline of %s saved to %s", golden.name, self._path)
