"""Running against a baseline: the same model, the same inputs, undamaged outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

from trtkit.baselines.identity import identify
from trtkit.baselines.manifest import INPUTS, OUTPUTS, Manifest, read_manifest
from trtkit.errors import FileError, InputError, ModelError
from trtkit.fingerprint import array_sha256, short
from trtkit.measuring import host_side
from trtkit.models import ModelFile
from trtkit.results import Feed, Feeds, Iteration, Run
from trtkit.suggest import listing

if TYPE_CHECKING:
    from trtkit.plan import RunPlan

__all__ = ["checked_baseline", "expected_run", "same_feeds"]


def checked_baseline(plan: RunPlan) -> RunPlan:
    """The plan with the inputs of its baseline, where it names no others. Nothing has run yet.

    Raises:
        FileError: the baseline, or a model, cannot be read.
        ModelError: the baseline was made from another model.
        InputError: another number of iterations is asked for.
    """
    assert plan.baseline is not None
    manifest = read_manifest(plan.baseline)
    _check_model(plan, manifest)
    wanted = plan.inputs.iterations
    if wanted is not None and wanted != manifest.iterations:
        raise InputError(
            f"--iterations {wanted}: the baseline {plan.baseline!r} has {manifest.iterations}, and all of them are "
            "compared; leave it out"
        )
    if plan.inputs.load_inputs or plan.inputs.data_loader_script is not None:
        return plan
    return replace(plan, inputs=replace(plan.inputs, load_inputs=(_inputs_of(str(plan.baseline)),)))


def same_feeds(plan: RunPlan, feeds: Feeds) -> Feeds:
    """The feeds, each held against the baseline's hashes before it is given out; as they are without a baseline.

    Iterating raises InputError where one is another, or there are more or fewer; FileError where they are the
    baseline's own.
    """
    if plan.baseline is None:
        return feeds
    manifest = read_manifest(plan.baseline)
    folder = str(plan.baseline)
    return replace(feeds, values=_SameFeeds(feeds, manifest, folder, feeds.source == _inputs_of(folder)))


def expected_run(folder: str) -> Run:
    """The outputs of a baseline, each held against its hash when it is read.

    Raises:
        FileError: the baseline cannot be read, or was damaged or edited.
    """
    from trtkit import files

    manifest = read_manifest(folder)
    runs = files.read_outputs(Path(folder) / OUTPUTS).runs
    if len(runs) != 1 or len(runs[0].iterations) != manifest.iterations:
        raise _damaged(folder, OUTPUTS, f"it does not hold {manifest.iterations} iterations of one runner")
    return Run(f"baseline {folder}:{manifest.runner}", _Outputs(runs[0].iterations, manifest.outputs, folder))


def _inputs_of(folder: str) -> str:
    return str(Path(folder) / INPUTS)


def _check_model(plan: RunPlan, manifest: Manifest) -> None:
    file, made_from = plan.model_file, manifest.model
    assert file is not None  # a plan with a baseline has runners, and so a model
    baseline = f"the baseline {plan.baseline!r}"
    if plan.baseline_of is not None:
        original = ModelFile.parse(plan.baseline_of, made_from.kind)
        difference = made_from.difference(identify(original, plan.onnx.external_data_dir))
        if difference:
            raise ModelError(f"{baseline} is not of --baseline-of {plan.baseline_of}: {difference}")
        return
    advice = f"--baseline-of {made_from.file} says that it is another form of that model"
    if file.kind != made_from.kind:
        raise ModelError(
            f"{baseline} was made from {made_from.kind_text}, {made_from.text}, and {file.path.name!r} is of type "
            f"{file.kind}; {advice}"
        )
    difference = made_from.difference(identify(file, plan.onnx.external_data_dir))
    if difference:
        raise ModelError(f"{baseline} was made from another model: {difference}; {advice}")


class _SameFeeds:
    """Feeds that raise where they are not those of the baseline; from the start each time."""

    def __init__(self, feeds: Feeds, manifest: Manifest, folder: str, own: bool) -> None:
        self._feeds = feeds
        self._expected = manifest.inputs
        self._folder = folder
        self._own = own

    def __iter__(self) -> Iterator[Feed]:
        count = 0
        for feed in self._feeds:
            if count == len(self._expected):
                raise self._error(f"there are more feeds than its {count}")
            difference = _difference(host_side(feed), self._expected[count])
            if difference:
                raise self._error(f"input {difference} in iteration {count}")
            count += 1
            yield feed
        if count != len(self._expected):
            raise self._error(f"there are {count} feeds, not {len(self._expected)}")

    def _error(self, what: str) -> Exception:
        if self._own:
            return _damaged(self._folder, INPUTS, what)
        return InputError(
            f"{self._feeds.source} is not what the baseline {self._folder!r} was made with: {what}; "
            "without other inputs, those of the baseline are used"
        )


class _Outputs(Sequence[Iteration]):
    """Saved outputs that raise FileError where they are not as they were written."""

    def __init__(self, saved: Sequence[Iteration], expected: Sequence[Mapping[str, str]], folder: str) -> None:
        self._saved = saved
        self._expected = expected
        self._folder = folder

    def __len__(self) -> int:
        return len(self._saved)

    @overload
    def __getitem__(self, index: int) -> Iteration: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Iteration]: ...

    def __getitem__(self, index: int | slice) -> Iteration | Sequence[Iteration]:
        if isinstance(index, slice):
            return _Outputs(self._saved[index], self._expected[index], self._folder)
        iteration = self._saved[index]
        difference = _difference(iteration, self._expected[index])
        if difference:
            raise _damaged(self._folder, OUTPUTS, f"output {difference} in iteration {index}")
        return iteration


def _damaged(folder: str, file: str, what: str) -> FileError:
    return FileError(f"the baseline {folder!r} was damaged or edited: in {file}, {what}; save it anew")


def _difference(arrays: Feed, expected: Mapping[str, str]) -> str:
    """The first array that is another, as part of a sentence; empty where there is none."""
    for name in expected:
        if name not in arrays:
            return f"{name!r} is missing (there: {listing(arrays)})"
    for name, array in arrays.items():
        if name not in expected:
            return f"{name!r} is not in it (there: {listing(expected)})"
        found = array_sha256(array)
        if found != expected[name]:
            return f"{name!r} is another (sha256 {short(found)}, not {short(expected[name])})"
    return ""
