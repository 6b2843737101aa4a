"""What two ONNX Runtime sessions in one process cost each other, and what stops it.

A session's threads spin while they wait for work. Beside a second session that is what they do while the other one
works. Two sessions of the same convolutional model take turns here, as two runners of `trtkit run` do; the same
session alone is the measure. Run it on a quiet machine:

    python benchmarks/ort_spinning.py --threads 2
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "session.intra_op.allow_spinning=0": {"session.intra_op.allow_spinning": "0"},
    "session.force_spinning_stop=1": {"session.force_spinning_stop": "1"},
}


def model(channels: int, size: int, layers: int) -> bytes:
    """A chain of 3x3 convolutions."""
    rng = np.random.default_rng(0)
    shape = [1, channels, size, size]
    nodes, weights = [], []
    for index in range(layers):
        kernel = rng.standard_normal((channels, channels, 3, 3), dtype=np.float32) / (3 * channels**0.5)
        weights.append(numpy_helper.from_array(kernel, f"w{index}"))
        inputs = [f"t{index}", f"w{index}"]
        nodes.append(helper.make_node("Conv", inputs, [f"c{index}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"t{index + 1}"]))
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"t{layers}", TensorProto.FLOAT, shape)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, ir_version=9, opset_imports=opsets).SerializeToString()
    return data


def session(data: bytes, threads: int, config: dict[str, str]) -> Any:
    """A session on the CPU with these settings."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    for key, value in config.items():
        options.add_session_config_entry(key, value)
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def latencies(sessions: list[Any], feed: dict[str, Any], rounds: int) -> list[float]:
    """Milliseconds of each inference of the first session, all of them taking turns."""
    found = []
    for _ in range(rounds):
        for index, each in enumerate(sessions):
            start = time.perf_counter()
            each.run(None, feed)
            if index == 0:
                found.append((time.perf_counter() - start) * 1e3)
    return found[rounds // 5 :]  # the first ones warm up


def measure(data: bytes, feed: dict[str, Any], count: int, config: dict[str, str], args: argparse.Namespace) -> float:
    """The median latency in milliseconds of one of `count` sessions that take turns."""
    return statistics.median(latencies([session(data, args.threads, config) for _ in range(count)], feed, args.rounds))


def main() -> None:
    """Print, for each setting, the latency of a session alone and beside another one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40, help="inferences of each session")
    parser.add_argument("--passes", type=int, default=5, help="times that everything is measured; the best counts")
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--size", type=int, default=56, help="height and width of the image; 56 gives some 15 ms")
    args = parser.parse_args()
    data = model(64, args.size, args.layers)
    feed = {"t0": np.random.default_rng(1).standard_normal((1, 64, args.size, args.size), dtype=np.float32)}
    best: dict[tuple[str, int], float] = {}
    for _ in range(args.passes):
        for label, config in SETTINGS.items():
            for count in (1, 2):
                found = measure(data, feed, count, config, args)
                best[label, count] = min(found, best.get((label, count), found))
    lines = [f"onnxruntime {ort.__version__}, {args.threads} threads, median ms of the best of {args.passes} passes"]
    for label in SETTINGS:
        lines.append(f"{label:36} alone {best[label, 1]:7.2f}   taking turns {best[label, 2]:7.2f}")
    print("\n".join(lines))  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
