from __future__ import annotations

import pytest

from trtkit.backends.onnxrt.providers import check_active, resolve, resolve_options
from trtkit.errors import MissingError, UsageError

CPU, CUDA, TRT, RTX = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt", "NvTensorRTRTX"))
KNOWN = [RTX, TRT, CUDA, "DmlExecutionProvider", "XnnpackExecutionProvider", CPU]


@pytest.mark.parametrize(
    ("wanted", "available", "names"),
    [
        ([CPU], [CPU], [CPU]),
        (["cpu"], [CPU], [CPU]),
        (["cuda", "c"], [CUDA, CPU], None),
        (["CUDA", "cpu"], [CPU, CUDA], [CUDA, CPU]),
        (["tensorrt"], [RTX, TRT, CPU], [TRT]),
        (["rtx"], [RTX, TRT, CPU], [RTX]),
        (["nv"], [RTX, CPU], [RTX]),
        (["cp", "cud"], [CPU, CUDA], [CPU, CUDA]),
        (["cpuexecutionprovider"], [CPU], [CPU]),
    ],
)
def test_names(wanted: list[str], available: list[str], names: list[str] | None) -> None:
    if names is None:
        with pytest.raises(UsageError, match="'c' may be any of"):
            resolve(wanted, KNOWN, available)
    else:
        assert resolve(wanted, KNOWN, available) == names


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["kuda"], r"no execution provider 'kuda'; did you mean 'CUDA'\? \(this build has CPUExecutionProvider\)"),
        ([""], "no execution provider ''"),
        (["cpu", "CPU"], "names CPUExecutionProvider twice"),
    ],
)
def test_mistakes(wanted: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(wanted, KNOWN, [CPU])


@pytest.mark.parametrize(
    ("wanted", "way"),
    [
        ("cuda", "pip install onnxruntime-gpu"),
        ("dml", "pip install onnxruntime-directml"),
        ("xnn", "install a build of ONNX Runtime that has it"),
    ],
)
def test_what_this_build_lacks(wanted: str, way: str) -> None:
    with pytest.raises(MissingError, match=rf"does not have \w+ \(it has CPUExecutionProvider\); .*{way}") as caught:
        resolve([wanted], KNOWN, [CPU])
    assert caught.value.exit_code == 4


def test_options() -> None:
    assert resolve_options({"cuda": {"device_id": "1"}}, [CUDA, CPU], KNOWN) == [{"device_id": "1"}, {}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensorrt": {"a": "b"}}, "TensorrtExecutionProvider is not among the providers of this runner"),
        ({"cpu": {"a": "b"}}, r"CPUExecutionProvider has no options \(given: a\)"),
        ({"foo": {"a": "b"}}, "no execution provider 'foo'"),
    ],
)
def test_options_of_nobody(options: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_options(options, [CUDA, CPU], KNOWN)


def test_a_provider_that_did_not_start() -> None:
    class Session:
        """As ONNX Runtime leaves one whose CUDA libraries are missing."""

        def get_providers(self) -> list[str]:
            return [CPU]

    with pytest.raises(MissingError, match="could not start CUDAExecutionProvider and would go on with CPU"):
        check_active([CUDA, CPU], Session())
