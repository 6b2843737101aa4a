"""INT8 calibration, which weakly typed networks need unless they say themselves how they are quantised."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.atomic import replacing
from trtkit.backends.trt.api import has, need, trt
from trtkit.backends.trt.build_config import BuildConfig, accepted
from trtkit.backends.trt.precision import need_weak_typing
from trtkit.backends.trt.precision_options import LEGACY
from trtkit.backends.trt.profiles import fill_profile, open_inputs
from trtkit.backends.trt.setters import switch
from trtkit.errors import FileError, InputError
from trtkit.suggest import listing

if TYPE_CHECKING:
    from trtkit.backends.trt.build_options import BuildOptions
    from trtkit.cuda.base import Cuda
    from trtkit.results import Array, Feed
    from trtkit.tensors import Sizes

__all__ = ["int8"]

_log = logging.getLogger(__name__)

_FEATURES = ("IBuilderConfig.int8_calibrator", "IBuilderConfig.set_calibration_profile", "CalibrationAlgoType")


def int8(build: BuildConfig, value: bool, flag: str) -> None:
    """Allow int8, and calibrate unless the network is quantised already or has dynamic ranges.

    Raises:
        ModelError: the network is strongly typed, or the package has no calibrators.
        InputError: calibration is needed, and there is neither a cache nor data.
        FileError: the calibration cache cannot be read.
        MissingPackageError: calibration needs GPU memory and cuda-python is not installed.
    """
    need_weak_typing(build, flag)
    switch("INT8")(build, value, flag)
    if _says_how(build.net.network):
        if build.options.calibration_cache is not None:
            raise InputError("--calibration-cache has no effect: the network says itself how it is quantised")
        return
    for feature in (build.options.calibration_base_class, *_FEATURES):
        need(feature, flag)
    cached = _read_cache(build.options.calibration_cache)
    feeder = Feeder(build, () if cached else _calibration_feeds(build, flag))
    if not cached and open_inputs(build.net.network):
        _set_profile(build, feeder.shapes())
    with accepted(flag):
        build.config.int8_calibrator = _calibrator(build, feeder, cached)
    build.cleanups.append(feeder.free)


class Feeder:
    """Calibration data on the GPU, one feed at a time, in buffers that stay the same for all of them."""

    def __init__(self, build: BuildConfig, feeds: Iterable[Feed]) -> None:
        self._names = list(build.net.input_specs())
        self._feeds: Iterator[Feed] = iter(feeds)
        self._first: Feed | None = None
        self._package = build.cuda_package
        self._cuda: Cuda | None = None
        self._buffers: dict[str, int] = {}
        self._shapes: dict[str, Sizes] = {}
        self.count = 0

    def shapes(self) -> Mapping[str, Sizes]:
        """The shapes of the first feed.

        Raises:
            InputError: there is no feed.
        """
        if self._first is None:
            self._first = next(self._feeds, None)
            if self._first is None:
                raise InputError("--int8 needs calibration data, but there is not one input set")
            self._check(self._first)
            self._shapes = {name: tuple(self._first[name].shape) for name in self._names}
        return self._shapes

    def next(self) -> Mapping[str, int] | None:
        """The addresses of the inputs of the next feed by name; None after the last.

        Raises:
            InputError: a feed lacks an input, or has another shape than the first.
            MissingDeviceError: there is no GPU.
            BackendError: it has not enough memory.
        """
        if not self.count:
            self.shapes()
            feed, self._first = self._first, None
        else:
            feed = next(self._feeds, None)
        if feed is None:
            return None
        self._check(feed)
        self.count += 1
        return {name: self._upload(name, feed[name]) for name in self._names}

    def free(self) -> None:
        """Give the buffers back."""
        if self._cuda is None:
            return
        with self._cuda.active():
            while self._buffers:
                self._cuda.free(self._buffers.popitem()[1])
        self._cuda = None

    def _check(self, feed: Feed) -> None:
        missing = [name for name in self._names if name not in feed]
        if missing:
            raise InputError(f"calibration data set {self.count + 1} lacks the inputs {listing(missing)}")
        for name, shape in self._shapes.items():
            if tuple(feed[name].shape) != shape:
                raise InputError(
                    f"calibration data set {self.count + 1} has {name!r} in the shape {list(feed[name].shape)}, the "
                    f"first in {list(shape)}; calibration needs equal shapes"
                )

    def _upload(self, name: str, array: Array) -> int:
        import numpy as np

        from trtkit.cuda.base import open_cuda

        if self._cuda is None:
            self._cuda = open_cuda(self._package)
        whole = np.ascontiguousarray(array)
        with self._cuda.active():
            if name not in self._buffers:
                self._buffers[name] = self._cuda.allocate(max(1, whole.nbytes))
            if whole.nbytes:
                self._cuda.upload(self._buffers[name], whole, 0)
                self._cuda.synchronize(0)
        return self._buffers[name]


def _calibrator(build: BuildConfig, feeder: Feeder, cached: bytes) -> Any:
    """An instance of the chosen base class that answers TensorRT from `feeder` and the cache."""
    base: Any = getattr(trt(), build.options.calibration_base_class)

    class Calibrator(base):  # type: ignore[misc]  # a base class that is known at run time only
        """No exception can pass through TensorRT, so each method keeps its own in `build.failures`."""

        def __init__(self) -> None:
            base.__init__(self)

        def get_batch_size(self) -> int:
            """One feed is one batch; its size is in the shapes."""
            return 1

        def get_batch(self, names: Sequence[str]) -> list[int] | None:
            """The addresses of the next feed in the order of `names`; None after the last."""
            with build.callback():
                addresses = feeder.next()
                return None if addresses is None else [addresses[name] for name in names]
            return None

        def read_calibration_cache(self) -> bytes | None:
            """What an earlier calibration wrote."""
            return cached or None

        def write_calibration_cache(self, cache: Any) -> None:
            """Keep the result for the next time."""
            path = build.options.calibration_cache
            if path is not None and not cached and not build.failures:  # after a failure it rests on a part of the data
                with build.callback(), replacing(path) as file:
                    file.write(memoryview(cache).cast("B"))
                    _log.info("saved the calibration of %d input sets to %s", feeder.count, path)

    extra = {LEGACY: _legacy_methods, "IInt8Calibrator": _plain_methods}.get(build.options.calibration_base_class)
    kind = Calibrator if extra is None else type("Calibrator", (Calibrator,), extra(build.options))
    return kind()


def _legacy_methods(options: BuildOptions) -> dict[str, Any]:
    """What `IInt8LegacyCalibrator` asks for beside; its histograms are not kept."""
    quantile = 0.5 if options.quantile is None else options.quantile
    cutoff = 0.5 if options.regression_cutoff is None else options.regression_cutoff
    return {
        "get_quantile": lambda self: quantile,
        "get_regression_cutoff": lambda self: cutoff,
        "read_histogram_cache": lambda self, length: None,
        "write_histogram_cache": lambda self, data, length: None,
    }


def _plain_methods(options: BuildOptions) -> dict[str, Any]:
    """The root class has no algorithm of its own; it takes TensorRT's usual one."""
    return {"get_algorithm": lambda self: trt().CalibrationAlgoType.ENTROPY_CALIBRATION_2}


def _says_how(network: Any) -> bool:
    """Whether the network holds quantisation layers, or a script gave its first input a dynamic range."""
    kind = trt().LayerType.QUANTIZE
    if any(network.get_layer(index).type == kind for index in range(network.num_layers)):
        return True
    return has("ITensor.dynamic_range") and network.num_inputs > 0 and network.get_input(0).dynamic_range is not None


def _read_cache(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FileError(f"--calibration-cache: cannot read {str(path)!r}: {error.strerror}") from error


def _calibration_feeds(build: BuildConfig, flag: str) -> Iterable[Feed]:
    if build.feeds is None:
        raise InputError(
            f"{flag} needs calibration data: give --load-inputs, --data-loader-script or a written --calibration-cache"
        )
    return build.feeds()


def _set_profile(build: BuildConfig, shapes: Mapping[str, Sizes]) -> None:
    """Calibrate at the shapes of the data; without this TensorRT would take the likeliest of the first profile."""
    profile = build.net.builder.create_optimization_profile()
    names = open_inputs(build.net.network)
    fill_profile(build, profile, {name: (shapes[name],) * 3 for name in names})
    with accepted("the calibration profile"):
        build.config.set_calibration_profile(profile)
