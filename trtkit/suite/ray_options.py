"""The options of the executor that runs a suite's jobs on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from trtkit.errors import UsageError
from trtkit.options import by_name, option, parse_count

__all__ = ["RayOptions", "check_address"]

_ACCOUNTED_FOR = {"CPU": "--ray-cpus", "GPU": "gpus of the job", "memory": "memory-limit of the job"}
"""What Ray has other names for, each with where it is said."""


def _resource(text: str) -> tuple[str, float]:
    name, _, amount = text.rpartition(":")
    if not name:
        raise UsageError("expected NAME:AMOUNT, such as a100:1")
    return name, float(amount)


@dataclass(frozen=True)
class RayOptions:
    """Which cluster, and what a job takes of it.

    Raises:
        UsageError: a value makes no sense, or the address is one of Ray Client.
    """

    ray_address: str | None = option(
        None,
        "--ray-address",
        help="with --executor ray: the cluster (default: RAY_ADDRESS, else the one that runs on this machine)",
        metavar="HOST:PORT",
    )
    ray_cpus: float = option(
        1.0, "--ray-cpus", help="with --executor ray: how many CPUs a job takes", parse=float, metavar="N"
    )
    ray_resources: Mapping[str, float] = option(
        {},
        "--ray-resources",
        help="with --executor ray: what else a job takes, of resources that the cluster's machines were started with",
        parse=_resource,
        gather=by_name,
        count="+",
        metavar="NAME:AMOUNT",
    )
    ray_retries: int = option(
        3,
        "--ray-retries",
        help="with --executor ray: how often a job is started again whose worker or machine was lost",
        parse=parse_count(0),
        metavar="N",
    )
    ray_patience: float = option(
        300.0,
        "--ray-patience",
        help="with --executor ray: how long a job waits where no machine of the cluster is big enough for it, as while "
        "the cluster grows",
        parse=float,
        metavar="SECONDS",
    )
    ray_cache: str | None = option(
        None,
        "--ray-cache",
        help="with --executor ray: folder on the cluster's machines for files that they lack (default: "
        "trtkit-files-UID among the temporary files)",
        metavar="DIR",
    )

    def __post_init__(self) -> None:
        if not 0 < self.ray_cpus < inf:
            raise UsageError(f"--ray-cpus {self.ray_cpus:g}: expected a number above 0, such as 1 or 0.5")
        if not 0 <= self.ray_patience < inf:
            raise UsageError(f"--ray-patience {self.ray_patience:g}: expected seconds, such as 300")
        for name, amount in self.ray_resources.items():
            if name in _ACCOUNTED_FOR:
                raise UsageError(f"--ray-resources {name}:{amount:g}: that is said with {_ACCOUNTED_FOR[name]}")
            if not 0 < amount < inf:
                raise UsageError(f"--ray-resources {name}:{amount:g}: expected an amount above 0")
        if self.ray_address is not None:
            check_address(self.ray_address, "--ray-address")


def check_address(address: str, what: str) -> None:
    """Raise UsageError where this is no address of a cluster that a suite can run on."""
    if address.startswith("ray://"):
        raise UsageError(
            f"{what} {address}: Ray Client is not supported; run the suite on a machine of the cluster, as in: "
            "ray job submit --working-dir . -- trtkit suite suite.toml --executor ray"
        )
    host, colon, port = address.rpartition(":")
    if address != "auto" and not (host and colon and port.isdecimal()):
        raise UsageError(f"{what} {address!r}: expected HOST:PORT, such as 10.0.0.1:6379, or auto")
