"""A suite of 200 jobs, some with planted failures: `-j 2` here, or on a Ray cluster of two machines that are both here.

    python benchmarks/suite_of_many.py local|ray [RUNS]

Each of the runs (2 if no number is given) has to come to the planted verdict of every job. On Ray, a worker is killed
in the middle, whose job has to be started again. Prints for each run its wall time and what it came to. Exits 1 where
a verdict is wrong.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ray_clusters import RayCluster, ray_cluster  # noqa: E402
from suite_files import write_suite  # noqa: E402


def main() -> int:
    """Run the suite as often as was asked for."""
    where = sys.argv[1] if len(sys.argv) > 1 else ""
    if where not in ("local", "ray"):
        sys.exit(__doc__)
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    with tempfile.TemporaryDirectory(prefix="tk", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "suite").mkdir()
        expected = write_suite(folder / "suite", 63)
        if where == "local":
            return max(_run(folder / "suite", None, expected) for _ in range(runs))
        with ray_cluster(folder) as cluster:
            cluster.add({"other": 1})
            return max(_run(folder / "suite", cluster, expected) for _ in range(runs))


def _run(folder: Path, cluster: RayCluster | None, expected: dict[str, str]) -> int:
    """Run it once; 1 where a verdict is wrong."""
    place = ["-j", "2"] if cluster is None else ["--executor", "ray", "--ray-address", cluster.address]
    command = [sys.executable, "-m", "trtkit", "suite", "suite.toml", *place, "--report", "report.json"]
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    suite = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=environment)
    if cluster is not None:
        _kill_a_worker(folder, cluster, suite)
    code = suite.wait()
    seconds = time.monotonic() - began
    jobs = json.loads((folder / "report.json").read_text())["jobs"]
    wrong = {job["name"]: job["verdict"] for job in jobs if job["verdict"] != expected[job["name"]]}
    again = sum(job["attempts"] - 1 for job in jobs)
    told = f"{len(jobs)} jobs in {seconds:.1f} s, {again} started again, exit code {code}, {len(wrong)} wrong: {wrong}"
    print(told, flush=True)  # noqa: T201 - a script's answer
    return int(bool(wrong) or len(jobs) != len(expected) or again != (cluster is not None))


def _kill_a_worker(folder: Path, cluster: RayCluster, suite: subprocess.Popen[bytes]) -> None:
    """Kill one as soon as 60 jobs have ended."""
    results = folder / ".trtkit-suite" / "results"
    started = time.time()
    while suite.poll() is None and sum(each.stat().st_mtime > started for each in results.glob("*.json")) < 60:
        time.sleep(0.1)
    for pid in cluster.workers()[:1]:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
