"""Ways to copy between memory of the host that is not pinned and the GPU: directly, or through pinned memory.

Each copy is waited for. From the GPU the copy goes into new memory, as outputs of an inference do. Printed are medians,
as a Markdown table. Needs an NVIDIA GPU and cuda-python. Run it on a quiet machine, in a checkout:

    python benchmarks/gpu_copies.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import trtkit
from trtkit.cuda.base import Cuda, open_cuda
from trtkit.cuda.device import current_device, require_gpu

TO_GPU = {"602 KB, an image of 3x224x224": 4 * 3 * 224 * 224, "4.8 MB, eight of them": 8 * 4 * 3 * 224 * 224}
FROM_GPU = {"4 KB, 1000 logits": 4000, "1 MiB": 1 << 20, "16 MiB": 1 << 24}
PIECE = 1 << 18
WAYS = ("directly", "through pinned memory", "the same in pieces of 256 KiB")

Array = npt.NDArray[Any]


class Copies:
    """Every way to copy so many bytes; all end with the copy done."""

    def __init__(self, cuda: Cuda, nbytes: int) -> None:
        self.cuda = cuda
        self.stream = cuda.create_stream()
        self.address = cuda.allocate(nbytes)
        self.pinned = cuda.allocate_pinned(nbytes)
        self.host: Array = np.ones(nbytes, np.uint8)
        cuda.upload(self.address, self.host, self.stream)

    def upload(self) -> None:
        """To the GPU, directly."""
        self.cuda.upload(self.address, self.host, self.stream)
        self.cuda.synchronize(self.stream)

    def upload_pinned(self, piece: int | None = None) -> None:
        """To the GPU through pinned memory: all at once, or each piece on its way while the next one is prepared."""
        size = self.host.nbytes
        step = piece or size
        for start in range(0, size, step):
            part = slice(start, min(start + step, size))
            np.copyto(self.pinned[part], self.host[part])
            self.cuda.upload(self.address + start, self.pinned[part], self.stream)
        self.cuda.synchronize(self.stream)

    def download(self) -> Array:
        """From the GPU into new memory, directly."""
        array: Array = np.empty(self.host.nbytes, np.uint8)
        self.cuda.download(array, self.address, self.stream)
        self.cuda.synchronize(self.stream)
        return array

    def download_pinned(self) -> Array:
        """From the GPU into new memory, through pinned memory."""
        self.cuda.download(self.pinned, self.address, self.stream)
        self.cuda.synchronize(self.stream)
        array: Array = self.pinned.copy()
        return array

    def close(self) -> None:
        """Give the memory back."""
        self.cuda.free(self.address)
        self.cuda.free_pinned(self.pinned)
        self.cuda.destroy_stream(self.stream)


def measure(ways: list[Callable[[], Any]], rounds: int) -> list[str]:
    """The median milliseconds of every way, which take turns."""
    found: list[list[float]] = [[] for _ in ways]
    for index in range(rounds + 10):
        for way, times in zip(ways, found, strict=True):
            start = time.perf_counter()
            way()
            seconds = time.perf_counter() - start
            if index >= 10:  # the first rounds warm up
                times.append(seconds * 1e3)
    return [f"{statistics.median(times):.3f}" for times in found]


def run(rounds: int) -> str:
    """Measure, and render as Markdown."""
    require_gpu("This benchmark needs")
    cuda = open_cuda()
    table = [["milliseconds", *WAYS], ["---", *("---:" for _ in WAYS)]]
    with cuda.active():
        for direction, sizes in (("to", TO_GPU), ("from", FROM_GPU)):
            for title, nbytes in sizes.items():
                copies = Copies(cuda, nbytes)
                ways: list[Callable[[], Any]] = [copies.download, copies.download_pinned]
                if direction == "to":
                    ways = [copies.upload, copies.upload_pinned, partial(copies.upload_pinned, PIECE)]
                cells = measure(ways, rounds)
                copies.close()
                table.append([f"{direction} the GPU, {title}", *cells, *[""] * (len(WAYS) - len(cells))])
    head = f"{current_device().name}, medians of {rounds} copies of each kind in turn"
    return "\n".join([head, "", *(f"| {' | '.join(line)} |" for line in table)])


def main() -> int:
    """Print the table; the exit code says only whether it could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300, help="copies of each kind (default: %(default)s)")
    try:
        print(run(parser.parse_args().rounds))  # noqa: T201 - a script's answer
    except trtkit.TrtkitError as error:
        print(f"gpu_copies.py: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
