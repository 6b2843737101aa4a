"""Jobs on a real Ray cluster of this machine: none is lost with a worker, and what a machine lacks is fetched."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from planted_scripts import SCRIPTS, write_script
from ray_clusters import RayCluster, can_hide

from trtkit.comparator.inputs import InputOptions
from trtkit.errors import MissingError, MissingPackageError, UsageError
from trtkit.fingerprint import file_sha256
from trtkit.plan import ExecutionOptions, RunPlan, SaveOptions
from trtkit.suite import ray_executor
from trtkit.suite.executor import Ended, Task
from trtkit.suite.parcels import weights_of
from trtkit.suite.paths import paths_read
from trtkit.suite.ray_executor import RayExecutor
from trtkit.suite.ray_options import RayOptions

# What Ray does itself when a program connects: files of its logs, and sockets, are closed with the process.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


def task(folder: Path, script: str, name: str = "", **more: Any) -> Task:
    inputs = InputOptions(data_loader_script=str(write_script(script, folder)))
    return task_of(RunPlan(zoo.write("linear", folder), ["onnxrt", "onnxref"], inputs=inputs), name or script, **more)


def task_of(plan: RunPlan, name: str, further: Sequence[Path] = (), **more: Any) -> Task:
    paths = [*map(Path, (*paths_read(plan), *weights_of(plan))), *further]
    return Task(name, name, plan, {str(path): file_sha256(path) for path in paths}, **more)


def carried_out(executor: RayExecutor, tasks: Sequence[Task], within: float = 60) -> dict[str, Ended]:
    for each in tasks:
        executor.submit(each)
    return collected(executor, len(tasks), within)


def collected(executor: RayExecutor, count: int, within: float = 60) -> dict[str, Ended]:
    until, found = time.monotonic() + within, dict[str, Ended]()
    while len(found) < count:
        assert time.monotonic() < until, f"only {list(found)}"
        for ended in executor.wait(0.2):
            assert ended.key not in found
            found[ended.key] = ended
    return found


def comes(what: Callable[[], Any], within: float = 30) -> Any:
    until = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_every_way_to_end(cluster: RayCluster, place: Path) -> None:
    tasks = [
        task(place, "fine", seconds=60),
        task(place, "abort"),
        task(place, "raise"),
        task(place, "hang", seconds=5),
        task(place, "hog", memory=400 << 20),
    ]
    with RayExecutor(RayOptions(ray_address=cluster.address)) as executor:
        assert executor.slots == 4
        ended = carried_out(executor, tasks)
        assert executor.wait(0) == ()
    told = {
        key: (each.fate, json.loads(each.report)["exit_code"] if each.report else None) for key, each in ended.items()
    }
    assert told == {
        "fine": ("finished", 0),
        "abort": ("crashed", None),
        "raise": ("finished", 3),
        "hang": ("timeout", None),
        "hog": ("memory", None),
    }
    assert "last words" in ended["abort"].log
    assert {each.attempts for each in ended.values()} == {1}
    assert all(each.host and each.seconds > 0 for each in ended.values())


SLOW = (
    SCRIPTS["fine"].replace("import numpy", "import numpy, time").replace("    yield", "    time.sleep(1.5)\n    yield")
)


def slow(folder: Path, count: int) -> list[Task]:
    (folder / "slow.py").write_text(SLOW)
    inputs = InputOptions(data_loader_script=str(folder / "slow.py"))
    plan = RunPlan(zoo.write("linear", folder), ["onnxrt", "onnxref"], inputs=inputs)
    return [task_of(plan, f"slow-{number}") for number in range(count)]


def test_a_killed_worker_loses_no_job(
    cluster: RayCluster, place: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with RayExecutor(RayOptions(ray_address=cluster.address)) as executor:
        for each in slow(place, 4):
            executor.submit(each)
        victim = comes(cluster.workers)[0]
        os.kill(victim, signal.SIGKILL)
        ended = collected(executor, 4)
    assert [each.fate for each in ended.values()] == ["finished"] * 4
    assert sorted(each.attempts for each in ended.values()) == [1, 1, 1, 2]
    assert "its worker on the cluster was lost (WorkerCrashedError); it is started again" in caplog.text
    assert capfd.readouterr().out == ""


STARTED = """import os, pathlib, tempfile
pathlib.Path(__file__).with_name(f"started-{os.getpid()}").write_text(tempfile.gettempdir())
"""


def hanging(folder: Path) -> RunPlan:
    """A plan that hangs, and leaves beside its script the process that it is in and its folder for temporary files."""
    (folder / "hang.py").write_text(STARTED + SCRIPTS["hang"])
    inputs = InputOptions(data_loader_script=str(folder / "hang.py"))
    return RunPlan(zoo.write("linear", folder), ["onnxrt"], inputs=inputs)


def started_in(folder: Path) -> tuple[Path, Path]:
    """What a plan of `hanging` is, once it runs: its process and its folder."""
    (started,) = comes(lambda: [each for each in folder.glob("started-*") if each.read_text()])
    return Path(f"/proc/{started.name.rpartition('-')[2]}"), Path(started.read_text()).parent


def test_a_worker_that_is_lost_too_often(cluster: RayCluster, place: Path) -> None:
    with RayExecutor(local(cluster, ray_retries=0)) as executor:
        executor.submit(task_of(hanging(place), "hang"))
        process, folder = started_in(place)
        os.kill(comes(cluster.workers)[0], signal.SIGKILL)
        (ended,) = collected(executor, 1).values()
    assert (ended.fate, ended.report, ended.attempts) == ("lost", None, 1)
    assert ended.message.startswith("its worker on the cluster was lost (WorkerCrashedError); it was started once")
    comes(lambda: not process.exists() and not folder.exists())


def test_a_machine_that_is_gone_loses_no_job(cluster: RayCluster, place: Path) -> None:
    number = cluster.add({"third": 1})
    with RayExecutor(RayOptions(ray_address=cluster.address)) as executor:
        for each in slow(place, 4):
            executor.submit(each)
        comes(lambda: len(cluster.workers()) >= 3)
        cluster.kill(number)
        ended = collected(executor, 4)
    assert [each.fate for each in ended.values()] == ["finished"] * 4
    assert max(each.attempts for each in ended.values()) == 2


def test_leaving_ends_what_runs(cluster: RayCluster, place: Path) -> None:
    plan = hanging(place)
    with contextlib.suppress(KeyboardInterrupt), RayExecutor(local(cluster)) as executor:
        executor.submit(task_of(plan, "first"))
        executor.submit(task_of(plan, "waits"))
        process, folder = started_in(place)
        raise KeyboardInterrupt
    assert not process.exists()
    assert not folder.exists()
    assert not cluster.workers()


def local(cluster: RayCluster, **more: Any) -> RayOptions:
    """Options for jobs on the machine of the driver."""
    return RayOptions(ray_address=cluster.address, ray_resources={"first": 1}, **more)


def other(cluster: RayCluster, **more: Any) -> RayOptions:
    """Options for jobs on the other machine."""
    return RayOptions(ray_address=cluster.address, ray_resources={"other": 1}, **more)


@pytest.fixture
def hiding(cluster: RayCluster, here: Path) -> None:
    if not can_hide(here / "mine"):
        pytest.skip("needs mounts of a process's own (unshare --map-root-user --mount)")


@pytest.mark.usefixtures("hiding")
def test_what_a_machine_lacks_is_fetched_by_hash(cluster: RayCluster, here: Path, place: Path) -> None:
    weights = np.arange(1 << 22, dtype=np.float32).reshape(2, -1) / (1 << 22)  # 16 MiB, in pieces
    tensor = zoo.external_tensor("w", weights, "data/w.bin")
    (place / "data").mkdir()
    (place / "data" / "w.bin").write_bytes(weights.tobytes())
    model = zoo.model(
        [zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.tensor("x", [1, 2])], [zoo.tensor("y", [1, 1 << 21])], [tensor]
    )
    onnx.save(model, place / "large.onnx")
    (place / "mine.py").write_text("def half(outputs):\n    return {key: each / 2 for key, each in outputs.items()}\n")
    (place / "change.py").write_text("import mine\ndef postprocess_outputs(outputs):\n    return mine.half(outputs)\n")
    np.savez(place / "inputs.npz", x=np.ones((1, 2), np.float32))
    plan = RunPlan(
        place / "large.onnx",
        ["onnxrt", "onnxref"],
        inputs=InputOptions(load_inputs=(str(place / "inputs.npz"),)),
        execution=ExecutionOptions(postprocess_func_script=str(place / "change.py")),
    )
    sent = task_of(plan, "large", further=[place / "mine.py"])
    cache = here / "cache"
    with RayExecutor(other(cluster, ray_cache=str(cache))) as executor:
        (ended,) = carried_out(executor, [sent]).values()
        assert ended.fate == "finished", ended
        kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
        assert {path.name for path in kept if path.suffix != ".lock"} == {
            *("large.onnx", "w.bin", "change.py", "mine.py", "inputs.npz")
        }
        (again,) = carried_out(executor, [replace(sent, key="again")]).values()
        assert again.fate == "finished", again
        assert {path: path.stat().st_mtime_ns for path in kept if path.suffix != ".lock"} == {
            path: when for path, when in kept.items() if path.suffix != ".lock"
        }
    assert ended.report is not None
    report = json.loads(ended.report)
    assert report["exit_code"] == 0
    assert report["model"] == report["plan"]["model"]["path"] == str(place / "large.onnx")
    assert report["models"][0]["external_data"][0]["path"] == str(place / "data" / "w.bin")
    assert str(cache) not in ended.report.decode()


@pytest.mark.usefixtures("hiding")
def test_a_file_that_changes_before_it_is_fetched(cluster: RayCluster, here: Path, place: Path) -> None:
    sent = task(place, "fine")
    (place / "fine.py").write_text("def load_data():\n    return []\n")
    with RayExecutor(other(cluster, ray_cache=str(here / "cache"))) as executor:
        (ended,) = carried_out(executor, [sent]).values()
        (place / "fine.py").unlink()
        (gone,) = carried_out(executor, [sent]).values()
    assert (ended.fate, gone.fate) == ("lost", "lost")
    assert "fine.py' has changed since the suite began" in ended.message
    assert "fine.py' on the machine that the suite runs on: No such file or directory" in gone.message


@pytest.mark.usefixtures("hiding")
def test_a_missing_file_is_the_jobs_error_as_here(cluster: RayCluster, here: Path, place: Path) -> None:
    plan = RunPlan(place / "gone.onnx", ["onnxrt"])
    with RayExecutor(other(cluster, ray_cache=str(here / "cache"))) as executor:
        (ended,) = carried_out(executor, [Task("gone", "gone", plan)]).values()
    assert ended.report is not None
    assert json.loads(ended.report)["error"]["message"].startswith(f"there is no model file '{place}/gone.onnx'")


SHOWS = """import numpy, os
os.write(2, f"visible {os.environ.get('CUDA_VISIBLE_DEVICES')!r} in {os.getcwd()}".encode())
def load_data():
    yield {'x': numpy.ones((2, 3), 'float32')}
