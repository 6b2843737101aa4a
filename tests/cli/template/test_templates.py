"""The written scripts: they run before any edit, and hold whatever was asked for."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import zoo
from backends.trt import compat
from backends.trt.package import needs_rtx
from onnx import TensorProto

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.releases import members
from trtkit.cli.main import COMMANDS
from trtkit.cli.template import SUBTOOLS
from trtkit.cli.template.trt_config import _MEMBERS, _NOT_FOR_A_SCRIPT
from trtkit.models import ModelFile
from trtkit.options import options_of

Command = Callable[..., Any]


@pytest.fixture
def folder(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTKIT_TENSORRT", "tensorrt_rtx")
    zoo.write("chain", in_tmp)
    return in_tmp


def template(command: Command, *argv: str) -> str:
    """The script that a command line gives; it must be Python."""
    result = command("template", *argv)
    assert (result.code, result.err) == (0, "")
    compile(result.out, "script.py", "exec")
    return str(result.out)


# ---- all of them ----

WITH_MODEL = {"onnx", "onnx-gs"}


@pytest.mark.parametrize("tool", SUBTOOLS)
def test_file_and_standard_output_are_the_same(trtkit_command: Command, folder: Path, tool: str) -> None:
    model = ["chain.onnx"] if tool in WITH_MODEL else []
    printed = template(trtkit_command, tool, *model)
    result = trtkit_command("template", tool, *model, "-o", "script.py")
    assert (result.code, result.out, result.err) == (0, "", "[I] script saved to script.py\n")
    assert Path("script.py").read_text() == printed
    assert printed.startswith('"""')
    assert f"`trtkit template {tool.removesuffix('-gs')}`" in printed


@pytest.mark.parametrize("tool", SUBTOOLS)
def test_templates_import_no_tensorrt(folder: Path, tool: str) -> None:
    model = ["chain.onnx"] if tool in WITH_MODEL else []
    check = (
        "import sys; from trtkit.cli.main import main; code = main(sys.argv[1:]); "
        "print([m for m in sys.modules if m.startswith(('tensorrt', 'cuda'))]); sys.exit(code)"
    )
    argv = [sys.executable, "-c", check, "template", tool, *model, "-o", "s.py", "-q"]
    answer = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


ERRORS: list[tuple[str, int, str]] = [
    ("template trt-network no.onnx", 3, "template trt-network: error: there is no model file 'no.onnx'"),
    (
        "template trt-network net.py",
        2,
        "template trt-network: error: the script starts from an ONNX model, but 'net.py' is of type trt-network-script",
    ),
    (
        "template data-loader x.engine",
        2,
        "template data-loader: error: the script starts from an ONNX model, but 'x.engine' is of type engine",
    ),
    (
        "template data-loader words.onnx",
        3,
        "template data-loader: error: input 'x' is of type string, for which there are no numpy arrays",
    ),
    (
        "template trt-network --bf16",
        2,
        "template trt-network: error: --bf16 needs an ONNX model, which is what is rewritten; name one",
    ),
    (
        "template trt-network chain.onnx --fp16 --bf16",
        2,
        "template trt-network: error: argument --bf16: not allowed with argument --fp16",
    ),
    (
        "template onnx",
        2,
        "template onnx: error: the following arguments are required: MODEL",
    ),
    (
        "template onnx chain.onnx -o chain.onnx",
        2,
        "template onnx: error: -o 'chain.onnx' is the model itself; write the script somewhere else",
    ),
    (
        "template postprocess -o no/folder/p.py",
        3,
        "template postprocess: error: cannot write 'no/folder/p.py': there is no folder 'no/folder'",
    ),
    (
        "template trt-config --fp61",
        2,
        "template trt-config: error: unknown option '--fp61'; did you mean '--fp16'?",
    ),
    (
        "template trt-config --pool-limit workspace",
        2,
        "template trt-config: error: --pool-limit: invalid value 'workspace': expected POOL:BYTES, such as "
        "workspace:1G",
    ),
    (
        "template trt-config --profiling-verbosity none);import",
        2,
        "template trt-config: error: --profiling-verbosity: unknown value 'none);import' (known: detailed, "
        "layer_names_only, none, default, verbose)",
    ),
    (
        "template trt-config --pool-limit workspce:1G",
        2,
        "template trt-config: error: --pool-limit: unknown value 'workspce'; did you mean 'workspace'? (known: "
        "dla_global_dram, dla_local_dram, dla_managed_sram, tactic_dram, workspace, tactic_shared_memory)",
    ),
    (
        "template trt-config --engine-capability foo",
        2,
        "template trt-config: error: --engine-capability: unknown value 'foo' (known: dla_standalone, safety, "
        "standard, default, safe_dla, safe_gpu)",
    ),
    (
        "template trt-config --compute-capabilities 8.9 7.0",
        2,
        "template trt-config: error: --compute-capabilities: unknown value '7.0'; did you mean '8.0' or '7.5'? (known: "
        "7.5, 8.0, 8.6, 8.9, 12.0, 12.1)",
    ),
    (
        "template trt-config --builder-optimization-level 9",
        2,
        "template trt-config: error: --builder-optimization-level 9: expected a whole number from 0 to 5",
    ),
    (
        "template trt-config --trt-min-shapes x:[1]",
        2,
        "template trt-config: error: the profile of 'x' needs all of --trt-min-shapes, --trt-opt-shapes and "
        "--trt-max-shapes",
    ),
    (
        "template trt-config --calibration-cache c",
        2,
        "template trt-config: error: --calibration-cache has no effect without --int8",
    ),
    (
        "template shard-hints m.onnx -o h.json",
        2,
        "template: error: shard-hints: left out of trtkit, which does not deal with models that are spread over "
        "several devices",
    ),
    ("template", 2, f"template: error: no command was given (known: {', '.join(SUBTOOLS)})"),
]


