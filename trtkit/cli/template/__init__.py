"""`trtkit template`: one module for each script that can be written. None of them imports TensorRT."""

from __future__ import annotations

__all__ = ["LEFT_OUT", "SUBTOOLS"]

SUBTOOLS: dict[str, tuple[str, str]] = {
    "trt-network": ("trtkit.cli.template.trt_network", "a TensorRT network: an empty one, or one parsed from a model"),
    "trt-config": ("trtkit.cli.template.trt_config", "TensorRT's builder configuration, filled from options"),
    "onnx": ("trtkit.cli.template.onnx", "a program that edits an ONNX model with onnx-ir"),
    "onnx-gs": ("trtkit.cli.template.onnx", "another name of onnx"),
    "data-loader": ("trtkit.cli.template.data_loader", "input data for --data-loader-script"),
    "compare-func": ("trtkit.cli.template.compare_func", "a comparison for --compare-func-script"),
    "postprocess": ("trtkit.cli.template.postprocess", "a change of outputs for --postprocess-func-script"),
}
"""Subtool to module and help, as in `trtkit.cli.main.COMMANDS`."""

LEFT_OUT: dict[str, str] = {
    "shard-hints": "left out of trtkit, which does not deal with models that are spread over several devices",
}
"""Names that people who move over will try, and what to tell them."""
