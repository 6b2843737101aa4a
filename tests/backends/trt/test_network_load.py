"""ONNX models into TensorRT networks."""

from __future__ import annotations

import gc
import importlib
import logging
import os
from contextlib import ExitStack
from pathlib import Path

import numpy
import pytest
import zoo
from backends.trt.package import needs_rtx, needs_tensorrt
from onnx import numpy_helper

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.api import has, strongly_typed_only
from trtkit.backends.trt.network import Net, open_network
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.parse import errors_of
from trtkit.errors import FileError, MissingPackageError, ModelError, UsageError
from trtkit.models import ModelFile

pytestmark = needs_tensorrt

PLAIN = NetworkOptions()


def specs(net: Net) -> tuple[list[str], list[str]]:
    return [str(spec) for spec in net.input_specs().values()], [str(spec) for spec in net.output_specs().values()]


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("chain", ["x:[N,3]:float32"], ["y:[?,3]:float32"]),
        ("linear", ["x:[N,3]:float32"], ["y:[?,3]:float32"]),
        ("scalar", ["x:[N,3]:float32", "s:[]:float32"], ["y:[]:float32", "n:[]:int64"]),
        ("branch", ["flag:[]:bool", "x:[N,3]:float32"], ["y:[?,3]:float32"]),
        ("local_function", ["x:[N,3]:float32"], ["y:[?,3]:float32"]),
        ("duplicate_node_names", ["x:[N,3]:float32"], ["y:[?,3]:float32"]),
        ("unicode_names", ["eingäbe/日本:0:[N,3]:float32"], ["aüsgabe →:[?,3]:float32"]),
        ("half_matmul", ["x:[N,3]:bfloat16"], ["y:[?,3]:bfloat16"]),
    ],
)
@pytest.mark.parametrize("how", ["loaded", "file"])
@needs_rtx
def test_parsed(name: str, inputs: list[str], outputs: list[str], how: str, tmp_path: Path) -> None:
    path = zoo.write(name, tmp_path)
    model = open_onnx(path) if how == "loaded" else ModelFile(path, "onnx")
    with open_network(model, PLAIN) as net:
        assert specs(net) == (inputs, outputs)
        assert net.name == name
        assert net.parser is not None
        assert net.typing == "strong"


def test_typing(tmp_path: Path) -> None:
    with open_network(open_onnx(zoo.write("chain", tmp_path)), PLAIN) as net:
        assert net.typing == ("strong" if strongly_typed_only() else "weak")


def test_strongly_typed(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path))
    if has("NetworkDefinitionCreationFlag.STRONGLY_TYPED"):
        with open_network(model, NetworkOptions(strongly_typed=True)) as net:
            assert net.typing == "strong"
    else:
        with (
            pytest.raises(ModelError, match="--strongly-typed"),
            open_network(model, NetworkOptions(strongly_typed=True)),
        ):
            pass


def test_an_edited_model_goes_there_as_bytes(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path), OnnxOptions(outputs=("a",)))
    assert model.as_file() is None
    with open_network(model, PLAIN) as net:
        assert list(net.output_specs()) == ["a"]


