from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.trt.builds import SHAPES, opened, script

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.network import Net
from trtkit.errors import InputError, ScriptError, UsageError

trt = pytest.importorskip("tensorrt_rtx")

OWN = """
def load_config(builder):
    return builder.create_builder_config()
"""


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    with opened(tmp_path) as network:
        yield network


def test_a_script_changes_what_the_flags_made(net: Net, tmp_path: Path) -> None:
    body = """
def load_config(builder, network, config, parser, trt, logger, input_specs):
    assert config.get_flag(trt.BuilderFlag.TF32) and config.builder_optimization_level == 2
    assert network.num_inputs == 1 and list(input_specs) == ["x"] and parser is not None and logger is not None
    config.builder_optimization_level = 1
    config.set_flag(trt.BuilderFlag.STRICT_NANS)
"""
    options = BuildOptions(tf32=True, builder_optimization_level=2, config_script=script(tmp_path, body))
    config = make_config(net, options, shapes=SHAPES).config
    assert config.builder_optimization_level == 1
    assert config.get_flag(trt.BuilderFlag.STRICT_NANS)
    assert config.get_flag(trt.BuilderFlag.TF32)


def test_scripts_are_called_once_and_in_order(net: Net, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    note = f"    with open({str(calls)!r}, 'a') as file:\n        file.write"
    first = f"def load_config(config):\n{note}('load ')\n    config.max_aux_streams = 1\n"
    last = f"def postprocess_config(builder, config):\n{note}('last')\n    config.max_aux_streams += 1\n"
    options = BuildOptions(
        config_script=script(tmp_path, first), config_postprocess_script=script(tmp_path, last, "post.py")
    )
    assert make_config(net, options, shapes=SHAPES).config.max_aux_streams == 2
    assert calls.read_text() == "load last"


def test_a_function_by_name(net: Net, tmp_path: Path) -> None:
    path = script(tmp_path, "def mine(config):\n    config.max_aux_streams = 3\n")
    options = BuildOptions(config_script=f"{path}:mine", config_postprocess_script=f"{path}:mine")
    assert make_config(net, options, shapes=SHAPES).config.max_aux_streams == 3


def test_the_same_config_may_be_returned(net: Net, tmp_path: Path) -> None:
    body = "def load_config(config):\n    config.max_aux_streams = 3\n    return config\n"
    config = make_config(net, BuildOptions(tf32=True, config_script=script(tmp_path, body)), shapes=SHAPES).config
    assert config.max_aux_streams == 3
    assert config.get_flag(trt.BuilderFlag.TF32)


def test_own_config(net: Net, tmp_path: Path) -> None:
    build = make_config(net, BuildOptions(config_script=script(tmp_path, OWN)), shapes=SHAPES)
    assert build.config.get_flag(trt.BuilderFlag.TF32), "it is TensorRT's default, not ours"
    assert build.profiles == 1


def test_own_profile_beside_shapes(net: Net, tmp_path: Path) -> None:
    body = """
def load_config(builder, config):
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 3), (4, 3), (8, 3))
    config.add_optimization_profile(profile)
"""
    options = BuildOptions(config_script=script(tmp_path, body))
    assert make_config(net, options, shapes=SHAPES).profiles == 1
    with pytest.raises(InputError, match=r"--input-shapes x:\[2,3\] has no effect, since the configuration script"):
        make_config(net, options, shapes=SHAPES, shapes_must_count=True)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"tf32": True}, "--tf32"),
        ({"tactic_sources": (), "max_aux_streams": 0}, "--tactic-sources, --max-aux-streams"),
        ({"min_shapes": {"x": (1, 3)}}, "--trt-min-shapes"),
        ({"profiling_verbosity": "detailed"}, "--profiling-verbosity"),
    ],
    ids=str,
)
def test_own_config_beside_flags(net: Net, tmp_path: Path, options: dict[str, Any], flags: str) -> None:
    chosen = BuildOptions(config_script=script(tmp_path, OWN), **options)
    with pytest.raises(UsageError, match=f"load_config returns its own configuration, so {flags} would have no effect"):
        make_config(net, chosen, shapes=SHAPES)