@pytest.mark.parametrize(("line", "code", "message"), [pytest.param(*each, id=each[0]) for each in ERRORS])
def test_mistakes(trtkit_command: Command, folder: Path, line: str, code: int, message: str) -> None:
    zoo.save(zoo.strings(), folder / "words.onnx")
    before = sorted(folder.rglob("*"))
    result = trtkit_command(*line.split())
    assert (result.code, result.out, result.err) == (code, "", f"trtkit {message}\n")
    assert sorted(folder.rglob("*")) == before


def test_every_template_is_a_command(trtkit_command: Command) -> None:
    assert COMMANDS["template"][0] == "trtkit.cli.template"
    shown = trtkit_command("template", "-h").out
    for tool in SUBTOOLS:
        assert tool in shown


# ---- trt-network ----


@needs_rtx
def test_empty_network_is_built(trtkit_command: Command, folder: Path) -> None:
    trtkit_command("template", "trt-network", "-o", "n.py")
    shown = trtkit_command("inspect", "model", "n.py", "--show", "layers")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[-1] == ("    0  relu  ACTIVATION  x:[1,3,224,224]:float32 -> y:[1,3,224,224]:float32")
    assert trtkit_command("convert", "n.py", "-o", "n.engine").code == 0


@needs_rtx
def test_network_from_a_model_finds_it_from_anywhere(
    trtkit_command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "scripts").mkdir()
    (folder / "elsewhere").mkdir()
    trtkit_command("template", "trt-network", "chain.onnx", "-o", "scripts/n.py")
    assert "'../chain.onnx'" in Path("scripts/n.py").read_text()
    monkeypatch.chdir(folder / "elsewhere")
    shown = trtkit_command("inspect", "model", "../scripts/n.py", "--show", "layers")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("../scripts/n.py: TensorRT network chain, ")
    assert [line.split()[1] for line in shown.out.splitlines()[-3:]] == ["r", "n", "e"]


@needs_rtx
def test_a_network_of_open_sizes_says_what_to_add(trtkit_command: Command, folder: Path) -> None:
    text = template(trtkit_command, "trt-network", "chain.onnx")
    assert "    # --input-shapes 'x:[1,3]'\n" in text
    Path("n.py").write_text(text)
    assert trtkit_command("convert", "n.py", "-o", "n.engine").code == 3
    assert trtkit_command("convert", "n.py", "-o", "n.engine", "--input-shapes", "x:[1,3]").code == 0
    zoo.save(zoo.model([zoo.node("Neg", ["x"], ["y"])], [zoo.tensor("x", [2])], [zoo.Y]), folder / "fixed.onnx")
    assert "--input-shapes" not in template(trtkit_command, "trt-network", "fixed.onnx")


