"""What a job reads, in parcels for a machine that has none of it: files that have to stay beside each other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from trtkit.errors import TrtkitError
from trtkit.plan import RunPlan
from trtkit.suite.executor import Ended, Task
from trtkit.suite.paths import paths_read, with_paths

__all__ = ["Parcel", "as_named_here", "moved", "parcels_of", "unpacked", "weights_of"]


@dataclass(frozen=True)
class Parcel:
    """Files that keep their places relative to each other.

    Attributes:
        named: the file or folder that the plan names, with its absolute path.
        files: SHA-256 by path relative to the folder of `named`: of the file itself, or of all in the folder, and of
            what is found from there (a model's weights, what a script imports).
    """

    named: str
    files: Mapping[str, str]

    @property
    def folder(self) -> str:
        """What the paths of the files start from."""
        return str(PurePosixPath(self.named).parent)


def parcels_of(task: Task, weights: Mapping[str, str]) -> Sequence[Parcel]:
    """The parcels of a task.

    Args:
        task: all of whose paths are absolute.
        weights: what `weights_of` says of its plan.
    """
    model = "" if task.plan.model_file is None else str(task.plan.model_file.path)
    named = paths_read(task.plan)
    inside = {path: [file for file in task.files if _below(file, path)] for path in named}
    claimed = {*named, *(file for files in inside.values() for file in files)}
    rest = [file for file in task.files if file not in claimed]
    parcels = []
    for path in named:
        files = {file: file for file in ([path] if path in task.files else inside[path])}
        folder = str(PurePosixPath(path).parent)
        if path == model:
            files |= {file: weights[file] for file in rest if file in weights and _below(weights[file], folder)}
        if path.endswith(".py"):
            files |= {file: file for file in rest if file not in weights and _below(file, folder)}
        if files:
            names = {str(PurePosixPath(place).relative_to(folder)): task.files[file] for file, place in files.items()}
            parcels.append(Parcel(path, names))
    return parcels


def unpacked(task: Task, parcels: Sequence[Parcel], weights: Mapping[str, str]) -> Sequence[str]:
    """The files of a task that are in none of its parcels, since nothing tells where the job would look for them."""
    packed = {str(PurePosixPath(each.folder) / name) for each in parcels for name in each.files}
    return [file for file in task.files if weights.get(file, file) not in packed]


def moved(plan: RunPlan, places: Mapping[str, str]) -> RunPlan:
    """The plan with what it reads elsewhere.

    Args:
        plan: what to do.
        places: the absolute path that now stands for one that the plan names.
    """
    return with_paths(plan, lambda path: places.get(path, path)) if places else plan


def as_named_here(ended: Ended, folders: Mapping[str, str]) -> Ended:
    """The same with the user's paths in report, message and log.

    Args:
        ended: of a task whose files were elsewhere.
        folders: the user's folder by the one that stood for it. The latter have names that occur nowhere else.
    """
    report, message, log = ended.report, ended.message, ended.log
    for there, here in folders.items():
        message, log = message.replace(there, here), log.replace(there, here)
        if report is not None:
            report = report.replace(_in_json(there), _in_json(here))
    return dataclasses.replace(ended, report=report, message=message, log=log)


def weights_of(plan: RunPlan) -> Mapping[str, str]:
    """The files beside a model that hold its weights: by the path without symbolic links, where the model names them.

    There are none where that cannot be told, which the job will say.
    """
    model, folder = plan.model_file, plan.onnx.external_data_dir
    if model is None or model.kind != "onnx":
        return {}
    from trtkit.backends.onnx.external import external_files

    try:
        return {str(path.resolve()): str(path) for path in external_files(model.path, folder).values()}
    except (TrtkitError, OSError):
        return {}


def _below(file: str, folder: str) -> bool:
    return file.startswith(folder.rstrip("/") + "/")


def _in_json(text: str) -> bytes:
    """As it stands within a string of JSON."""
    return json.dumps(text)[1:-1].encode()
