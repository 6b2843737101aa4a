"""How engines are executed: memory, shapes, profiles, graphs, feeds on the GPU, timing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from backends.trt.gpu_runners import infer, make
from gpu_arrays import GpuArray, free_memory, on_gpu
from onnx import TensorProto, numpy_helper

import trtkit
from trtkit.arrays import as_input
from trtkit.backends.trt.api import has
from trtkit.backends.trt.runner import TrtRunner
from trtkit.errors import BackendError, ModelError

pytestmark = pytest.mark.gpu

X = np.array([[1, -2, 3], [0.5, 0, -1]], np.float32)
EXPECTED = X @ zoo.SQUARE


@pytest.fixture(autouse=True)
def _package() -> None:
    pytest.importorskip("tensorrt", reason="tensorrt is not installed")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = x @ SQUARE for 1 to 8 rows, and for 10 to 20 rows in a second profile."""
    folder = tmp_path_factory.mktemp("engine")
    path = folder / "linear.engine"
    trtkit.convert(
        trtkit.ConvertPlan(
            zoo.write("linear", folder),
            path,
            build=_build_options(
                min_shapes=({"x": (1, 3)}, {"x": (10, 3)}),
                opt_shapes=({"x": (2, 3)}, {"x": (10, 3)}),
                max_shapes=({"x": (8, 3)}, {"x": (20, 3)}),
            ),
        )
    )
    return path


def _build_options(**options: Any) -> Any:
    from trtkit.backends.trt.build_options import BuildOptions

    return BuildOptions(tactic_sources=(), builder_optimization_level=0, **options)


def there(array: Any) -> dict[str, Any]:
    """A feed that lies on the GPU."""
    return {"x": as_input(array, "x")}


@pytest.fixture
def runner(engine: Path) -> Iterator[TrtRunner]:
    with make(engine, kind="engine") as entered:
        yield entered


def script(folder: Path, body: str) -> Path:
    """A network script with this body of `load_network(network, trt)`."""
    path = folder / "net.py"
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    path.write_text(f"def load_network(network, trt):\n{lines}")
    return path


def test_shapes_may_change_between_inferences(runner: TrtRunner) -> None:
    for rows in (2, 8, 1, 2, 5, 5):
        x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
        np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=1e-6)


def test_a_shape_outside_the_profile(runner: TrtRunner) -> None:
    with pytest.raises(BackendError, match=r"profile 0 of the engine takes x from \[1,3\] to \[8,3\], not \[9,3\];"):
        runner.infer({"x": np.zeros((9, 3), np.float32)})
    np.testing.assert_allclose(runner.infer({"x": X})["y"], EXPECTED, rtol=1e-6)


def test_another_profile(engine: Path) -> None:
    x = np.ones((12, 3), np.float32)
    with make(engine, kind="engine", optimization_profile=1) as runner:
        np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=1e-6)
        with pytest.raises(BackendError, match=r"profile 1 of the engine takes x from \[10,3\] to \[20,3\]"):
            runner.infer({"x": X})
    with pytest.raises(ModelError, match="--optimization-profile 2: the engine has no such profile, it has 0 to 1"):
        make(engine, kind="engine", optimization_profile=2).__enter__()


@pytest.mark.parametrize("strategy", ["profile", "runtime"])
def test_allocation_strategies(engine: Path, strategy: str) -> None:
    runner = make(engine, kind="engine", allocation_strategy=strategy)
    if has("ExecutionContextAllocationStrategy"):
        with runner:
            for rows in (1, 8):
                x = np.ones((rows, 3), np.float32)
                np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=1e-6)
    else:
        with pytest.raises(ModelError, match=r"--allocation-strategy: .* it is in TensorRT 10\.0 to"):
            runner.__enter__()


@pytest.mark.parametrize("package", ["cuda-python", "pycuda"])
def test_packages_for_cuda(engine: Path, package: str) -> None:
    if package == "pycuda":
        pytest.importorskip("pycuda", reason="pycuda is not installed")
    with make(engine, kind="engine", cuda_package=package) as runner:
        for rows in (1, 2, 8):
            x = np.ones((rows, 3), np.float32)
            np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=1e-6)
        assert 0 < (runner.gpu_seconds() or 0) < 1
        with on_gpu(X, package=package) as (x_there,):
            np.testing.assert_allclose(runner.infer(there(x_there))["y"], EXPECTED, rtol=1e-6)