@needs_rtx
def test_the_softmax_of_the_comment_works(trtkit_command: Command, folder: Path) -> None:
    trtkit_command("template", "trt-network", "chain.onnx", "-o", "n.py")
    lines = Path("n.py").read_text().splitlines()
    Path("n.py").write_text("\n".join(line.replace("    #   ", "    ") for line in lines) + "\n")
    shown = trtkit_command("inspect", "model", "n.py")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[-2] == "    probabilities:[?,3]:float32"


@pytest.mark.parametrize("name", ['quo"""te\'s', "new\nline", "back\\slash", "bräcket{{ x }}"])
def test_strange_names_stay_text(trtkit_command: Command, folder: Path, name: str) -> None:
    proto = zoo.model([zoo.node("Neg", [name], ["y"])], [zoo.tensor(name, [2])], [zoo.tensor("y", [2])])
    path = f"{name}.onnx"
    zoo.save(proto, folder / path)
    for tool in ("trt-network", "onnx", "data-loader"):
        template(trtkit_command, tool, path)
    spaces: dict[str, Any] = {"__name__": "loaded"}
    exec(template(trtkit_command, "data-loader", path), spaces)
    assert [list(feed) for feed in spaces["load_data"]()] == [[name]]


PRECISIONS = {"fp16": "HALF", "bf16": "BF16"}


@needs_rtx
@pytest.mark.parametrize("flag", PRECISIONS)
def test_network_and_configuration_of_lower_precision(trtkit_command: Command, folder: Path, flag: str) -> None:
    zoo.write("linear", folder)
    trtkit_command("template", "trt-network", "linear.onnx", f"--{flag}", "-o", "n.py")
    trtkit_command("template", "trt-config", f"--{flag}", "-o", "c.py")
    with open_network(ModelFile.parse("n.py"), NetworkOptions()) as net:
        layers = [net.network.get_layer(index) for index in range(net.network.num_layers)]
        product = next(layer for layer in layers if layer.type == net.trt.LayerType.MATRIX_MULTIPLY)
        assert product.get_output(0).dtype == net.trt.DataType.__members__[PRECISIONS[flag]]
        assert [str(spec) for spec in net.input_specs().values()] == ["x:[N,3]:float32"]
    shapes = ("--input-shapes", "x:[2,3]")
    result = trtkit_command("convert", "n.py", "--trt-config-script", "c.py", "-o", "n.engine", *shapes)
    assert result.code == 0, result.err
    assert f"  precision: {flag} " in result.out
    refused = trtkit_command("convert", "linear.onnx", "--trt-config-script", "c.py", "-o", "c.engine", *shapes)
    assert refused.code == 3
    rewritten = ("--trt-config-script", "c.py", f"--{flag}", "-o", "c.engine", *shapes)
    assert trtkit_command("convert", "linear.onnx", *rewritten).code == 0


@needs_rtx
@pytest.mark.parametrize("flag", PRECISIONS)
def test_a_script_that_cannot_be_parsed_says_why(trtkit_command: Command, folder: Path, flag: str) -> None:
    trtkit_command("template", "trt-network", "chain.onnx", f"--{flag}", "-o", "n.py")
    zoo.write("unknown_operator", folder)
    text = Path("n.py").read_text()
    Path("n.py").write_text(text.replace("'chain.onnx'", "'unknown_operator.onnx'"))
    result = trtkit_command("convert", "n.py", "-o", "n.engine")
    assert result.code == 3
    assert result.error.startswith("trtkit convert: error: n.py:")
    assert "Fancy" in result.error


# ---- trt-config ----


