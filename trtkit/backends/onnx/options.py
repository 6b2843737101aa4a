"""The options of loading, editing and saving ONNX models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trtkit.backends.onnx.precision_options import OnnxPrecisionOptions
from trtkit.errors import UsageError
from trtkit.options import option, parse_bytes

__all__ = ["DEFAULT_THRESHOLD", "MARK_ALL", "OnnxOptions"]

MARK_ALL = ("mark", "all")
"""The two words that stand for every tensor of the main graph."""

DEFAULT_THRESHOLD = 1024


@dataclass(frozen=True)
class OnnxOptions(OnnxPrecisionOptions):
    """How an ONNX model is read, what is changed in it and where the result is saved.

    Raises:
        UsageError: a combination in which one option would have no effect.
    """

    outputs: tuple[str, ...] = option(
        (),
        "--onnx-outputs",
        help="make these tensors the model's outputs, in place of its own: names, globs such as 'conv_*', "
        "or the two words `mark all` for every tensor of the main graph",
        metavar="NAME",
        count="+",
    )
    exclude_outputs: tuple[str, ...] = option(
        (),
        "--onnx-exclude-outputs",
        help="outputs that the model shall not have: names or globs",
        metavar="NAME",
        count="+",
    )
    outputs_by_type: tuple[str, ...] = option(
        (),
        "--onnx-outputs-by-type",
        help="make the outputs of all nodes of these op types the model's outputs, beside those of --onnx-outputs",
        metavar="OP",
        count="+",
    )
    shape_inference: bool = option(
        False, "--shape-inference", "--do-shape-inference", help="infer shapes when the model is loaded"
    )
    no_onnxruntime_shape_inference: bool = option(
        False,
        "--no-onnxruntime-shape-inference",
        help="infer shapes with ONNX's own inference, not with ONNX Runtime's symbolic one",
    )
    external_data_dir: Path | None = option(
        None,
        "--external-data-dir",
        "--load-external-data",
        "--ext",
        help="the folder that external weights are relative to, where it is not the model's own",
        parse=Path,
        metavar="DIR",
    )
    ignore_external_data: bool = option(
        False,
        "--ignore-external-data",
        help="load the structure only, not the external weights; a model that has some cannot be run then",
    )
    save_onnx: Path | None = option(
        None, "--save-onnx", help="save the model, as loaded and edited", parse=Path, metavar="PATH"
    )
    save_external_data: str | None = option(
        None,
        "--save-external-data",
        "--external-data-path",
        help="save weights outside the model, in this file beside it (bare: the model's name with .data appended); "
        "otherwise they go into the model",
        metavar="RELPATH",
        const="",
    )
    external_data_size_threshold: int = option(
        DEFAULT_THRESHOLD,
        "--external-data-size-threshold",
        help="the smallest tensor that is saved outside the model",
        parse=parse_bytes,
        metavar="BYTES",
    )
    no_save_all_tensors_to_one_file: bool = option(
        False,
        "--no-save-all-tensors-to-one-file",
        help="save one external file per tensor; the path of --save-external-data names their folder then",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.no_onnxruntime_shape_inference and not self.shape_inference:
            raise UsageError("--no-onnxruntime-shape-inference has no effect without --shape-inference")
        if self.ignore_external_data and self.external_data_dir is not None:
            raise UsageError("--ignore-external-data and --external-data-dir contradict each other")
        if self.ignore_external_data and self.save_external_data is not None:
            raise UsageError("--save-external-data cannot save the weights that --ignore-external-data leaves out")
        if self.save_external_data is not None and self.save_onnx is None:
            raise UsageError("--save-external-data has no effect without --save-onnx")
        if self.save_external_data is None:
            if self.external_data_size_threshold != DEFAULT_THRESHOLD:
                raise UsageError("--external-data-size-threshold has no effect without --save-external-data")
            if self.no_save_all_tensors_to_one_file:
                raise UsageError("--no-save-all-tensors-to-one-file has no effect without --save-external-data")
        else:
            relative = PurePosixPath(self.save_external_data)
            if relative.is_absolute() or ".." in relative.parts:
                raise UsageError(
                    f"--save-external-data {self.save_external_data!r}: expected a path relative to the saved model "
                    "that stays in its folder"
                )

    @property
    def edits(self) -> bool:
        """Whether the model differs from its file afterwards, apart from its precision."""
        return bool(self.outputs or self.exclude_outputs or self.outputs_by_type or self.shape_inference)
