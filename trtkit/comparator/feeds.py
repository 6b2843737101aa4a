"""The feeds of a run: generated, loaded from files, or from the user's data loader script."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trtkit.arrays import as_input
from trtkit.comparator.generate import random_feeds
from trtkit.comparator.inputs import InputOptions, check_shape, known_input
from trtkit.errors import InputError, ScriptError
from trtkit.results import Feed, Feeds, NamedFeed, sample_of
from trtkit.tensors import TensorSpecs

if TYPE_CHECKING:
    from trtkit.comparator.sweep import ShapeLimits
    from trtkit.results import Array

__all__ = ["as_feed", "limited", "open_feeds"]


def open_feeds(options: InputOptions, specs: TensorSpecs, limits: Sequence[ShapeLimits] = ()) -> Feeds:
    """The feeds that the options ask for, for a model with these inputs; `limits` bound the shapes of a sweep.

    Feeds of several files are named by file and place there: `b.npz#0`.

    Raises:
        InputError: the options name inputs or shapes that the model does not have, or inputs are of types that
            cannot be generated.
        FileError: a file of saved inputs cannot be read.
        ScriptError: the data loader script cannot be loaded.
    """
    for name, shape in options.input_shapes.items():
        check_shape(known_input(name, specs, "--input-shapes"), shape, "--input-shapes says")
    if options.load_inputs:
        feeds = _loaded(options)
    elif options.data_loader_script is not None:
        feeds = _scripted(options.data_loader_script, specs)
    else:
        return random_feeds(options, specs, limits)
    return feeds if options.iterations is None else limited(feeds, options.iterations, "--iterations")


class _Chained:
    """Runs of saved feeds, one after the other.

    At the top of the module: a class made in a function is garbage that refers to itself, and would keep the files
    open until it is collected.
    """

    def __init__(self, runs: Sequence[Iterable[Feed]]) -> None:
        self._runs = runs

    def __iter__(self) -> Iterator[Feed]:
        return itertools.chain.from_iterable(self._runs)


class _Named:
    """The feeds of one file, named by it and their place in it."""

    def __init__(self, feeds: Iterable[Feed], path: str) -> None:
        self._feeds = feeds
        self._path = path

    def __iter__(self) -> Iterator[Feed]:
        for index, feed in enumerate(self._feeds):
            yield NamedFeed(feed, f"{self._path}#{index}")


class _Limited:
    """As many feeds as were asked for; raises where there are fewer."""

    def __init__(self, feeds: Feeds, wanted: int, flag: str) -> None:
        self._feeds = feeds
        self._wanted = wanted
        self._flag = flag

    def __iter__(self) -> Iterator[Feed]:
        count = 0
        for feed in itertools.islice(self._feeds, self._wanted):
            count += 1
            yield feed
        if count < self._wanted:
            raise InputError(f"{self._flag} {self._wanted}: {self._feeds.source} gave only {_feeds(count)}")


def _loaded(options: InputOptions) -> Feeds:
    from trtkit import files  # numpy comes with it

    saved = [files.read_inputs(Path(path)) for path in options.load_inputs]
    runs = [[run.iterations for run in each.runs] for each in saved]
    length = sum(len(run) for each in runs for run in each)
    chains: list[Iterable[Feed]] = [_Chained(each) for each in runs]
    if len(chains) > 1:
        chains = [_Named(each, str(path)) for each, path in zip(chains, options.load_inputs, strict=True)]
    return Feeds(", ".join(options.load_inputs), _Chained(chains), length, repeatable=True)


def _scripted(text: str, specs: TensorSpecs) -> Feeds:
    from trtkit.userscript import load_script

    script = load_script(text, "load_data")

    class Scripted:
        def __iter__(self) -> Iterator[Feed]:
            values = script.call(input_specs=specs) if callable(script.value) else script.value
            if isinstance(values, Mapping):
                values = [values]
            if not isinstance(values, Iterable):
                raise ScriptError(
                    f"{script.path}: {script.name} gave a {type(values).__name__}; it should give feeds, "
                    "each a dict from input name to array"
                )
            for index, value in enumerate(script.iterate(values)):
                yield as_feed(value, f"{script.path}: feed {index} of {script.name}")

    value = script.value
    length = len(value) if isinstance(value, Sized) and not isinstance(value, Mapping) else None
    return Feeds(text, Scripted(), length, repeatable=False)


def as_feed(value: Any, where: str) -> Feed:
    """A user's feed with its values as numpy arrays; those that lie on a GPU stay there, as `DeviceArray`.

    A name that it has (`trtkit.results.sample_of`) it keeps.

    Raises:
        InputError: it is not a mapping from input name to array.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{where} is a {type(value).__name__}; a feed is a dict from input name to array")
    # Feeds are typed as what nearly all of them hold.
    arrays = {str(name): cast("Array", as_input(array, f"{where}, input {name!r}")) for name, array in value.items()}
    sample = sample_of(value)
    return arrays if sample is None else NamedFeed(arrays, sample)


def _feeds(number: int) -> str:
    return "1 feed" if number == 1 else f"{number} feeds"


def limited(feeds: Feeds, wanted: int, flag: str) -> Feeds:
    """The first `wanted` of these feeds; `flag` asked for them.

    Raises:
        InputError: there are fewer; also while they are gone through, where that is not known before.
    """
    if feeds.length is not None and feeds.length < wanted:
        raise InputError(f"{flag} {wanted}: {feeds.source} holds only {_feeds(feeds.length)}")
    return Feeds(feeds.source, _Limited(feeds, wanted, flag), wanted, feeds.repeatable, feeds.notes)