@needs_rtx
def test_plain_configuration_changes_nothing(trtkit_command: Command, folder: Path) -> None:
    trtkit_command("template", "trt-network", "-o", "n.py")
    trtkit_command("template", "trt-config", "-o", "c.py")
    result = trtkit_command("convert", "n.py", "--trt-config-script", "c.py", "-o", "n.engine", "--fp16")
    assert result.code == 3  # the option is the reason, not the script
    assert "--fp16" in result.error
    assert trtkit_command("convert", "n.py", "--trt-config-script", "c.py", "-o", "n.engine").code == 0


GIVEN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "min_shapes": (
        ("--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]", "--trt-max-shapes", "x:[4,3]"),
        ("profile.set_shape('x', min=(1, 3), opt=(2, 3), max=(4, 3))",),
    ),
    "tf32": (("--tf32",), ("trt.BuilderFlag.TF32,",)),
    "fp16": (("--fp16",), ("trt.BuilderFlag.FP16,", "has no float16: give --fp16 to trtkit")),
    "bf16": (("--bf16",), ("trt.BuilderFlag.BF16,", "it is in TensorRT 10.0 to 10.16")),
    "fp8": (("--fp8",), ("trt.BuilderFlag.FP8,",)),
    "int8": (("--int8",), ("trt.BuilderFlag.INT8,", "nothing says how to quantise the network")),
    "precision_constraints": (
        ("--precision-constraints", "prefer"),
        ("trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS,",),
    ),
    "calibration_cache": (("--int8", "--calibration-cache", "a/c.cache"), ("(HERE / 'a/c.cache').read_bytes()",)),
    "calibration_base_class": (
        ("--int8", "--calibration-cache", "a/c.cache", "--calib-base-cls", "iint8minmaxcalibrator"),
        ("class Calibrator(trt.IInt8MinMaxCalibrator):",),
    ),
    "quantile": (
        (
            "--int8",
            "--calibration-cache",
            "a/c.cache",
            "--calib-base-cls",
            "IInt8LegacyCalibrator",
            "--quantile",
            "0.25",
        ),
        ("return 0.25", "return 0.5"),
    ),
    "regression_cutoff": (
        (
            "--int8",
            "--calibration-cache",
            "a/c.cache",
            "--calib-base-cls",
            "IInt8LegacyCalibrator",
            "--regression-cutoff",
            "0.75",
        ),
        ("return 0.75", "return 0.5"),
    ),
    "sparse_weights": (("--sparse-weights",), ("trt.BuilderFlag.SPARSE_WEIGHTS,",)),
    "version_compatible": (("--version-compatible",), ("trt.BuilderFlag.VERSION_COMPATIBLE,",)),
    "exclude_lean_runtime": (
        ("--version-compatible", "--exclude-lean-runtime"),
        ("trt.BuilderFlag.EXCLUDE_LEAN_RUNTIME,",),
    ),
    "load_timing_cache": (("--load-timing-cache", "t.cache"), ("(HERE / 't.cache').read_bytes()",)),
    "error_on_timing_cache_miss": (("--error-on-timing-cache-miss",), ("trt.BuilderFlag.ERROR_ON_TIMING_CACHE_MISS,",)),
    "disable_compilation_cache": (("--disable-compilation-cache",), ("trt.BuilderFlag.DISABLE_COMPILATION_CACHE,",)),
    "tactic_sources": (
        ("--tactic-sources", "cublas", "jit-convolutions"),
        ("sources = [trt.TacticSource.CUBLAS, trt.TacticSource.JIT_CONVOLUTIONS]", "TacticSource.CUBLAS; it is in"),
    ),
    "safety_restricted": (("--trt-safety-restricted",), ("trt.BuilderFlag.SAFETY_SCOPE,",)),
    "refittable": (("--refittable",), ("trt.BuilderFlag.REFIT,",)),
    "strip_plan": (("--strip-plan",), ("trt.BuilderFlag.STRIP_PLAN,",)),
    "use_dla": (("--use-dla",), ("config.default_device_type = trt.DeviceType.DLA", "num_DLA_cores == 0")),
    "allow_gpu_fallback": (("--use-dla", "--allow-gpu-fallback"), ("trt.BuilderFlag.GPU_FALLBACK,",)),
    "pool_limit": (("--pool-limit", "workspace:1G"), ("trt.MemoryPoolType.WORKSPACE: 1073741824,",)),
    "preview_features": (
        ("--preview-features", "aliased_plugin_io_10_03"),
        ("wanted = [trt.PreviewFeature.ALIASED_PLUGIN_IO_10_03]",),
    ),
    "builder_optimization_level": (("--builder-optimization-level", "2"), ("config.builder_optimization_level = 2",)),
    "hardware_compatibility_level": (
        ("--hardware-compatibility-level", "ampere_plus"),
        ("config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS",),
    ),
    "max_aux_streams": (("--max-aux-streams", "0"), ("config.max_aux_streams = 0",)),
    "quantization_flags": (
        ("--quantization-flags", "calibrate_before_fusion"),
        ("wanted = [trt.QuantizationFlag.CALIBRATE_BEFORE_FUSION]", "set_quantization_flag; it is in"),
    ),
    "profiling_verbosity": (
        ("--profiling-verbosity", "none"),
        ("config.profiling_verbosity = trt.ProfilingVerbosity.NONE",),
    ),
    "weight_streaming": (("--weight-streaming",), ("trt.BuilderFlag.WEIGHT_STREAMING,",)),
    "runtime_platform": (
        ("--runtime-platform", "windows_amd64"),
        ("config.runtime_platform = trt.RuntimePlatform.WINDOWS_AMD64",),
    ),
    "direct_io": (("--direct-io",), ("trt.BuilderFlag.DIRECT_IO,",)),
    "tiling_optimization_level": (
        ("--tiling-optimization-level", "fast"),
        ("config.tiling_optimization_level = trt.TilingOptimizationLevel.FAST",),
    ),
    "engine_capability": (
        ("--engine-capability", "standard"),
        ("config.engine_capability = trt.EngineCapability.STANDARD",),
    ),
    "use_gpu": (("--use-gpu",), ("capabilities = [trt.ComputeCapability.CURRENT]",)),
    "compute_capabilities": (
        ("--compute-capabilities", "8.9", "12.0"),
        ("capabilities = [trt.ComputeCapability.SM89, trt.ComputeCapability.SM120]",),
    ),
}
"""Field of BuildOptions to flags, and what these put into the script."""