def test_pycuda_and_its_own_context_in_one_process(engine: Path) -> None:
    """As with `import pycuda.autoinit`, whose context is not the primary one."""
    driver = pytest.importorskip("pycuda.driver", reason="pycuda is not installed")
    gpuarray = pytest.importorskip("pycuda.gpuarray")
    driver.init()
    own = driver.Device(0).make_context()
    try:
        theirs = gpuarray.to_gpu(X)
        for package in ("cuda-python", "pycuda"):
            with make(engine, kind="engine", cuda_package=package) as runner:
                np.testing.assert_allclose(runner.infer({"x": X})["y"], EXPECTED, rtol=1e-6)
                np.testing.assert_allclose(runner.infer(there(theirs))["y"], EXPECTED, rtol=1e-6)
        assert (theirs.get() == X).all()
        del theirs
    finally:
        own.pop()
        own.detach()


@pytest.mark.parametrize("graph", [False, True], ids=["plain", "graph"])
def test_feeds_on_the_gpu_are_used_in_place(engine: Path, graph: bool) -> None:
    with make(engine, kind="engine", cuda_graph=graph) as runner, on_gpu(X, X * 2) as arrays:
        for array, expected in [*zip(arrays, (EXPECTED, EXPECTED * 2), strict=True)] * 2:
            np.testing.assert_allclose(runner.infer(there(array))["y"], expected, rtol=1e-6)
            assert runner._execution is not None
            assert runner._execution._addresses["x"] == array.address
        np.testing.assert_allclose(runner.infer({"x": X})["y"], EXPECTED, rtol=1e-6)


def test_a_feed_on_the_gpu_that_is_not_aligned(runner: TrtRunner) -> None:
    with on_gpu(X, skipped=4) as (array,):
        np.testing.assert_allclose(runner.infer(there(array))["y"], EXPECTED, rtol=1e-6)


def test_feeds_on_the_gpu_through_a_run(engine: Path, in_tmp: Path) -> None:
    """Other runners, and files, get them on the host."""
    model = zoo.write("linear", in_tmp)
    with on_gpu(X) as (array,):
        plan = trtkit.RunPlan(model, runners=["trt", "onnxrt"], save=trtkit.SaveOptions(save_inputs="i.npz"))
        report = trtkit.run(plan, feeds=[{"x": array}, {"x": array}])
    assert report.passed, report.text()
    saved = [feed["x"] for feed in trtkit.load_inputs("i.npz")]
    np.testing.assert_array_equal(saved, [X, X])


def test_the_checked_runner_takes_feeds_on_the_gpu(engine: Path) -> None:
    with on_gpu(X) as (array,), trtkit.open_runner("trt", engine, timed=True) as runner:
        np.testing.assert_allclose(runner.infer({"x": array})["y"], EXPECTED, rtol=1e-6)
        assert 0 < (runner.gpu_seconds() or 0) < 1
        with pytest.raises(trtkit.TrtkitError, match=r"the data has x:\[2,4\], but the model expects"):
            runner.infer({"x": np.zeros((2, 4), np.float32)})


def test_graphs(engine: Path) -> None:
    with make(engine, kind="engine", cuda_graph=True) as runner:
        for rows in (2, 2, 3, 3, 2):
            for factor in (1, 2):
                x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3) * factor
                np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=1e-6)
        assert 0 < (runner.gpu_seconds() or 0) < 1


def test_graphs_for_many_places(engine: Path) -> None:
    arrays = [X * factor for factor in range(12)]
    with make(engine, kind="engine", cuda_graph=True) as runner, on_gpu(*arrays) as places:
        for _ in range(2):
            for array, x in zip(places, arrays, strict=True):
                np.testing.assert_allclose(runner.infer(there(array))["y"], x @ zoo.SQUARE, rtol=1e-6)


def test_sizes_that_depend_on_the_data(tmp_path: Path) -> None:
    found = zoo.tensor("y", [2, "M"], TensorProto.INT64)
    model = zoo.save(zoo.model([zoo.node("NonZero", ["x"], ["y"])], [zoo.X], [found]), tmp_path / "m.onnx")
    x = np.array([[1, 0, 2], [0, 0, 3]], np.float32)
    with make(model, {"x": x}) as runner:
        for feed in (x, x * 0, x, np.ones_like(x), x):
            expected = np.argwhere(feed).T
            answer = runner.infer({"x": feed})["y"]
            assert (answer.shape, answer.tolist()) == (expected.shape, expected.tolist())
    with (
        make(model, {"x": x}, cuda_graph=True) as runner,
        pytest.raises(BackendError, match="--cuda-graph: the size of the output 'y' depends on the data"),
    ):
        runner.infer({"x": x})


