"""Feeds that wait on disk, with their names, for whoever goes over them again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trtkit import files
from trtkit.measuring import host_side
from trtkit.results import Feed, Feeds, Iteration, NamedFeed, Writer, sample_of

__all__ = ["are_kept", "feeds_writer", "keep_feeds", "keep_samples", "kept_feeds"]

_INPUTS = "inputs"
_SAMPLES = "samples.json"
"""Names of the feeds, by iteration."""


class _Kept:
    """Feeds that were kept, with their names; read or mapped when they are asked for."""

    def __init__(self, folder: Path) -> None:
        runs = files.read_inputs(folder / _INPUTS).runs
        self._iterations = runs[0].iterations if runs else ()
        samples = folder / _SAMPLES
        self._samples: dict[str, str] = json.loads(samples.read_text(encoding="utf-8")) if samples.exists() else {}

    def __iter__(self) -> Iterator[Feed]:
        for index, iteration in enumerate(self._iterations):
            sample = self._samples.get(str(index))
            yield iteration if sample is None else NamedFeed(iteration, sample)

    def __len__(self) -> int:
        return len(self._iterations)


def keep_feeds(feeds: Iterable[Feed], folder: Path) -> None:
    """Leave feeds in a folder; they are gone through once."""
    samples = {}
    with feeds_writer(folder) as writer:
        for number, feed in enumerate(feeds):
            writer.write(Iteration(host_side(feed)))
            if (sample := sample_of(feed)) is not None:
                samples[number] = sample
    keep_samples(folder, samples)


def feeds_writer(folder: Path) -> Writer:
    """Takes feeds one by one, for a folder."""
    return files.open_writer(folder / _INPUTS, "inputs")


def keep_samples(folder: Path, samples: Mapping[int, str]) -> None:
    """Leave the names of feeds beside them."""
    (folder / _SAMPLES).write_text(json.dumps(samples), encoding="utf-8")


def are_kept(folder: Path) -> bool:
    """Whether feeds were left in a folder."""
    return (folder / _INPUTS).exists()


def kept_feeds(folder: Path, source: str) -> Feeds:
    """The feeds that were left in a folder; `source` says where they are from, for messages."""
    kept = _Kept(folder)
    return Feeds(source, kept, len(kept), repeatable=True)