def test_every_option_is_in_the_table() -> None:
    fields = {field.name for field, _ in options_of(BuildOptions)} - set(_NOT_FOR_A_SCRIPT)
    assert set(GIVEN) == fields - {"opt_shapes", "max_shapes"}
    assert set(_NOT_FOR_A_SCRIPT) <= {field.name for field in dataclasses.fields(BuildOptions)}


@pytest.mark.parametrize(("argv", "lines"), [pytest.param(*each, id=name) for name, each in GIVEN.items()])
def test_each_option_appears(
    trtkit_command: Command, folder: Path, argv: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    text = template(trtkit_command, "trt-config", *argv)
    for line in lines:
        assert line in text


def test_all_options_at_once(trtkit_command: Command, folder: Path) -> None:
    apart = {"use_gpu", "calibration_base_class", "regression_cutoff"}
    argv = [word for name, (words, _) in GIVEN.items() if name not in apart for word in words]
    text = template(trtkit_command, "trt-config", *argv)
    for name, (_, lines) in GIVEN.items():
        if name not in apart | {"int8"}:
            assert lines[0] in text


@pytest.mark.parametrize("type_name", [*_MEMBERS.values(), "ComputeCapability"])
def test_the_names_are_those_of_all_releases(type_name: str) -> None:
    assert sorted(members(type_name)) == sorted(compat.load().types[type_name])


@pytest.mark.parametrize("flag", ["tactic-sources", "preview-features", "quantization-flags"])
def test_none_of_many_is_said_too(trtkit_command: Command, folder: Path, flag: str) -> None:
    assert "= []" in template(trtkit_command, "trt-config", f"--{flag}")


def test_several_profiles(trtkit_command: Command, folder: Path) -> None:
    sides = [word for side in ("min", "opt", "max") for word in (f"--trt-{side}-shapes", "x:[1]", "x:[2]")]
    text = template(trtkit_command, "trt-config", *sides)
    assert text.count("config.add_optimization_profile(profile)") == 2
    assert "profile.set_shape('x', min=(2,), opt=(2,), max=(2,))" in text


REFUSED: list[tuple[tuple[str, ...], str]] = [
    *(
        (
            (f"--{flag}",),
            f"the network is strongly typed and has no {name}: give --{flag} to trtkit with an ONNX model, "
            f"or the network script of `trtkit template trt-network MODEL.onnx --{flag}`",
        )
        for flag, name in (("fp16", "float16"), ("bf16", "bfloat16"))
    ),
    *(
        (
            (f"--{flag}",),
            f"the network is strongly typed and has no {name}: give --{flag} to trtkit with an ONNX model",
        )
        for flag, name in (("fp8", "float8"), ("int8", "int8"))
    ),
    (
        ("--int8", "--calibration-cache", "c.cache"),
        "RuntimeError: the network is strongly typed, so that no calibration can quantise it; leave the cache out",
    ),
    (("--precision-constraints", "obey"), "BuilderFlag.OBEY_PRECISION_CONSTRAINTS; it is in TensorRT 8.6 to 10.16"),
    (("--tactic-sources", "cudnn"), "this TensorRT has no TacticSource.CUDNN; it is in TensorRT 8.6 to 10.16"),
    (("--quantization-flags",), "this TensorRT has no IBuilderConfig.set_quantization_flag"),
    (("--use-dla",), "RuntimeError: there is no deep learning accelerator (DLA) here"),
    (("--runtime-platform", "windows_amd64"), "runtime_platform"),
    (("--hardware-compatibility-level", "ampere_plus"), "hardware_compatibility_level = AMPERE_PLUS"),
    (("--trt-safety-restricted",), "RuntimeError: this TensorRT ignores SAFETY_SCOPE; TensorRT 8.6 to 10.13 heed it"),
    (("--error-on-timing-cache-miss",), "RuntimeError: TensorRT-RTX has no timing cache"),
    (("--load-timing-cache", "t.cache"), "RuntimeError: TensorRT-RTX has no timing cache"),
    (("--profiling-verbosity", "verbose"), "this TensorRT has no ProfilingVerbosity.VERBOSE; it is in TensorRT 8.6"),
]


@needs_rtx
@pytest.mark.parametrize(("argv", "message"), [pytest.param(*each, id=each[0][0]) for each in REFUSED])
def test_what_rtx_lacks_stops_the_script(
    trtkit_command: Command, folder: Path, argv: tuple[str, ...], message: str
) -> None:
    trtkit_command("template", "trt-network", "-o", "n.py")
    assert trtkit_command("template", "trt-config", *argv, "-o", "c.py").code == 0
    result = trtkit_command("convert", "n.py", "--trt-config-script", "c.py", "-o", "n.engine", "-qq")
    assert result.code == 3
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.error.startswith("trtkit convert: error: c.py:")
    assert " in load_config: " in result.error
    assert message in result.error
    assert not Path("n.engine").exists()


@needs_rtx
@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(("--refittable", "--strip-plan", "--tf32"), id="flags"),
        pytest.param(("--pool-limit", "workspace:1M"), id="pools"),
        pytest.param(("--preview-features",), id="preview"),
        pytest.param(("--tactic-sources", "jit_convolutions"), id="tactics"),
        pytest.param(("--compute-capabilities", "8.9", "12.0"), id="capabilities"),
        pytest.param(("--profiling-verbosity", "none", "--max-aux-streams", "1"), id="properties"),
        pytest.param(
            ("--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]", "--trt-max-shapes", "x:[4,3]"), id="profile"
        ),
    ],
)
def test_what_rtx_has_is_built(trtkit_command: Command, folder: Path, argv: tuple[str, ...]) -> None:
    model, shapes = "chain.onnx", ("--input-shapes", "x:[2,3]")
    trtkit_command("template", "trt-config", *argv, "-o", "c.py")
    given = () if "--trt-min-shapes" in argv else shapes
    result = trtkit_command("convert", model, "--trt-config-script", "c.py", "-o", "c.engine", *given)
    assert result.code == 0, result.err
    assert result.out.splitlines()[1].endswith(", 1 profile")