@pytest.mark.parametrize("graph", [False, True], ids=["plain", "graph"])
def test_big_outputs_and_many(tmp_path: Path, graph: bool) -> None:
    """Outputs beyond what goes through pinned memory, beside small and empty ones."""
    nodes = [zoo.node("Neg", ["x"], ["y"]), zoo.node("Slice", ["x", "starts", "ends"], ["none"])]
    nodes += [zoo.node("Mul", ["x", f"f{index}"], [f"y{index}"]) for index in range(5)]
    proto = zoo.model(
        nodes,
        [zoo.tensor("x", ["N", 1000])],
        [zoo.tensor(name, None) for name in ("y", "none", *(f"y{index}" for index in range(5)))],
        [
            numpy_helper.from_array(np.array([0, 0]), "starts"),
            numpy_helper.from_array(np.array([0, 1000]), "ends"),
            *(numpy_helper.from_array(np.array(index, np.float32), f"f{index}") for index in range(5)),
        ],
    )
    x = np.random.default_rng(3).standard_normal((1000, 1000)).astype(np.float32)
    with make(zoo.save(proto, tmp_path / "m.onnx"), {"x": x}, cuda_graph=graph) as runner:
        for _ in range(2):
            outputs = runner.infer({"x": x})
            assert list(outputs) == ["y", "none", *(f"y{index}" for index in range(5))]
            np.testing.assert_array_equal(outputs["y"], -x)
            assert outputs["none"].shape == (0, 1000)
            for index in range(5):
                np.testing.assert_array_equal(outputs[f"y{index}"], x * np.float32(index))


SHAPE_INPUT = """
x = network.add_input('x', trt.float32, (-1, -1))
shape = network.add_input('shape', trt.int32, (2,))
shuffle = network.add_shuffle(x)
shuffle.set_input(1, shape)
shuffle.get_output(0).name = 'y'
network.mark_output(shuffle.get_output(0))
size = network.add_shape(shuffle.get_output(0)).get_output(0)
size.name = 'size'
network.mark_output_for_shapes(size)
"""


def test_inputs_and_outputs_on_the_host(tmp_path: Path) -> None:
    config = tmp_path / "cfg.py"
    config.write_text(
        "def load_config(builder, config):\n"
        "    profile = builder.create_optimization_profile()\n"
        "    profile.set_shape('x', (1, 1), (2, 6), (4, 12))\n"
        "    profile.set_shape_input('shape', (1, 1), (3, 4), (48, 48))\n"
        "    config.add_optimization_profile(profile)\n"
    )
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    path = script(tmp_path, SHAPE_INPUT)
    with make(path, kind="trt-network-script", config_script=str(config)) as runner:
        for shape in ((3, 4), (12, 1), (3, 4), (2, 6)):
            outputs = runner.infer({"x": x, "shape": np.array(shape, np.int32)})
            np.testing.assert_array_equal(outputs["y"], x.reshape(shape))
            assert outputs["size"].tolist() == list(shape)
        with pytest.raises(BackendError, match="me: "):
            runner.infer({"x": x, "shape": np.array((5, 5), np.int32)})


FORMATS = ["CHW2", "HWC8", "CHW4", "CHW16", "CHW32"]


@pytest.mark.parametrize("word", FORMATS)
def test_vectorised_formats(tmp_path: Path, word: str) -> None:
    body = f"""
x = network.add_input('x', trt.float16, (2, 5, 3, 4))
x.allowed_formats = 1 << int(trt.TensorFormat.{word})
layer = network.add_activation(x, trt.ActivationType.RELU)
y = layer.get_output(0)
y.name, y.dtype = 'y', trt.float16
network.mark_output(y)
y.allowed_formats = 1 << int(trt.TensorFormat.{word})
"""
    x = np.random.default_rng(1).standard_normal((2, 5, 3, 4)).astype(np.float16)
    config = tmp_path / "allow.py"  # not asked for with a flag, since TensorRT may compute a single layer in float32
    config.write_text("def load_config(config, trt):\n    config.set_flag(trt.BuilderFlag.FP16)\n")
    with make(script(tmp_path, body), kind="trt-network-script", config_script=str(config)) as runner:
        assert runner._execution is not None
        assert str(runner._execution._engine.get_tensor_format("x")) == f"TensorFormat.{word}"
        np.testing.assert_array_equal(runner.infer({"x": x})["y"], np.maximum(x, 0))
        with on_gpu(x) as (array,):
            np.testing.assert_array_equal(runner.infer(there(array))["y"], np.maximum(x, 0))


