"""Scripts of users that misbehave, for the jobs of suites: each is the text of a data loader."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SCRIPTS", "write_script"]

_FEED = "{'x': numpy.ones((2, 3), 'float32')}"

SCRIPTS = {
    "fine": f"import numpy\ndef load_data():\n    yield {_FEED}\n",
    "abort": "import os\ndef load_data():\n    os.write(2, b'last words')\n    os.abort()\n    yield {}\n",
    "exit": "import os\ndef load_data():\n    os._exit(7)\n    yield {}\n",
    "raise": "def load_data():\n    raise ValueError('no data today')\n    yield {}\n",
    "late": f"import atexit, numpy, os\natexit.register(os.abort)\ndef load_data():\n    yield {_FEED}\n",
    "hang": "import time\ndef load_data():\n    time.sleep(1000)\n    yield {}\n",
    "stubborn": "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef load_data():\n"
    "    while True:\n        time.sleep(1)\n    yield {}\n",
    "hog": "import time\nkept = []\ndef load_data():\n    while True:\n        kept.append(b'1' * (16 << 20))\n"
    "        time.sleep(0.01)\n    yield {}\n",
    "chatty": f"import numpy, os\ndef load_data():\n    os.write(2, b'first')\n    for _ in range(64):\n"
    f"        os.write(2, b'.' * 9999 + b'\\n')\n    os.write(1, b'the end')\n    yield {_FEED}\n",
    # a daemon in a session of its own, whose pid is left beside the script
    "daemon": "import numpy, pathlib, subprocess\ndef load_data():\n"
    "    child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
    f"    pathlib.Path(__file__).with_name('pid').write_text(str(child.pid))\n    yield {_FEED}\n",
    "hanging_daemon": "import pathlib, subprocess, time\ndef load_data():\n"
    "    child = subprocess.Popen(['sh', '-c', 'sleep 1000 & wait'], start_new_session=True)\n"
    "    pathlib.Path(__file__).with_name('pid').write_text(str(child.pid))\n    time.sleep(1000)\n    yield {}\n",
    # two children that hold the memory, not the job itself
    "children_hog": "import subprocess, sys, time\ndef load_data():\n"
    "    code = \"import time; kept = b'1' * (150 << 20); time.sleep(1000)\"\n"
    "    for _ in range(2):\n        subprocess.Popen([sys.executable, '-c', code])\n"
    "    time.sleep(1000)\n    yield {}\n",
}


def write_script(name: str, folder: Path) -> Path:
    """Write one of them as `folder/name.py`."""
    path = folder / f"{name}.py"
    path.write_text(SCRIPTS[name])
    return path