# ---- onnx, data-loader, compare-func, postprocess ----


def test_onnx_script_saves_an_edited_copy(trtkit_command: Command, folder: Path) -> None:
    pytest.importorskip("onnx_ir")
    (folder / "scripts").mkdir()
    trtkit_command("template", "onnx-gs", "chain.onnx", "-o", "scripts/edit.py")
    script = Path("scripts/edit.py")
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[:-1] == ["Relu: x -> a", "Neg: a -> b", "Exp: b -> y"]
    assert onnx.load("chain_edited.onnx").graph.node == onnx.load("chain.onnx").graph.node
    script.write_text(script.read_text().replace("    #   ", "    "))
    subprocess.run([sys.executable, script], capture_output=True, check=True)
    edited = onnx.load("chain_edited.onnx")
    onnx.checker.check_model(edited, full_check=True)
    assert [each.name for each in edited.graph.output] == ["probabilities"]


def test_onnx_script_keeps_weights_outside(trtkit_command: Command, folder: Path) -> None:
    pytest.importorskip("onnx_ir")
    zoo.write_external(folder)
    trtkit_command("template", "onnx", "external.onnx", "-o", "edit.py")
    subprocess.run([sys.executable, "edit.py"], capture_output=True, check=True, cwd=folder)
    run = trtkit_command("run", "external_edited.onnx", "--onnxrt", "--input-shapes", "x:[2,3]")
    assert run.code == 0, run.err


