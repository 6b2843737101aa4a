from __future__ import annotations

import shutil

from trtkit.cuda.device import gpu_count


def test_gpu_count_agrees_with_the_driver() -> None:
    assert gpu_count() >= 0
    if shutil.which("nvidia-smi") is None:
        assert gpu_count() == 0, "where no driver is installed there is no GPU to use"
