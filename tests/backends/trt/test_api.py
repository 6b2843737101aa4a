"""The gate: which package, what it has, and what is said about what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from backends.trt.package import INSTALLED, needs_rtx, needs_tensorrt

from trtkit.backends.trt import api
from trtkit.errors import MissingPackageError, ModelError, UsageError


@pytest.fixture(autouse=True)
def auto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(api.VARIABLE, raising=False)
    api.set_package("auto")
    yield
    api.set_package("auto")


@needs_tensorrt
def test_auto_takes_the_first_that_is_installed() -> None:
    assert api.package_name() == INSTALLED[0]
    assert api.trt().__name__ == INSTALLED[0]
    assert api.title() == f"{'TensorRT-RTX' if api.is_rtx() else 'TensorRT'} {api.version()}"


@pytest.mark.parametrize("name", api.PACKAGES)
def test_the_option_wins_over_the_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (other,) = set(api.PACKAGES) - {name}
    monkeypatch.setenv(api.VARIABLE, other)
    assert api.package_name() == other
    api.set_package(name)
    assert api.package_name() == name
    api.set_package("auto")
    assert api.package_name() == other


def test_unknown_packages() -> None:
    with pytest.raises(UsageError, match="--trt-package: unknown package 'tensort'; did you mean 'tensorrt'"):
        api.set_package("tensort")


def test_unknown_package_in_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.VARIABLE, "trt")
    with pytest.raises(UsageError, match=f"{api.VARIABLE}: unknown package 'trt'"):
        api.package_name()


@pytest.mark.parametrize(("name", "extra"), [(n, e) for n, e in api.PACKAGES.items() if n not in INSTALLED])
def test_a_package_that_is_not_installed(name: str, extra: str) -> None:
    api.set_package(name)
    with pytest.raises(MissingPackageError) as caught:
        api.trt()
    assert f"pip install '{extra}'" in str(caught.value)
    assert caught.value.exit_code == 4


def test_no_package_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PACKAGES", {"no_such_tensorrt": "trtkit[trt]", "nor_this_one": "trtkit[rtx]"})
    api._first_installed.cache_clear()
    try:
        with pytest.raises(MissingPackageError, match=r"'trtkit\[trt\]' or pip install 'trtkit\[rtx\]'"):
            api.trt()
    finally:
        api._first_installed.cache_clear()


@needs_tensorrt
@pytest.mark.parametrize(
    ("feature", "there"),
    [
        ("Builder", True),
        ("BuilderFlag.TF32", True),
        ("INetworkDefinition.mark_output", True),
        ("init_libnvinfer_plugins", True),
        ("BuilderFlag.TF33", False),
        ("NoSuchType", False),
        ("NoSuchType.MEMBER", False),
    ],
)
def test_has(feature: str, there: bool) -> None:
    assert api.has(feature) is there


@needs_tensorrt
@pytest.mark.parametrize("text", ["chw32", "CHW32", " Chw32 "])
def test_enum_whatever_the_case(text: str) -> None:
    assert api.enum("TensorFormat", text, "--tensor-formats") == api.trt().TensorFormat.CHW32


@needs_tensorrt
def test_enum_with_dashes() -> None:
    assert api.enum("MemoryPoolType", "dla-local-dram", "--pool-limit") == api.trt().MemoryPoolType.DLA_LOCAL_DRAM


@needs_tensorrt
def test_enum_near_miss() -> None:
    with pytest.raises(UsageError, match="--pool-limit: unknown value 'workspce'; did you mean 'workspace'"):
        api.enum("MemoryPoolType", "workspce", "--pool-limit")


@needs_rtx
class TestWhatRtxLacks:
    """Each is exit 3, and names the releases that have it."""

    @pytest.fixture(autouse=True)
    def rtx(self) -> None:
        api.set_package("tensorrt_rtx")

    def test_a_member(self) -> None:
        with pytest.raises(ModelError) as caught:
            api.enum("TacticSource", "cublas", "--tactic-sources")
        assert str(caught.value) == (
            f"--tactic-sources cublas: TensorRT-RTX {api.version()} has no TacticSource.CUBLAS; "
            "it is in TensorRT 8.6 to 10.16"
        )

    def test_a_type(self) -> None:
        with pytest.raises(ModelError, match=r"has no QuantizationFlag; it is in TensorRT 8.6 to 10.16$"):
            api.enum("QuantizationFlag", "calibrate_before_fusion", "--quantization-flags")

    def test_a_feature_with_a_way_out(self) -> None:
        with pytest.raises(ModelError, match=r"^--int8: .* it is in TensorRT 8.6 to 10.16; quantize the model$"):
            api.need("IBuilderConfig.int8_calibrator", "--int8", "quantize the model")

    def test_a_feature_nobody_knows_of(self) -> None:
        with pytest.raises(ModelError, match=r"has no BuilderFlag.TF33$"):
            api.need("BuilderFlag.TF33", "--tf33")

    def test_it_is_strongly_typed(self) -> None:
        assert api.strongly_typed_only()