def test_data_loader_of_a_model(trtkit_command: Command, folder: Path) -> None:
    kinds = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT64]
    kinds += [TensorProto.UINT8, TensorProto.BOOL]
    names = [TensorProto.DataType.Name(kind).lower() for kind in kinds]
    proto = zoo.model(
        [zoo.node("Identity", [name], [f"{name}_out"]) for name in names],
        [zoo.tensor(name, ["N", 3], kind) for name, kind in zip(names, kinds, strict=True)],
        [zoo.tensor(f"{name}_out", ["N", 3], kind) for name, kind in zip(names, kinds, strict=True)],
    )
    zoo.save(proto, folder / "kinds.onnx")
    trtkit_command("template", "data-loader", "kinds.onnx", "-o", "data.py")
    answer = subprocess.run([sys.executable, "data.py"], capture_output=True, text=True, check=True)
    assert "'bfloat16': 'bfloat16 (1, 3)'" in answer.stdout
    script = ("--data-loader-script", "data.py")
    result = trtkit_command("run", "kinds.onnx", "--onnxrt", *script)
    assert result.code == 0, result.err


@pytest.mark.parametrize("name", ["default_input", "scalar", "several", "unknown_rank", "branch"])
def test_data_loader_fits_the_model(trtkit_command: Command, folder: Path, name: str) -> None:
    zoo.write(name, folder)
    text = template(trtkit_command, "data-loader", f"{name}.onnx")
    assert "import ml_dtypes" not in text
    Path("data.py").write_text(text)
    result = trtkit_command("run", f"{name}.onnx", "--onnxrt", "--data-loader-script", "data.py")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("tool", "option", "before", "after"),
    [
        pytest.param("compare-func", "--compare-func-script", "TOLERANCE = 1e-5", "TOLERANCE = -1.0", id="compare"),
        pytest.param(
            "postprocess", "--postprocess-func-script", "= array  #", "= array + hash(outputs.runner_name)  #"
        ),
    ],
)
def test_scripts_of_run(trtkit_command: Command, folder: Path, tool: str, option: str, before: str, after: str) -> None:
    trtkit_command("template", tool, "-o", "s.py")
    line = ("run", "chain.onnx", "--onnxrt", "--onnxref", "--input-shapes", "x:[2,3]", option, "s.py")
    passed = trtkit_command(*line)
    assert passed.code == 0, passed.out + passed.err
    text = Path("s.py").read_text()
    assert before in text
    Path("s.py").write_text(text.replace(before, after))
    os.utime("s.py", (0, 0))
    assert trtkit_command(*line).code == 1
