"""Each option either takes effect in the configuration or stops with its message; on TensorRT-RTX, without a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.trt.builds import SHAPES, built, opened

from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config, naming_causes
from trtkit.backends.trt.network import Net
from trtkit.errors import ModelError, TrtkitError, UsageError

trt = pytest.importorskip("tensorrt_rtx")
FLAGS = trt.BuilderFlag


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    with opened(tmp_path) as network:
        yield network


def configured(net: Net, **options: Any) -> BuildConfig:
    return make_config(net, BuildOptions(**options), shapes=SHAPES)


def flag(member: str) -> Callable[[Any], bool]:
    def read(config: Any) -> bool:
        return bool(config.get_flag(FLAGS.__members__[member]))

    return read


def pool(member: str) -> Callable[[Any], int]:
    def read(config: Any) -> int:
        return int(config.get_memory_pool_limit(trt.MemoryPoolType.__members__[member]))

    return read


def features(config: Any) -> set[str]:
    return {name for name, member in trt.PreviewFeature.__members__.items() if config.get_preview_feature(member)}


def targets(config: Any) -> list[str]:
    return [config.get_compute_capability(index).name for index in range(config.num_compute_capabilities)]


TAKEN: dict[str, tuple[dict[str, Any], Callable[[Any], Any], Any]] = {
    "nothing asked for: tf32": ({}, flag("TF32"), False),
    "nothing asked for: verbosity": ({}, lambda config: config.profiling_verbosity.name, "DETAILED"),
    "tf32": ({"tf32": True}, flag("TF32"), True),
    "sparse weights": ({"sparse_weights": True}, flag("SPARSE_WEIGHTS"), True),
    "version compatible": ({"version_compatible": True}, flag("VERSION_COMPATIBLE"), True),
    "lean runtime": (
        {"version_compatible": True, "exclude_lean_runtime": True},
        flag("EXCLUDE_LEAN_RUNTIME"),
        True,
    ),
    "compilation cache": ({"disable_compilation_cache": True}, flag("DISABLE_COMPILATION_CACHE"), True),
    "refit": ({"refittable": True}, flag("REFIT"), True),
    "strip": ({"strip_plan": True}, flag("STRIP_PLAN"), True),
    "weight streaming": ({"weight_streaming": True}, flag("WEIGHT_STREAMING"), True),
    "direct io": ({"direct_io": True}, flag("DIRECT_IO"), True),
    "no tactic sources": ({"tactic_sources": ()}, lambda config: config.get_tactic_sources(), 0),
    "tactic sources": ({"tactic_sources": ("jit_convolutions",)}, lambda config: config.get_tactic_sources(), 2),
    "pools": ({"pool_limit": {"workspace": 1 << 30}}, pool("WORKSPACE"), 1 << 30),
    "shared memory": ({"pool_limit": {"tactic-shared-memory": 4096}}, pool("TACTIC_SHARED_MEMORY"), 4096),
    "no preview features": ({"preview_features": ()}, features, set()),
    "preview features": ({"preview_features": ("aliased_plugin_io_10_03",)}, features, {"ALIASED_PLUGIN_IO_10_03"}),
    "level": ({"builder_optimization_level": 0}, lambda config: config.builder_optimization_level, 0),
    "streams": ({"max_aux_streams": 0}, lambda config: config.max_aux_streams, 0),
    "verbosity": ({"profiling_verbosity": "None"}, lambda config: config.profiling_verbosity.name, "NONE"),
    "platform": ({"runtime_platform": "same_as_build"}, lambda config: config.runtime_platform.name, "SAME_AS_BUILD"),
    "tiling": ({"tiling_optimization_level": "full"}, lambda config: config.tiling_optimization_level.name, "FULL"),
    "capability": ({"engine_capability": "safety"}, lambda config: config.engine_capability.name, "SAFETY"),
    "compatibility none": (
        {"hardware_compatibility_level": "none"},
        lambda config: config.hardware_compatibility_level.name,
        "NONE",
    ),
    "this GPU": ({"use_gpu": True}, targets, ["CURRENT"]),
    "some GPUs": ({"compute_capabilities": ("12.0", "8.9", "12.0")}, targets, ["SM120", "SM89"]),
    "no constraints": ({"precision_constraints": "none"}, flag("TF32"), False),
}


@pytest.mark.parametrize(("options", "read", "value"), TAKEN.values(), ids=TAKEN)
def test_taken(net: Net, options: dict[str, Any], read: Callable[[Any], Any], value: Any) -> None:
    assert read(configured(net, **options).config) == value


STRONG = "is strongly typed, so precision stands in the model; "
REWRITE = (
    r"rewrite the model before: trtkit.precision.to_{0}\(onnx_model\), or trtkit convert model.onnx --{0} -o lower"
)
NO_TIMINGS = "keeps no kernel timings.*leave the option out"
NO_SELECTOR = "has no .*lgorithm.*TensorRT 8.6 to 10.*leave the option out"
REFUSED: dict[str, tuple[dict[str, Any], type[TrtkitError], str]] = {
    "fp16": ({"fp16": True}, ModelError, f"--fp16: .*{STRONG}{REWRITE.format('fp16')}"),
    "bf16": ({"bf16": True}, ModelError, f"--bf16: .*{STRONG}{REWRITE.format('bf16')}"),
    "fp8": ({"fp8": True}, ModelError, f"--fp8: .*{STRONG}{REWRITE.format('fp8')}"),
    "int8": ({"int8": True}, ModelError, f"--int8: .*{STRONG}{REWRITE.format('int8')}"),
    "int8 with a cache": ({"int8": True, "calibration_cache": Path("c")}, ModelError, STRONG),
    "prefer": ({"precision_constraints": "prefer"}, ModelError, f"--precision-constraints: .*{STRONG}name what"),
    "obey": ({"precision_constraints": "obey"}, ModelError, f"--precision-constraints: .*{STRONG}name what"),
    "quantization flags": (
        {"quantization_flags": ("calibrate_before_fusion",)},
        ModelError,
        "--quantization-flags: .* has no .*TensorRT 8.6 to 10",
    ),
    "no quantization flags": ({"quantization_flags": ()}, ModelError, "--quantization-flags: .* has no "),
    "save tactics": ({"save_tactics": Path("t.json")}, ModelError, f"--save-tactics: .*{NO_SELECTOR}"),
    "load tactics": ({"load_tactics": Path("t.json")}, ModelError, f"--load-tactics: .*{NO_SELECTOR}"),
    "dla": ({"use_dla": True}, ModelError, "--use-dla: .* finds no DLA core"),
    "dla with fallback": ({"use_dla": True, "allow_gpu_fallback": True}, ModelError, "--use-dla: .* finds no DLA core"),
    "dla memory": (
        {"pool_limit": {"dla_local_dram": 1 << 20}},
        ModelError,
        "--pool-limit dla_local_dram:1048576: .*DLA",
    ),
    "too much shared memory": ({"pool_limit": {"tactic_shared_memory": 1 << 40}}, ModelError, "must be < 1GiB"),
    "unknown pool": ({"pool_limit": {"workspce": 1}}, UsageError, "--pool-limit: .*did you mean 'workspace'"),
    "safety": (
        {"safety_restricted": True},
        ModelError,
        "--trt-safety-restricted: .* ignores it; leave it out, or build .* with TensorRT 8.6 to 10.13",
    ),
    "windows": (
        {"runtime_platform": "windows_amd64"},
        ModelError,
        "--runtime-platform windows_amd64: .* refuses it .leave it out or change it.: .*does not support building",
    ),
    "unknown platform": ({"runtime_platform": "amiga"}, UsageError, "known: same_as_build, windows_amd64"),
    "hardware compatibility": (
        {"hardware_compatibility_level": "ampere_plus"},
        ModelError,
        r"--hardware-compatibility-level ampere_plus: .* ignores it \(it stays NONE\)",
    ),
    "verbosity of old": ({"profiling_verbosity": "verbose"}, ModelError, "it is in TensorRT 8.6"),
    "tactic source of old": (
        {"tactic_sources": ("cublas",)},
        ModelError,
        "TacticSource.CUBLAS; it is in TensorRT 8.6 to",
    ),
    "unknown tactic source": ({"tactic_sources": ("jit",)}, UsageError, "--tactic-sources: unknown value 'jit'"),
    "preview feature of old": ({"preview_features": ("profile_sharing_0806",)}, ModelError, "it is in TensorRT 8.6 to"),
    "compute capability": (
        {"compute_capabilities": ("9.0",)},
        ModelError,
        "--compute-capabilities: .* does not build for 9.0, but for 7.5, 8.0, .*12.0",
    ),
    "timing cache": ({"load_timing_cache": Path("c"), "save_timing_cache": Path("c")}, ModelError, NO_TIMINGS),
    "saving a timing cache": ({"save_timing_cache": Path("c")}, ModelError, f"--save-timing-cache: .*{NO_TIMINGS}"),
    "missing timings": ({"error_on_timing_cache_miss": True}, ModelError, f"-cache-miss: .*{NO_TIMINGS}"),
}


@pytest.mark.parametrize(("options", "kind", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("in_tmp")
def test_refused(net: Net, options: dict[str, Any], kind: type[TrtkitError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        configured(net, **options)
    assert "\n" not in str(caught.value)


DIFFERENT = {
    "tf32": {"tf32": True},
    "verbosity": {"profiling_verbosity": "none"},
    "weight streaming": {"weight_streaming": True},
    "preview features": {"preview_features": ()},
    "shared memory": {"pool_limit": {"tactic_shared_memory": 4096}},
    "one GPU": {"compute_capabilities": ("8.9",)},
    "another GPU": {"compute_capabilities": ("12.0",)},
}


@pytest.mark.parametrize("options", DIFFERENT.values(), ids=DIFFERENT)
def test_the_engine_differs(net: Net, options: dict[str, Any]) -> None:
    assert built(net, **options) != built(net)


def test_the_same_options_build_the_same_engine(net: Net) -> None:
    assert built(net, tf32=True) == built(net, tf32=True)


CAUSES: dict[str, tuple[dict[str, Any], str, str]] = {
    "lean runtime": (
        {"version_compatible": True},
        "Unable to load library: libnvinfer_lean.so.1",
        "--version-compatible takes .* is installed without it: add --exclude-lean-runtime",
    ),
    "another reason": ({"version_compatible": True}, "no memory", "^no memory$"),
    "capability": ({"engine_capability": "safety"}, "no", "^no; --engine-capability safety may be the reason"),
    "standard": ({"engine_capability": "Standard"}, "no", "^no$"),
    "pool": (
        {"pool_limit": {"workspace": 1}},
        "Could not find any implementation for node n",
        "--pool-limit workspace:1 may be the reason: try more memory",
    ),
    "pool, and another reason": ({"pool_limit": {"workspace": 1}}, "a loop without end", "^a loop without end$"),
}


@pytest.mark.parametrize(("options", "said", "message"), CAUSES.values(), ids=CAUSES)
def test_options_that_may_be_the_reason_of_a_failure(options: dict[str, Any], said: str, message: str) -> None:
    with pytest.raises(ModelError, match=message), naming_causes(BuildOptions(**options)):
        raise ModelError(said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"version_compatible": True}, "add --exclude-lean-runtime", id="lean"),
        pytest.param({"engine_capability": "dla_standalone"}, "--engine-capability dla_standalone may be", id="dla"),
    ],
)
def test_a_build_that_fails_for_an_option(net: Net, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message), naming_causes(BuildOptions(**options)):
        built(net, **options)
