from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.trt.builds import SHAPES, built, opened, script

from trtkit.backends.trt import progress as progress_module
from trtkit.backends.trt.build import build_engine, save_engine
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.interrupts import Stop
from trtkit.backends.trt.network import Net
from trtkit.backends.trt.progress import heartbeat
from trtkit.cuda.device import gpu_count
from trtkit.errors import FileError, MissingDeviceError, ModelError

trt = pytest.importorskip("tensorrt_rtx")


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    with opened(tmp_path) as network:
        yield network


class Recorder:
    """Keeps what it is told; raises or signals on the way where asked to."""

    def __init__(self, error: BaseException | None = None, number: int = 0) -> None:
        self.phases: list[str] = []
        self.open: list[str] = []
        self.done: dict[str, int] = {}
        self.error = error
        self.number = number
        self.answered: Callable[[], bool] = lambda: True

    def start(self, phase: str, parent: str, steps: int) -> None:
        assert parent in ("", *self.open)
        assert steps >= 0
        self.phases.append(phase)
        self.open.append(phase)

    def step(self, phase: str, done: int) -> None:
        self.done[phase] = done
        if self.error is not None:
            raise self.error
        if self.number:
            os.kill(os.getpid(), self.number)
            self.number = 0
            until = time.monotonic() + 10
            while not self.answered() and time.monotonic() < until:  # by the main thread; this is another
                time.sleep(0.001)

    def finish(self, phase: str) -> None:
        self.open.remove(phase)


def test_the_engine_is_not_copied_and_outlives_the_network(tmp_path: Path) -> None:
    with opened(tmp_path) as net:
        engine = build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES))
        expected = built(net)
    assert engine.format == "B"
    assert engine.obj is not None
    assert not isinstance(engine.obj, bytes)
    assert bytes(engine) == expected


def test_saving(net: Net, tmp_path: Path) -> None:
    engine = build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES))
    save_engine(engine, tmp_path / "a.engine")
    assert (tmp_path / "a.engine").read_bytes() == bytes(engine)
    with pytest.raises(FileError, match="there is no folder"):
        save_engine(engine, tmp_path / "nowhere" / "a.engine")


def test_progress(net: Net) -> None:
    watcher = Recorder()
    build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES), watcher)
    assert watcher.phases[0] == "Building engine"
    assert len(watcher.phases) > 3
    assert not watcher.open
    assert watcher.done["Building engine"] >= 1


def test_an_error_in_the_progress_bar_is_not_swallowed(net: Net) -> None:
    with pytest.raises(ZeroDivisionError):
        build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES), Recorder(ZeroDivisionError()))


def test_ctrl_c_stops_the_build(net: Net, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    watcher = Recorder(number=signal.SIGINT)
    watcher.answered = lambda: bool(caplog.messages)
    monkeypatch.setattr(logging.getLogger("trtkit"), "propagate", True)
    with pytest.raises(KeyboardInterrupt):
        build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES), watcher)
    assert len(watcher.phases) < 4, "it went on"
    assert caplog.messages == ["stopping after this step; once more ends at once"]
    assert signal.getsignal(signal.SIGINT) is before
    assert built(net), "the network can still be built"


ENDLESS = """
import ctypes, signal, sys
from pathlib import Path
from backends.trt.builds import SHAPES, opened
from trtkit.atomic import replacing
from trtkit.backends.trt.build import build_engine
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config

C = ctypes.CDLL(None)

class Endless:
    def start(self, phase, parent, steps): pass
    def finish(self, phase): pass
    def step(self, phase, done):
        print("building", flush=True)
        C.sleep(60)

def stop(number, frame):
    raise KeyboardInterrupt

folder = Path(sys.argv[1])
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
try:
    with opened(folder) as net, replacing(folder / "other.txt"):
        build_engine(net, make_config(net, BuildOptions(), shapes=SHAPES), Endless())
except KeyboardInterrupt:
    print("unwound")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_second_signal_ends_the_process(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """At once, though TensorRT is at work, but not before temporary files are removed."""
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=where) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "building\n"
        assert [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]
        process.send_signal(number)
        assert "stopping after this step; once more ends at once" in process.stderr.readline()
        process.send_signal(number)
        said, errors = process.communicate(timeout=30)
    assert (process.returncode, said, errors) == (code, "unwound\n", "")
    assert time.monotonic() - began < 30
    assert [path.name for path in tmp_path.iterdir()] == ["linear.onnx"]


def test_a_build_in_another_thread(net: Net) -> None:
    engines: list[bytes] = []
    thread = threading.Thread(target=lambda: engines.append(built(net)))
    thread.start()
    thread.join()
    assert engines == [built(net)]


def test_a_script_may_watch_the_build_itself(net: Net, tmp_path: Path) -> None:
    body = """
def load_config(config, trt):
    class Mine(trt.IProgressMonitor):
        steps = 0
        def phase_start(self, name, parent, steps): pass
        def phase_finish(self, name): pass
        def step_complete(self, name, step):
            Mine.steps += 1
            return Mine.steps < 2
    config.progress_monitor = Mine()
"""
    build = make_config(net, BuildOptions(config_script=script(tmp_path, body)), shapes=SHAPES)
    with pytest.raises(ModelError, match=r"cannot build the engine: .*[Cc]ancel"):
        build_engine(net, build)


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "workspace": ({"pool_limit": {"workspace": 4096}}, "cannot build the engine: .*within workspace limit"),
    "safety": ({"engine_capability": "safety"}, "cannot build the engine: .*Could not find any implementation"),
    "dla": ({"engine_capability": "dla_standalone"}, "cannot build the engine: .*DLA"),
    "version compatible": ({"version_compatible": True}, "cannot build the engine: .*libnvinfer_lean"),
    "turing": ({"compute_capabilities": ("7.5",)}, "cannot build the engine: .*Turing"),
}


@pytest.mark.parametrize(("options", "message"), FAILURES.values(), ids=FAILURES)
def test_failures_say_what_tensorrt_says(net: Net, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        built(net, **options)
    assert "catchCudaError" not in str(caught.value)


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU here")
@pytest.mark.parametrize("options", [{"use_gpu": True}, {"refittable": True}, {"strip_plan": True}], ids=str)
def test_what_needs_a_gpu_says_so(net: Net, options: dict[str, Any]) -> None:
    with pytest.raises(MissingDeviceError, match="needs an NVIDIA GPU with its driver to build this engine"):
        built(net, **options)


def test_heartbeat(caplog: pytest.LogCaptureFixture) -> None:
    stop = Stop(can=True)
    stop.where = "Timing 3/4"
    seen = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: seen.set()  # type: ignore[method-assign]
    logger = logging.getLogger(progress_module.__name__)
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, logger.name), heartbeat(stop, interval=0.01):
            assert seen.wait(10)
    finally:
        logger.removeHandler(handler)
    assert caplog.messages[0].startswith("building the engine for 0 s: Timing 3/4")
