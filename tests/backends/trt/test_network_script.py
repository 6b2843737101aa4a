"""Network scripts and postprocess scripts, the good ones and all the ways to fail."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from textwrap import dedent

import pytest
import zoo
from backends.trt.package import needs_rtx, needs_tensorrt

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.trt.network import open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.errors import ModelError, ScriptError, UsageError
from trtkit.models import ModelFile

pytestmark = needs_tensorrt

FILL = """
def load_network(network, trt):
    x = network.add_input("x", trt.float32, (-1, 3))
    y = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
    y.name = "y"
    network.mark_output(y)
"""

OWN = """
def load_network(builder, network, parser, trt, logger):
    own = builder.create_network(network.flags if hasattr(network, "flags") else 1)
    x = own.add_input("own_x", trt.float32, (2, 3))
    own.mark_output(own.add_identity(x).get_output(0))
    own.name = "mine"
    own.get_output(0).name = "own_y"
    return {result}
"""

EXTEND = """
from trtkit.backends.trt.script_api import extend_onnx

@extend_onnx("models/chain.onnx")
def load_network(network, input_specs):
    assert [str(spec) for spec in input_specs.values()] == ["x:[N,3]:float32"]
    network.name = "chained"
    old = network.get_output(0)
    network.unmark_output(old)
    new = network.add_identity(old).get_output(0)
    new.name = "z"
    network.mark_output(new)
"""

DECORATED = """from trtkit.backends.trt.script_api import extend_onnx

{}
def load_network(network):
    pass