@pytest.mark.parametrize("outputs", [(), ("y",)], ids=["file", "edited"])
@pytest.mark.parametrize("linked", [False, True])
def test_external_data(outputs: tuple[str, ...], linked: bool, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    path = zoo.write_external(tmp_path / "home")
    if linked:  # as in the caches of model hubs: model and data are links
        for name in ("external.onnx", "w.bin"):
            os.symlink(tmp_path / "home" / name, tmp_path / name)
        path = tmp_path / "external.onnx"
    with open_network(open_onnx(path, OnnxOptions(outputs=outputs)), PLAIN) as net:
        assert net.network.get_layer(0).type == net.trt.LayerType.CONSTANT
        assert list(net.output_specs()) == ["y"]


def test_external_data_in_another_folder(tmp_path: Path) -> None:
    path = zoo.write_external(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "w.bin").rename(tmp_path / "data" / "w.bin")
    model = open_onnx(path, OnnxOptions(external_data_dir=tmp_path / "data"))
    with open_network(model, PLAIN) as net:
        assert list(net.output_specs()) == ["y"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unknown_operator", ["node 'f' (Fancy)", "unknown_operator.onnx"]),
        ("sequence", ["node number 0 (SequenceConstruct)", "sequence.onnx"]),
        ("unknown_rank", ["'x'", "no rank"]),
    ],
)
@pytest.mark.parametrize("edited", [False, True])
def test_parser_errors(name: str, words: list[str], edited: bool, tmp_path: Path) -> None:
    model = open_onnx(zoo.write(name, tmp_path), OnnxOptions(shape_inference=edited))
    with pytest.raises(ModelError) as caught, open_network(model, PLAIN):
        pass
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_many_parser_errors_are_counted(tmp_path: Path) -> None:
    nodes = [zoo.node("Fancy", ["x"], [f"y{i}"], name=f"f{i}", domain="elsewhere") for i in range(5)]
    outputs = [zoo.tensor(f"y{i}", ["N", 3]) for i in range(5)]
    path = zoo.save(zoo.model(nodes, [zoo.X], outputs, domains=["elsewhere"]), tmp_path / "five.onnx")
    with pytest.raises(ModelError) as caught, open_network(open_onnx(path), PLAIN):
        pass
    message = str(caught.value)
    assert "'f0' (Fancy)" in message
    assert "'f2' (Fancy)" in message
    assert message.endswith("and 2 more errors")


def test_node_names_are_read_from_the_model_where_the_parser_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zoo.write("unknown_operator", tmp_path)
    with open_network(ModelFile(zoo.write("chain", tmp_path), "onnx"), PLAIN) as net:
        network = net.builder.create_network(0)  # a parser does not keep its network alive
        parser = net.trt.OnnxParser(network, net.logger)
        assert not parser.parse(path.read_bytes())
        monkeypatch.setattr("trtkit.backends.trt.parser_errors.has", lambda _feature: False)
        assert errors_of(parser, path.read_bytes).startswith("node 'f' (Fancy): ")
        assert errors_of(parser).startswith("node number 0: ")


def test_no_model(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model at all")
    with (
        pytest.raises(ModelError, match=r"cannot parse '.*bad\.onnx'"),
        open_network(open_onnx(tmp_path / "bad.onnx"), PLAIN),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"hello" * 10], ids=["empty", "words"])
@pytest.mark.parametrize("how", ["loaded", "file"])
def test_what_parses_but_is_nothing(content: bytes, how: str, tmp_path: Path) -> None:
    path = tmp_path / "junk.onnx"
    path.write_bytes(content)
    with (
        pytest.raises(ModelError, match=r"junk\.onnx' is not an ONNX model, or has no outputs"),
        open_network(open_onnx(path) if how == "loaded" else ModelFile(path, "onnx"), PLAIN),
    ):
        pass


def test_missing_file(tmp_path: Path) -> None:
    zoo.write("chain", tmp_path)
    with (
        pytest.raises(FileError, match="did you mean 'chain\\.onnx'"),
        open_network(ModelFile(tmp_path / "chian.onnx", "onnx"), PLAIN),
    ):
        pass


def test_missing_external_data(tmp_path: Path) -> None:
    model = open_onnx(zoo.write_external(tmp_path))
    (tmp_path / "w.bin").unlink()
    with (
        pytest.raises(ModelError, match=r"cannot parse.*w\.bin.*initializer: w$") as caught,
        open_network(model, PLAIN),
    ):
        pass
    assert str(tmp_path / "w.bin") in str(caught.value)


def test_an_engine_has_no_network(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is an engine"), open_network(ModelFile(Path("a.engine"), "engine"), PLAIN):
        pass


def test_missing_package(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path))
    for name, extra in (("tensorrt", "trt"), ("tensorrt_rtx", "rtx")):
        options = NetworkOptions(trt_package=name)
        try:
            with open_network(model, options) as net:
                assert net.trt.__name__ == name
        except MissingPackageError as error:
            assert f"trtkit[{extra}]" in str(error)  # noqa: PT017 - which of the two depends on the machine


