from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_clusters import RayCluster, can_hide, ray_cluster


@pytest.fixture(scope="module")
def here() -> Iterator[Path]:
    """A folder with a short path; below it `mine`, which is empty on the other machine."""
    with tempfile.TemporaryDirectory(prefix="tk", ignore_cleanup_errors=True) as folder:
        (Path(folder) / "mine").mkdir()
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def cluster(here: Path) -> Iterator[RayCluster]:
    """Two machines: `first`, with the driver, and `other`, which says that it has two GPUs."""
    with ray_cluster(here) as cluster:
        cluster.add({"other": 1}, gpus=2, hidden=here / "mine" if can_hide(here / "mine") else None)
        yield cluster


@pytest.fixture
def place(here: Path) -> Iterator[Path]:
    """A folder that the other machine does not have."""
    with tempfile.TemporaryDirectory(dir=here / "mine") as folder:
        yield Path(folder)