"""


def script(folder: Path, text: str, name: str = "net.py") -> ModelFile:
    path = folder / name
    path.write_text(dedent(text))
    return ModelFile(path, "trt-network-script")


def outputs(model: ModelFile, options: NetworkOptions | None = None) -> list[str]:
    with open_network(model, options or NetworkOptions()) as net:
        return list(net.output_specs())


def failure(model: ModelFile, options: NetworkOptions | None = None) -> str:
    with pytest.raises(ScriptError) as caught, open_network(model, options or NetworkOptions()):
        pass
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_fills_the_network(tmp_path: Path) -> None:
    with open_network(script(tmp_path, FILL), NetworkOptions()) as net:
        assert [str(spec) for spec in net.input_specs().values()] == ["x:[?,3]:float32"]
        assert list(net.output_specs()) == ["y"]
        assert net.name == "net"


def test_a_named_function(tmp_path: Path) -> None:
    model = script(tmp_path, FILL.replace("load_network", "other"))
    assert outputs(ModelFile(model.path, model.kind, "other")) == ["y"]


def test_a_script_may_have_any_name(tmp_path: Path) -> None:
    assert outputs(script(tmp_path, FILL, "json.py")) == ["y"]


def test_the_same_network_may_be_returned(tmp_path: Path) -> None:
    assert outputs(script(tmp_path, FILL + "    return network\n")) == ["y"]


@pytest.mark.parametrize("result", ["(builder, own)", "own", "(builder, own, trt.OnnxParser(own, logger))"])
def test_its_own_network(result: str, tmp_path: Path) -> None:
    with open_network(script(tmp_path, OWN.format(result=result)), NetworkOptions()) as net:
        assert list(net.input_specs()) == ["own_x"]
        assert net.name == "mine"
        assert isinstance(net.builder, net.trt.Builder)
        assert (net.parser is not None) == ("Parser" in result)


def test_options_without_effect_on_its_own_network(tmp_path: Path) -> None:
    model = script(tmp_path, OWN.format(result="own"))
    with (
        pytest.raises(UsageError, match=r"net\.py:2: .* of its own, on which --onnx-flags has no effect"),
        open_network(model, NetworkOptions(onnx_flags=("native_instancenorm",))),
    ):
        pass


def test_extend_onnx_is_relative_to_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    zoo.write("chain", tmp_path / "models")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with open_network(script(tmp_path, EXTEND), NetworkOptions()) as net:
        assert list(net.output_specs()) == ["z"]
        assert net.name == "chained"


def test_it_may_parse_by_itself(tmp_path: Path) -> None:
    zoo.write("chain", tmp_path)
    text = f"def load_network(parser):\n    assert parser.parse_from_file({str(tmp_path / 'chain.onnx')!r})\n"
    assert outputs(script(tmp_path, text)) == ["y"]


def test_outputs_may_be_left_to_the_option(tmp_path: Path) -> None:
    model = script(tmp_path, FILL.replace("network.mark_output(y)", "pass"))
    assert outputs(model, NetworkOptions(outputs=("y",))) == ["y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef load_network(network):\n    1 / 0\n", r":3: in load_network: ZeroDivisionError: division by zero"),
        ("import sys\ndef load_network(network):\n    sys.exit(4)\n", r":3: in load_network: SystemExit: 4"),
        ("def load_network(network)\n    pass\n", r":1: SyntaxError: expected ':'"),
        ("x = 1\n1 / 0\n", r":2: ZeroDivisionError: division by zero"),
        (
            "def load_network(netwrok):\n    pass\n",
            r":1: load_network asks for 'netwrok', but can have 'builder', 'input_specs', 'logger', 'network', "
            r"'parser', 'trt'; did you mean 'network'\?",
        ),
        ("def load_netwrk(network):\n    pass\n", r" has no 'load_network'; did you mean 'load_netwrk'\?.*"),
        ("load_network = 3\n", r": 'load_network' is a int, not a function"),
        ("\ndef load_network(network):\n    return 'engine'\n", r":2: load_network returned a str; it fills .*"),
        (
            "def load_network(builder, network):\n    return network, builder\n",
            r":1: load_network returned \(tensorrt\w*\.INetworkDefinition, tensorrt\w*\.Builder\); it fills .*",
        ),
        (
            "def load_network(network):\n    return None, None\n",
            r":1: load_network returned \(NoneType, NoneType\); .*",
        ),
        (
            "def load_network(network):\n    yield network\n",
            r":1: load_network returned a generator; it fills .*",
        ),
        (
            "\n\ndef load_network(network):\n    pass\n",
            r":3: load_network leaves the network without outputs; mark them with network.mark_output\(tensor\)",
        ),
        (
            "def load_network(network, trt):\n    x = network.add_input('x', trt.float32, (2,))\n"
            "    x = network.add_input('x', trt.float32, (2,))\n    x.name\n",
            r":4: in load_network: AttributeError: 'NoneType' object has no attribute 'name' \(TensorRT said: .*\)",
        ),
        (
            "def load_network(parser):\n    parser.parse(b'nonsense')\n",
            r":1: load_network: TensorRT\S* \S+ refuses what it does: MODEL_DESERIALIZE_FAILED: .+",
        ),
        (
            "def load_network(builder, network, trt):\n    silent = trt.Logger(trt.Logger.ERROR)\n"
            "    parser = trt.OnnxParser(network, silent)\n    parser.parse(b'nonsense')\n"
            "    return builder, network, parser\n",
            r":1: load_network leaves the network without outputs; the parser said: MODEL_DESERIALIZE_FAILED: .+",
        ),
        (
            "def load_network(network, trt, logger):\n    parser = trt.OnnxParser(network, logger)\n    1 / 0\n",
            r":3: in load_network: ZeroDivisionError: division by zero",
        ),
        (
            "def load_network(parser):\n    if not parser.parse(b'nonsense'):\n        raise ValueError('no model')\n",
            r":3: in load_network: ValueError: no model \(TensorRT said: .+\)",
        ),
        (
            DECORATED.format("@extend_onnx('no.onnx')"),
            r":3: @extend_onnx: there is no model file '.*no\.onnx'.*",
        ),
        (
            DECORATED.format("@extend_onnx"),
            r":[34]: TypeError: @extend_onnx needs the path .*",
        ),
    ],
    ids=[
        "raises",
        "exits",
        "syntax error",
        "raises while loaded",
        "wrong signature",
        "missing function",
        "no function",
        "returns a str",
        "returns them the wrong way round",
        "returns no network",
        "generator",
        "no output",
        "tensorrt complains",
        "ignores the parser",
        "ignores a parser of its own",
        "raises with a parser of its own",
        "parser fails",
        "extends no file",
        "extends nothing",
    ],
)
def test_failures(text: str, message: str, tmp_path: Path) -> None:
    model = script(tmp_path, text)
    before = set(tmp_path.iterdir())
    said = failure(model)
    assert re.fullmatch(re.escape(str(model.path)) + message, said), said
    assert {path for path in tmp_path.iterdir() if path.name != "__pycache__"} == before


HEAD = """
def {name}(network, trt):
    x = network.add_input("new", trt.float32, (1, 3))
