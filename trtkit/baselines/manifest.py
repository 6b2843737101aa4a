"""`baseline.json`: what a baseline holds and where it is from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trtkit.baselines.identity import ModelIdentity
from trtkit.errors import FileError, one_line
from trtkit.suggest import near_files

__all__ = ["INPUTS", "MANIFEST", "OUTPUTS", "Manifest", "is_baseline", "read_manifest"]

MANIFEST = "baseline.json"
INPUTS = "inputs.safetensors"
OUTPUTS = "outputs.safetensors"

_SCHEMA = "trtkit.baseline"
_VERSION = 1

Hashes = Mapping[str, str]
"""The hash of each array of one iteration, by name."""


@dataclass(frozen=True)
class Manifest:
    """What a baseline says of itself.

    Attributes:
        model: from which model it was made.
        runner: name of the runner whose outputs it holds.
        backend: that runner's backend.
        options: that runner's options that are not at their defaults, by field.
        onnx_options: the same of the options that change the ONNX model.
        inputs, outputs: for each iteration the hash of each array; see `trtkit.fingerprint.array_sha256`.
        trtkit: the version that wrote it.
        created: when, as ISO 8601 in UTC.
        environment: on what machine, with which packages; for people.
    """

    model: ModelIdentity
    runner: str
    backend: str
    inputs: Sequence[Hashes]
    outputs: Sequence[Hashes]
    options: Mapping[str, Any] = field(default_factory=dict)
    onnx_options: Mapping[str, Any] = field(default_factory=dict)
    trtkit: str = ""
    created: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def iterations(self) -> int:
        """How many there are."""
        return len(self.inputs)

    def to_json(self) -> bytes:
        """As the content of the file, with a checksum over everything else."""
        data: dict[str, Any] = {
            "schema": _SCHEMA,
            "schema_version": _VERSION,
            "trtkit": self.trtkit,
            "created": self.created,
            "model": self.model.to_data(),
            "runner": {"name": self.runner, "backend": self.backend, "options": dict(self.options)},
            "onnx_options": dict(self.onnx_options),
            "iterations": self.iterations,
            "inputs": {"file": INPUTS, "sha256": [dict(each) for each in self.inputs]},
            "outputs": {"file": OUTPUTS, "sha256": [dict(each) for each in self.outputs]},
            "environment": dict(self.environment),
        }
        data["checksum"] = _checksum(data)
        return json.dumps(data, indent=1).encode() + b"\n"


def read_manifest(folder: str | Path) -> Manifest:
    """What the baseline in a folder says of itself.

    Raises:
        FileError: there is none, it was written by a later version, or it was damaged or edited.
    """
    folder = Path(folder)
    data = _data(folder)
    where = f"the baseline {str(folder)!r}"
    if data.get("schema_version") != _VERSION:
        raise FileError(
            f"cannot read {where}: it is of schema version {data.get('schema_version')!r}, this trtkit reads {_VERSION}"
        )
    if data.pop("checksum", None) != _checksum(data):
        raise FileError(f"{where} was damaged or edited: {MANIFEST} does not have its checksum; save it anew")
    try:
        manifest = Manifest(
            model=ModelIdentity(**data["model"]),
            runner=data["runner"]["name"],
            backend=data["runner"]["backend"],
            options=data["runner"]["options"],
            onnx_options=data["onnx_options"],
            inputs=data["inputs"]["sha256"],
            outputs=data["outputs"]["sha256"],
            trtkit=data["trtkit"],
            created=data["created"],
            environment=data["environment"],
        )
        whole = manifest.iterations == len(manifest.outputs) == data["iterations"] > 0
    except (KeyError, TypeError) as error:
        raise FileError(f"{where} is not what trtkit writes: {MANIFEST} lacks {one_line(error)}") from error
    if not whole:
        raise FileError(f"{where} is not what trtkit writes: its numbers of iterations differ")
    return manifest


def is_baseline(folder: Path) -> bool:
    """Whether a folder holds a baseline and nothing else, so that it may be replaced; it may be a damaged one."""
    try:
        names = {entry.name for entry in folder.iterdir()}
        return MANIFEST in names and names <= {MANIFEST, INPUTS, OUTPUTS} and bool(_data(folder))
    except (OSError, FileError):
        return False


def _data(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.exists():
        raise FileError(f"there is no baseline {str(folder)!r}{near_files(folder)}; --save-baseline writes one")
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise FileError(
            f"{str(folder)!r} is not a baseline: it has no {MANIFEST}; --save-baseline writes one"
        ) from error
    except OSError as error:
        raise FileError(f"cannot read the baseline {str(folder)!r}: {error.strerror or one_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(
            f"the baseline {str(folder)!r} is damaged: {MANIFEST} is not JSON: {one_line(error)}"
        ) from error
    if not isinstance(data, dict) or data.get("schema") != _SCHEMA:
        raise FileError(f"{str(folder)!r} is not a baseline: the schema of {MANIFEST} is not {_SCHEMA!r}")
    return data


def _checksum(data: Mapping[str, Any]) -> str:
    """Of the content, whatever the layout of the file."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
