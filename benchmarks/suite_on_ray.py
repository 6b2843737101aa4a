"""A suite of 200 jobs on a Ray cluster of two machines, both on this one, with a worker killed in the middle.

    python benchmarks/suite_on_ray.py [RUNS]

Each of the runs (2 if no number is given) has to come to the planted verdict of every job. Prints for each its wall
time, how many jobs were started again, and what it came to. Exits 1 where a verdict is wrong.
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
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory(prefix="tk", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "suite").mkdir()
        expected = write_suite(folder / "suite", 63)
        with ray_cluster(folder) as cluster:
            cluster.add({"other": 1})
            return max(_run(folder / "suite", cluster, expected) for _ in range(runs))


def _run(folder: Path, cluster: RayCluster, expected: dict[str, str]) -> int:
    """Run it once; 1 where a verdict is wrong."""
    command = [sys.executable, "-m", "trtkit", "suite", "suite.toml", "--executor", "ray"]
    command += ["--ray-address", cluster.address, "--report", "report.json"]
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    suite = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=environment)
    results = folder / ".trtkit-suite" / "results"
    started = time.time()
    while suite.poll() is None and sum(each.stat().st_mtime > started for each in results.glob("*.json")) < 60:
        time.sleep(0.1)
    for pid in cluster.workers()[:1]:
        os.kill(pid, signal.SIGKILL)
    code = suite.wait()
    seconds = time.monotonic() - began
    jobs = json.loads((folder / "report.json").read_text())["jobs"]
    wrong = {job["name"]: job["verdict"] for job in jobs if job["verdict"] != expected[job["name"]]}
    again = sum(job["attempts"] - 1 for job in jobs)
    told = f"{len(jobs)} jobs in {seconds:.1f} s, {again} started again, exit code {code}, {len(wrong)} wrong: {wrong}"
    print(told, flush=True)  # noqa: T201 - a script's answer
    return int(bool(wrong) or len(jobs) != len(expected) or again != 1)


if __name__ == "__main__":
    sys.exit(main())
