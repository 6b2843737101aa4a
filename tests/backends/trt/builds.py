"""Networks and builds for the tests of configurations and engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zoo

from trtkit.backends.trt.build import build_engine
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.models import ModelFile

__all__ = ["SHAPES", "built", "opened", "script"]

SHAPES = {"x": (2, 3)}
"""Shapes for most models of the zoo."""


@contextmanager
def opened(folder: Path, model: str = "linear", package: str = "tensorrt_rtx") -> Iterator[Net]:
    """A model of the zoo as network."""
    with open_network(ModelFile.parse(zoo.write(model, folder)), NetworkOptions(trt_package=package)) as net:
        yield net


def built(net: Net, shapes: Mapping[str, tuple[int, ...]] | None = SHAPES, **options: Any) -> bytes:
    """The engine of a network, a copy of its bytes."""
    return bytes(build_engine(net, make_config(net, BuildOptions(**options), shapes=shapes)))


def script(folder: Path, body: str, name: str = "cfg.py") -> str:
    """A script with this text."""
    path = folder / name
    path.write_text(body)
    return str(path)