@needs_rtx
def test_onnx_flags(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path))
    options = NetworkOptions(onnx_flags=("adjust-for-dla", "ENABLE_PLUGIN_OVERRIDE"), plugin_instancenorm=True)
    with open_network(model, options) as net:
        kinds = net.trt.OnnxParserFlag
        states = [net.parser.get_flag(getattr(kinds, name)) for name in ("ADJUST_FOR_DLA", "ENABLE_PLUGIN_OVERRIDE")]
        assert states == [True, True]
        assert not net.parser.get_flag(kinds.NATIVE_INSTANCENORM)


SCALE = numpy_helper.from_array(numpy.ones(3, numpy.float32), "scale")
BIAS = numpy_helper.from_array(numpy.zeros(3, numpy.float32), "bias")


@needs_rtx
@pytest.mark.parametrize("operator", ["InstanceNormalization", "LayerNormalization"])
def test_plugin_instancenorm(operator: str, tmp_path: Path) -> None:
    """TensorRT-RTX has no plugin for it; other normalisation is left alone."""
    x, y = (zoo.tensor(name, [1, 3, 4, 3]) for name in "xy")
    nodes = [zoo.node(operator, ["x", "scale", "bias"], ["y"], name="norm")]
    path = zoo.save(zoo.model(nodes, [x], [y], [SCALE, BIAS]), tmp_path / "norm.onnx")
    with ExitStack() as stack:
        if operator == "InstanceNormalization":
            stack.enter_context(pytest.raises(ModelError, match=r"--plugin-instancenorm: .* native layer 'norm'"))
        stack.enter_context(open_network(open_onnx(path), NetworkOptions(plugin_instancenorm=True)))
    with open_network(open_onnx(path), PLAIN) as net:
        layers = [net.network.get_layer(index).type for index in range(net.network.num_layers)]
        assert net.trt.LayerType.NORMALIZATION in layers


def test_unknown_onnx_flag(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path))
    with (
        pytest.raises(UsageError, match="did you mean 'native_instancenorm'"),
        open_network(model, NetworkOptions(onnx_flags=("native-instance-norm",))),
    ):
        pass


def test_contradicting_flags() -> None:
    with pytest.raises(UsageError, match="contradict"):
        NetworkOptions(onnx_flags=("native_instancenorm",), plugin_instancenorm=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no library"), (b"not a library", "cannot load")],
    ids=["missing", "no library"],
)
def test_plugins_that_cannot_be_loaded(content: bytes | None, words: str, tmp_path: Path) -> None:
    library = tmp_path / "plugins.so"
    if content is not None:
        library.write_bytes(content)
    model = open_onnx(zoo.write("chain", tmp_path))
    with (
        pytest.raises((FileError, ModelError), match=f"^--plugins: .*{words}") as caught,
        open_network(model, NetworkOptions(plugins=(library,))),
    ):
        pass
    assert str(library) in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_library_without_plugins(tmp_path: Path) -> None:
    library = Path(str(importlib.import_module("ml_dtypes._ml_dtypes_ext").__file__))
    model = open_onnx(zoo.write("chain", tmp_path))
    with (
        pytest.raises(ModelError, match="has no plugins for"),
        open_network(model, NetworkOptions(plugins=(library,))),
    ):
        pass


def test_all_is_given_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also after an error in the block, and without a word from TensorRT about the order."""
    model = open_onnx(zoo.write("chain", tmp_path))

    def fail(kept: list[Net]) -> None:
        with open_network(model, PLAIN) as net:
            kept.append(net)
            raise ZeroDivisionError

    kept: list[Net] = []
    with caplog.at_level(logging.WARNING):
        with pytest.raises(ZeroDivisionError):
            fail(kept)
        gc.collect()
    assert kept[0].network is kept[0].builder is kept[0].parser is None
    assert caplog.records == []