"""

REFUSED = {
    "product": (
        "    y = network.add_matrix_multiply(x, trt.MatrixOperation.NONE, x, trt.MatrixOperation.NONE).get_output(0)",
        "last dimension of input0 = 3 and second to last dimension of input1 = 1 but must match",
    ),
    "weight count": (
        "    import numpy\n    image = network.add_input('image', trt.float32, (1, 3, 8, 8))\n"
        "    kernel = trt.Weights(numpy.zeros(7, numpy.float32))\n"
        "    y = network.add_convolution_nd(image, 4, (3, 3), kernel).get_output(0)",
        "count 7 but 108 was expected",
    ),
    "reshape": (
        "    layer = network.add_shuffle(x)\n    layer.reshape_dims = (7,)\n    y = layer.get_output(0)",
        r"Reshaping \[1,3\] to \[7\]",
    ),
    "types": (
        "    h = network.add_input('half', trt.float16, (1, 3))\n"
        "    y = network.add_elementwise(x, h, trt.ElementWiseOperation.SUM).get_output(0)",
        "must have same input types",
    ),
    "said in the log only": (
        "    y = network.add_identity(x).get_output(0)\n    network.mark_output(x)",
        "Failed attempt to set a tensor new as network-level output",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", ["load_network", "postprocess"])
@needs_rtx
def test_what_tensorrt_refuses(
    name: str, text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("trtkit"), "propagate", True)
    model = script(tmp_path, HEAD.format(name=name) + text + "\n    y.name = 'out'\n    network.mark_output(y)\n")
    if name == "load_network":
        said = failure(model)
    else:
        options = NetworkOptions(postprocess_scripts=(str(model.path),))
        said = failure(ModelFile(zoo.write("chain", tmp_path), "onnx"), options)
    assert re.match(re.escape(str(model.path)) + f":2: {name}: TensorRT.*{words}", said), said
    assert "catchCudaError" not in said
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "it is said once"


@needs_rtx
def test_a_refused_layer_behind_an_output_that_an_option_marks(tmp_path: Path) -> None:
    model = script(tmp_path, HEAD.format(name="load_network") + REFUSED["reshape"][0] + "\n    y.name = 'out'\n")
    said = failure(model, NetworkOptions(outputs=("out",)))
    assert said.startswith(f"{model.path}:2: load_network: TensorRT")


@needs_rtx
def test_a_refused_layer_that_no_output_needs_is_a_model_error(tmp_path: Path) -> None:
    """It is found where the shape is asked for, as by `--trt-outputs`."""
    text = HEAD.format(name="load_network") + REFUSED["reshape"][0] + "\n    y.name = 'out'\n"
    model = script(tmp_path, text + "    network.mark_output(network.add_identity(x).get_output(0))\n")
    with open_network(model, NetworkOptions(outputs=("out",))) as net, pytest.raises(ModelError, match=r"'out': .*to"):
        net.output_specs()


@pytest.mark.parametrize("flag", ["--onnx-flags", "--plugin-instancenorm"])
def test_options_of_a_parser_that_is_not_used(flag: str, tmp_path: Path) -> None:
    given = {"onnx_flags": ("adjust_for_dla",)} if flag == "--onnx-flags" else {"plugin_instancenorm": True}
    options = NetworkOptions(**given)
    with (
        pytest.raises(UsageError, match=rf"net\.py:2: load_network uses no ONNX parser, so {flag} has no effect"),
        open_network(script(tmp_path, FILL), options),
    ):
        pass
    assert outputs(script(tmp_path, FILL.replace("network, trt", "network, trt, parser")), options) == ["y"]
    assert outputs(script(tmp_path, FILL.replace("network, trt", "network, trt, **others")), options) == ["y"]
    (tmp_path / "models").mkdir()
    zoo.write("chain", tmp_path / "models")
    assert outputs(script(tmp_path, EXTEND), options) == ["z"]


def test_a_missing_script(tmp_path: Path) -> None:
    script(tmp_path, FILL)
    said = failure(ModelFile(tmp_path / "nett.py", "trt-network-script"))
    assert said == f"there is no script {str(tmp_path / 'nett.py')!r}; did you mean 'net.py'?"


POST = """
def postprocess(network, trt):
    tensor = network.get_output(0)
    network.unmark_output(tensor)
    new = network.add_unary(tensor, trt.UnaryOperation.ABS).get_output(0)
    new.name = tensor.name + "_abs"
    network.mark_output(new)
"""


def test_postprocess_scripts_in_their_order(tmp_path: Path) -> None:
    script(tmp_path, POST, "one.py")
    script(tmp_path, POST.replace("postprocess", "other").replace("_abs", "_again"), "two.py")
    options = NetworkOptions(postprocess_scripts=(str(tmp_path / "one.py"), f"{tmp_path / 'two.py'}:other"))
    with open_network(open_onnx(zoo.write("chain", tmp_path)), options) as net:
        assert list(net.output_specs()) == ["y_abs_again"]


def test_postprocess_is_called_once(tmp_path: Path) -> None:
    script(
        tmp_path, "def postprocess(network, calls=[]):\n    calls.append(network)\n    network.name = f'{len(calls)}'\n"
    )
    options = NetworkOptions(postprocess_scripts=(str(tmp_path / "net.py"),))
    with open_network(open_onnx(zoo.write("chain", tmp_path)), options) as net:
        assert net.name == "1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def postprocess(network):\n    return 3\n", r":1: postprocess returned a int; it changes .*"),
        ("def postprocess(network):\n    1 / 0\n", r":2: in postprocess: ZeroDivisionError: .*"),
        ("def postprocess(net):\n    pass\n", r":1: postprocess asks for 'net', but can have .*"),
    ],
)
def test_postprocess_failures(text: str, message: str, tmp_path: Path) -> None:
    script(tmp_path, text, "post.py")
    options = NetworkOptions(postprocess_scripts=(str(tmp_path / "post.py"),))
    said = failure(ModelFile(zoo.write("chain", tmp_path), "onnx"), options)
    assert re.fullmatch(re.escape(str(tmp_path / "post.py")) + message, said), said


def test_postprocess_that_leaves_no_output(tmp_path: Path) -> None:
    script(tmp_path, "def postprocess(network):\n    network.unmark_output(network.get_output(0))\n", "post.py")
    options = NetworkOptions(postprocess_scripts=(str(tmp_path / "post.py"),))
    said = failure(ModelFile(zoo.write("chain", tmp_path), "onnx"), options)
    assert said == f"{tmp_path / 'post.py'}:1: postprocess leaves the network without outputs"
