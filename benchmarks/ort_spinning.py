"""What two ONNX Runtime sessions in one process cost each other, and what stops it.

A session's threads spin while they wait for work. Beside a second session that is what they do while the other one
works. Two sessions of the same convolutional model take turns here, as two runners of `trtkit run` do; the same
session alone is the measure. Run it on a quiet machine:

    python benchmarks/ort_spinning.py --threads 2

`--idle` measures instead what one session takes of the processor, within an inference and while it is idle afterwards.
That is processor time, so it holds on a busy machine too, where latencies do not.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

IDLE = 0.03
"""Seconds of doing nothing after an inference."""

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


def processor_times(data: bytes, feed: dict[str, Any], config: dict[str, str], args: argparse.Namespace) -> list[float]:
    """Medians of the milliseconds of processor time within an inference, and in the `IDLE` seconds after it."""
    only = session(data, args.threads, config)
    only.run(None, feed)
    within, after = [], []
    for _ in range(args.rounds):
        start = time.process_time()
        only.run(None, feed)
        end = time.process_time()
        time.sleep(IDLE)
        within.append((end - start) * 1e3)
        after.append((time.process_time() - end) * 1e3)
    return [statistics.median(within), statistics.median(after)]


def main() -> None:
    """Print, for each setting, the latency of a session alone and beside another one, or what it takes when idle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40, help="inferences of each session")
    parser.add_argument("--passes", type=int, default=5, help="times that everything is measured; the best counts")
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--size", type=int, default=56, help="height and width of the image; 56 gives some 15 ms")
    parser.add_argument("--idle", action="store_true", help="processor time instead, also while nothing runs")
    args = parser.parse_args()
    data = model(64, args.size, args.layers)
    feed = {"t0": np.random.default_rng(1).standard_normal((1, 64, args.size, args.size), dtype=np.float32)}
    if args.idle:
        for label, config in SETTINGS.items():
            within, after = processor_times(data, feed, config, args)
            line = f"{label:36} within an inference {within:6.2f} ms   in {IDLE * 1e3:.0f} ms idle {after:6.2f} ms"
            print(line)  # noqa: T201 - a script's answer
        return
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