def test_vectors_of_int8(tmp_path: Path) -> None:
    body = """
x = network.add_input('x', trt.int8, (2, 5, 3, 4))
x.dynamic_range = (-127, 127)
layer = network.add_activation(x, trt.ActivationType.RELU)
y = layer.get_output(0)
y.name, y.dtype, y.dynamic_range = 'y', trt.int8, (-127, 127)
network.mark_output(y)
for tensor in (x, y):
    tensor.allowed_formats = 1 << int(trt.TensorFormat.CHW32)
"""
    x = np.random.default_rng(1).integers(-127, 128, (2, 5, 3, 4)).astype(np.int8)
    answer = infer(script(tmp_path, body), {"x": x}, kind="trt-network-script", int8=True)["y"]
    np.testing.assert_array_equal(answer, np.maximum(x, 0))


def test_channels_last(tmp_path: Path) -> None:
    body = """
x = network.add_input('x', trt.float32, (2, 5, 3, 4))
x.allowed_formats = 1 << int(trt.TensorFormat.HWC)
y = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
y.name = 'y'
network.mark_output(y)
y.allowed_formats = 1 << int(trt.TensorFormat.LINEAR)
"""
    x = np.random.default_rng(1).standard_normal((2, 5, 3, 4)).astype(np.float32)
    answer = infer(script(tmp_path, body), {"x": x}, kind="trt-network-script")["y"]
    np.testing.assert_array_equal(answer, np.maximum(x, 0))


def test_layers_are_timed_apart(engine: Path) -> None:
    with make(engine, kind="engine", profile_layers=5, cuda_graph=True) as runner:
        before = runner.infer({"x": X})["y"]
        layers = runner.layer_times({"x": X})
        assert layers
        assert all(layer.name and layer.median >= 0 for layer in layers), "a layer without a kernel takes no time"
        assert max(layer.median for layer in layers) > 0
        assert sum(layer.share for layer in layers) == pytest.approx(1)
        np.testing.assert_array_equal(runner.infer({"x": X})["y"], before)
    with make(engine, kind="engine") as runner:
        assert runner.layer_times({"x": X}) is None


def test_the_gpu_is_recorded(runner: TrtRunner) -> None:
    state = runner.gpu_state()
    assert "NVIDIA" in state.name
    assert state.sm_clock is None or 100 < state.sm_clock < 10_000


def test_in_a_second_thread(runner: TrtRunner) -> None:
    answers: list[Any] = []
    runner.infer({"x": X})

    def work() -> None:
        for rows in (2, 5):
            answers.append(runner.infer({"x": np.ones((rows, 3), np.float32)})["y"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [answer.shape for answer in answers] == [(2, 3), (5, 3)]
    np.testing.assert_allclose(runner.infer({"x": X})["y"], EXPECTED, rtol=1e-6)


def test_entered_in_a_second_thread(engine: Path) -> None:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(infer(engine, {"x": X}, kind="engine")["y"]))
    thread.start()
    thread.join()
    np.testing.assert_allclose(answers[0], EXPECTED, rtol=1e-6)


@pytest.mark.alone
@pytest.mark.parametrize("package", ["cuda-python", "pycuda"])
def test_everything_is_given_back(engine: Path, package: str) -> None:
    if package == "pycuda":
        pytest.importorskip("pycuda", reason="pycuda is not installed")
    runs: list[int] = []
    for _ in range(4):
        with make(engine, kind="engine", cuda_package=package) as runner:
            runner.infer({"x": X})
        runs.append(free_memory())
    assert runs[-1] == runs[1], "the first may load what the process keeps"


@pytest.mark.alone
def test_everything_is_given_back_after_a_failure(engine: Path) -> None:
    def fail() -> None:
        with make(engine, kind="engine", cuda_graph=True) as runner:
            runner.infer({"x": X})
            runner.infer({"x": np.zeros((99, 3), np.float32)})

    runs: list[int] = []
    for _ in range(4):
        with pytest.raises(BackendError, match="not \\[99,3\\]"):
            fail()
        runs.append(free_memory())
    assert runs[-1] == runs[1]


@pytest.mark.alone
@pytest.mark.parametrize("graph", [False, True], ids=["plain", "graph"])
def test_ten_thousand_inferences_keep_their_memory(engine: Path, graph: bool) -> None:
    import resource

    with make(engine, kind="engine", cuda_graph=graph) as runner:
        for _ in range(1000):
            runner.infer({"x": X})
        there, here = free_memory(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(10_000):
            runner.infer({"x": X})
        assert free_memory() == there
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - here <= 1024, "KiB"


def test_an_array_that_has_gone_is_no_concern_of_the_next(runner: TrtRunner) -> None:
    """A graph or an address is never used for an array of another place."""
    for factor in range(5):
        with on_gpu(X * factor) as (array,):
            assert isinstance(array, GpuArray)
            np.testing.assert_allclose(runner.infer(there(array))["y"], EXPECTED * factor, rtol=1e-6)