"""


def test_gpus_are_lent_and_the_others_hidden(cluster: RayCluster, here: Path, place: Path) -> None:
    (place / "shows.py").write_text(SHOWS)
    inputs = InputOptions(data_loader_script=str(place / "shows.py"))
    plan = RunPlan(zoo.write("linear", place), ["onnxrt"], inputs=inputs)
    tasks = [task_of(plan, "one", gpus=1), task_of(plan, "none")]
    with RayExecutor(other(cluster, ray_cache=str(here / "cache")), cwd=here) as executor:
        ended = carried_out(executor, tasks)
    assert "visible '0'" in ended["one"].log or "visible '1'" in ended["one"].log
    assert f"visible '' in {here}" in ended["none"].log


def test_nothing_is_big_enough(cluster: RayCluster, place: Path) -> None:
    options = RayOptions(ray_address=cluster.address, ray_resources={"unicorn": 1, "first": 1}, ray_patience=0.5)
    with RayExecutor(options) as executor:
        (ended,) = carried_out(executor, [task(place, "fine")], 30).values()
    assert (ended.fate, ended.attempts) == ("lost", 0)
    assert ended.message == (
        "no machine of the cluster has what it needs (1 CPU, 1 unicorn, 1 first), and none came that has"
    )


def test_what_is_saved_would_stay_there(cluster: RayCluster, place: Path) -> None:
    plan = RunPlan(zoo.write("linear", place), ["onnxrt"], save=SaveOptions(save_outputs=str(place / "o.npz")))
    with RayExecutor(local(cluster)) as executor, pytest.raises(UsageError, match=r"saver: it saves '.*o\.npz'"):
        executor.submit(Task("saver", "saver", plan))


def test_another_trtkit_on_the_cluster(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_executor, "__version__", "99.1")
    with pytest.raises(MissingPackageError, match=r"has trtkit .*; install trtkit 99\.1 there"):
        RayExecutor(local(cluster)).__enter__()


def test_another_ray_on_the_cluster(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "__version__", "1.0.0")
    with pytest.raises(MissingError, match=r"^Version mismatch.*; run trtkit with the Python and the Ray of the cl"):
        RayExecutor(local(cluster)).__enter__()


def test_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'trtkit[ray]'")
    with pytest.raises(MissingError, match=r"no Ray cluster answers at 127\.0\.0\.1:1: .*; start one with"):
        RayExecutor(RayOptions(ray_address="127.0.0.1:1")).__enter__()
    monkeypatch.setenv("RAY_ADDRESS", "ray://somewhere:10001")
    with pytest.raises(UsageError, match=r"^RAY_ADDRESS ray://.*Ray Client is not supported"):
        RayExecutor().__enter__()


def test_a_connection_that_is_there_is_left_open(cluster: RayCluster, place: Path) -> None:
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        with RayExecutor() as executor:
            assert [each.fate for each in carried_out(executor, [task(place, "fine")]).values()] == ["finished"]
        assert ray.is_initialized()
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()