FAILURES: dict[str, tuple[str, str]] = {
    "raises": ("def FUNC():\n    1 / 0\n", r"cfg.py:2: in FUNC: ZeroDivisionError"),
    "syntax": ("def FUNC(:\n", r"cfg.py:1: SyntaxError"),
    "no function": ("def FUNK(): ...\n", r"cfg.py has no 'FUNC'"),
    "unknown parameter": ("def FUNC(confg): ...\n", r"cfg.py:1: FUNC asks for 'confg'.*did you mean 'config'"),
    "returns a number": ("def FUNC():\n    return 3\n", r"cfg.py:1: FUNC returns a int; it changes the config"),
    "a flag of old": (
        "def FUNC(config, trt):\n    config.set_flag(trt.BuilderFlag.FP16)\n",
        r"cfg.py:2: in FUNC: TensorRT-RTX [\d.]+ has no BuilderFlag.FP16; it is in TensorRT 8.6 to 10.16 "
        r"\(release 11.0 removed it, TensorRT-RTX never had it\); precision stands in the network here: give --fp16 on "
        r"the command line with an ONNX model, or start from what `trtkit template trt-network MODEL.onnx --fp16` "
        r"writes$",
    ),
    "another flag of old": (
        "def FUNC(config, trt):\n    config.set_flag(trt.BuilderFlag.INT8)\n",
        r"in FUNC: TensorRT-RTX [\d.]+ has no BuilderFlag.INT8; .*: give --int8 on the command line with an ONNX model "
        r"and input data, or let the network script parse trtkit.precision.to_int8\(onnx_model, feeds\)$",
    ),
    "a flag of some releases": (
        "def FUNC(config, trt):\n    config.set_flag(trt.BuilderFlag.BF16)\n",
        r"has no BuilderFlag.BF16; it is in TensorRT 10.0 to 10.16 \(release 11.0 removed it, .*--bf16` writes$",
    ),
    "constraints": (
        "def FUNC(config, trt):\n    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)\n",
        r"has no BuilderFlag.OBEY_PRECISION_CONSTRAINTS; .*network.add_cast changes it; for ONNX, see --keep-fp32$",
    ),
    "a calibrator": (
        "def FUNC(config):\n    config.int8_calibrator = None\n",
        r"cfg.py:2: in FUNC: .* has no IBuilderConfig.int8_calibrator; it is in TensorRT 8.6 to 10.16 .*convert "
        r"MODEL.onnx --int8 measures the ranges and puts it there$",
    ),
    "a class of calibrators": (
        "import tensorrt_rtx as trt\n\nclass Mine(trt.IInt8EntropyCalibrator2): ...\n\ndef FUNC(): ...\n",
        r"cfg.py:3: TensorRT-RTX [\d.]+ has no IInt8EntropyCalibrator2; it is in TensorRT 8.6 to 10.16 ",
    ),
    "the precision of a layer": (
        "def FUNC(network, trt):\n    network.get_layer(0).precision = trt.float16\n",
        r"cfg.py:2: in FUNC: .* has no ILayer.precision; .*; for ONNX, see --keep-fp32$",
    ),
    "the range of a tensor": (
        "def FUNC(network):\n    return network.get_input(0).dynamic_range\n",
        r"cfg.py:2: in FUNC: .* has no ITensor.dynamic_range; it is in TensorRT 8.6 to 10.16 ",
    ),
    "what no release has": (
        "def FUNC(config, trt):\n    config.set_flag(trt.BuilderFlag.FP61)\n",
        r"cfg.py:2: in FUNC: AttributeError: .*FP61",
    ),
    "not TensorRT's": ("def FUNC():\n    (3).precision\n", r"cfg.py:2: in FUNC: AttributeError: 'int' object"),
    "refused in the log only": (
        "def FUNC(config, trt):\n    config.runtime_platform = trt.RuntimePlatform.WINDOWS_AMD64\n",
        r"cfg.py:1: FUNC: TensorRT-RTX .* refuses what it does: .*does not support building engines",
    ),
}


@pytest.mark.parametrize(("body", "message"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize(
    ("field", "function"),
    [("config_script", "load_config"), ("config_postprocess_script", "postprocess_config")],
    ids=["config", "postprocess"],
)
def test_failures(net: Net, tmp_path: Path, body: str, message: str, field: str, function: str) -> None:
    values: dict[str, Any] = {field: script(tmp_path, body.replace("FUNC", function))}
    options = BuildOptions(**values)
    with pytest.raises(ScriptError, match=message.replace("FUNC", function)):
        make_config(net, options, shapes=SHAPES)


def test_a_postprocess_script_returns_no_config(net: Net, tmp_path: Path) -> None:
    path = script(tmp_path, OWN)
    with pytest.raises(ScriptError, match="returns a IBuilderConfig; it changes the config that it is given"):
        make_config(net, BuildOptions(config_postprocess_script=f"{path}:load_config"), shapes=SHAPES)


def test_a_missing_script(net: Net, tmp_path: Path) -> None:
    script(tmp_path, OWN)
    with pytest.raises(ScriptError, match=r"there is no script .*cgf\.py.*did you mean 'cfg\.py'"):
        make_config(net, BuildOptions(config_script=str(tmp_path / "cgf.py")), shapes=SHAPES)


def test_a_dynamic_network_whose_script_gives_no_profile(net: Net, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is dynamic"):
        make_config(net, BuildOptions(config_script=script(tmp_path, OWN)))
