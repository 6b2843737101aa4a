"""What a conversion is going to do, as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.trt.build_options import BuildOptions, check_together
from trtkit.backends.trt.network_options import NetworkOptions
from trtkit.backends.trt.precision_options import asked_precisions
from trtkit.comparator.inputs import InputOptions
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.options import changed_flags
from trtkit.plan_paths import script_file
from trtkit.precision_config import PRECISIONS, Precision
from trtkit.suggest import did_you_mean

__all__ = ["TARGETS", "ConvertPlan", "Target", "target_of"]


Target = Literal["onnx", "trt"]
TARGETS: tuple[Target, ...] = get_args(Target)

_SUFFIXES: dict[str, Target] = {".onnx": "onnx", ".engine": "trt", ".plan": "trt", ".trt": "trt"}


@dataclass(frozen=True)
class ConvertPlan:
    """A conversion: which model, to what, under which options.

    Attributes:
        model: the model, as `ModelFile` or as a path that tells its kind.
        output: the file to write.
        convert_to: what to write; None to tell it from the suffix of `output`.
        inputs: shapes, which make the profile of a dynamic network, and the data that calibrates INT8.
        onnx: how an ONNX model is read, changed and saved.
        network: how a TensorRT network is loaded and changed.
        build: how an engine is built.

    Raises:
        UsageError: this cannot be converted into that, or an option would have no effect.
    """

    model: ModelFile | str | Path
    output: str | Path
    convert_to: Target | None = None
    inputs: InputOptions = field(default_factory=InputOptions)
    onnx: OnnxOptions = field(default_factory=OnnxOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    build: BuildOptions = field(default_factory=BuildOptions)

    def __post_init__(self) -> None:
        if isinstance(self.model, (str, Path)):
            object.__setattr__(self, "model", ModelFile.parse(self.model))
        _check_is_file(self.target_path)
        object.__setattr__(self, "output", Path(self.output))
        if self.model_file.kind == "engine":
            raise UsageError(f"{str(self.model_file.path)!r} is an engine, which cannot be converted any more")
        object.__setattr__(self, "convert_to", self.convert_to or target_of(self.target_path))
        if self.convert_to == "onnx":
            self._check_to_onnx()
            object.__setattr__(self, "onnx", replace(self.onnx, save_onnx=self.target_path))
        else:
            self._check_to_engine()
        self.onnx.check_asked(self.precisions, "add --fp16, --bf16, --int8 or --fp8")
        self._check_paths()

    @property
    def model_file(self) -> ModelFile:
        """The model with its kind."""
        assert isinstance(self.model, ModelFile)  # __post_init__ saw to it
        return self.model

    @property
    def target_path(self) -> Path:
        """The file to write."""
        return Path(self.output)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions lower than FP32 that were asked for."""
        return asked_precisions(self.build)

    @property
    def data_flags(self) -> list[str]:
        """The flags that say which input data there is; without any, nothing is calibrated on random data."""
        return changed_flags(replace(self.inputs, input_shapes={}))

    def _check_to_onnx(self) -> None:
        if self.model_file.kind == "trt-network-script":
            raise UsageError(
                f"{str(self.model_file.path)!r} is a network script, which cannot become ONNX; "
                "convert it to an engine, or show it with trtkit inspect model"
            )
        if self.onnx.save_onnx not in (None, self.target_path):
            raise UsageError("save_onnx and output name two files for the same model; leave save_onnx out")
        inputs = [] if self._calibrates else changed_flags(self.inputs)
        for flag in (*inputs, *changed_flags(self.network), *changed_flags(self.build, PRECISIONS)):
            raise UsageError(f"{flag} has no effect when {str(self.output)!r} becomes ONNX; it is for engines")

    def _check_to_engine(self) -> None:
        check_together(self.network, self.build)
        if not self._calibrates:
            for flag in self.data_flags:
                raise UsageError(f"{flag} has no effect without --int8 or --fp8: only calibration uses input data")

    @property
    def _calibrates(self) -> bool:
        return self.build.int8 or self.build.fp8

    def _check_paths(self) -> None:
        """No file may be read and written, or written twice; the timing cache is meant to be both."""
        target = self.target_path.resolve()
        if target == self.model_file.path.resolve():
            raise UsageError(f"-o {str(self.output)!r} is the model itself; choose another name")
        written = [self.build.save_timing_cache, self.build.save_tactics, self.build.calibration_cache]
        written.append(self.onnx.save_precision_config)
        for path in written:
            if path is not None and path.resolve() == self.model_file.path.resolve():
                raise UsageError(f"{str(path)!r} is the model itself; save somewhere else")
        others = [*written, self.build.load_timing_cache, self.build.load_tactics]
        others += [self.onnx.precision_config, self.onnx.save_precision_config]
        scripts = [self.build.config_script, self.build.config_postprocess_script, self.inputs.data_loader_script]
        scripts += self.network.postprocess_scripts
        others += [Path(script_file(text)) for text in scripts if text]
        others += [Path(path) for path in self.inputs.load_inputs]
        for other in others:
            if other is not None and other.resolve() == target:
                raise UsageError(f"-o {str(self.output)!r} is the file of another option too; choose another name")


def _check_is_file(path: Path) -> None:
    if str(path) == "-":
        raise UsageError("-o -: models and engines are not printed; name a file")


def target_of(path: Path) -> Target:
    """What a file is going to be, by its suffix.

    Raises:
        UsageError: the suffix does not say, or `-` stands for standard output.
    """
    _check_is_file(path)
    target = _SUFFIXES.get(path.suffix.lower())
    if target is None:
        hint = did_you_mean(path.suffix, _SUFFIXES)
        raise UsageError(
            f"cannot tell from its suffix what {str(path)!r} shall be{hint} (known: {', '.join(_SUFFIXES)}); "
            f"say it with --convert-to {'|'.join(TARGETS)}"
        )
    return target
