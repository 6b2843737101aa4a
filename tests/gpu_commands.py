"""What the record of a GPU machine consists of: the example's commands, and what TensorRT 8.6 lacks."""

from __future__ import annotations

__all__ = ["COMMANDS", "NOT_EXECUTED"]

NETWORK = "resnet_custom.py:custom_network"
CONFIG = "--trt-config-script=resnet_custom.py:custom_config"
MODEL = "../../models/ResNet-18.onnx"
SHAPES = "--input-shapes x:[1,3,224,224]"
AS_FLOAT16 = "--atol 0.015625 --rtol 0.015625"

COMMANDS: list[tuple[str, list[tuple[str, int]]]] = [
    (
        "Templates first, then edit them",
        [
            ("trtkit template trt-network -o create_network.py", 0),
            ("trtkit template trt-config -o trt_network_cfg.py", 0),
            (f"trtkit template trt-network {MODEL} -o create_network.py", 0),
            ("trtkit template trt-config --fp16 -o trt_network_cfg.py", 0),
        ],
    ),
    (
        "A network from nothing",
        [
            ("trtkit run --trt resnet_def.py --model-type=trt-network-script", 0),
            ("trtkit run --trt resnet_def.py --model-type=trt-network-script --trt-config-script=resnet_cfg.py", 0),
        ],
    ),
    (
        "A network that is changed, and its configuration",
        [
            (f"trtkit run --trt {NETWORK} --model-type=trt-network-script {CONFIG}", 0),
            (f"trtkit convert {NETWORK} -o resnet_fp32.engine", 0),
            (f"trtkit convert {NETWORK} {CONFIG} -o resnet_fp16.engine", 0),
            ("trtkit run resnet_fp32.engine --trt --save-inputs input.json --save-outputs output.josn", 0),
            ("trtkit run resnet_fp16.engine --trt --load-inputs input.json --load-outputs output.josn", 1),
            (
                f"trtkit run resnet_fp16.engine --trt --load-inputs input.json --load-outputs output.josn {AS_FLOAT16}",
                0,
            ),
            ("trtkit inspect model resnet_fp32.engine --show layers", 0),
            ("trtkit inspect model resnet_fp16.engine --show layers attrs weights", 0),
            ("trtkit inspect model resnet_fp16.engine --show layers | grep -i softmax", 0),
            (f"trtkit inspect model {MODEL} --show layers --display-as=trt", 0),
        ],
    ),
    (
        "Own inputs, own outputs",
        [
            (f"trtkit run {MODEL} --trt --onnxrt {SHAPES} --data-loader-script generate_data.py", 0),
            ("python generate_data.py", 0),
            ("trtkit inspect data custom_inputs.json", 0),
            ("trtkit inspect data torch_outputs.json", 0),
            ("trtkit inspect data torch_outputs.json --show-values", 0),
            (f"trtkit run {MODEL} --trt --onnxrt {SHAPES} --load-inputs custom_inputs.json", 0),
            (
                f"trtkit run {MODEL} --trt {SHAPES} --load-inputs custom_inputs.json --load-outputs torch_outputs.json",
                0,
            ),
        ],
    ),
    (
        "How fast is it?",
        [
            ("trtkit run resnet_fp16.engine --trt --warm-up 20 --duration 2 --cuda-graph", 0),
            ("trtkit run resnet_fp16.engine --trt --profile-layers 100", 0),
        ],
    ),
    (
        "Precision",
        [
            (f"trtkit convert {MODEL} -o fp16.engine --fp16 {SHAPES}", 0),
            (f"trtkit convert {MODEL} -o kept.engine --fp16 --keep-fp32 conv1 fc {SHAPES}", 0),
            (f"trtkit convert {MODEL} -o int8.engine --int8 {SHAPES} --data-loader-script generate_data.py", 0),
            (f"trtkit convert {MODEL} -o int8.onnx --int8 --data-loader-script generate_data.py", 0),
            (
                f"trtkit run int8.onnx --trt --int8 --onnxrt {SHAPES} --load-inputs custom_inputs.json "
                "--compare cosine_similarity",
                0,
            ),
            (f"trtkit debug precision {MODEL} --fp16 --judge trt {SHAPES} {AS_FLOAT16} -o keep.toml", 0),
        ],
    ),
    (
        "The quick start of the README",
        [
            (f"cd ../.. && trtkit run models/ResNet-18.onnx --trt --onnxrt {SHAPES} --save-engine resnet.engine", 0),
            ("cd ../.. && trtkit inspect model resnet.engine --show layers", 0),
            (f"cd ../.. && trtkit run resnet.engine --trt {SHAPES} --warm-up 20 --duration 2 --cuda-graph", 0),
        ],
    ),
    (
        "FP16 beside ONNX Runtime, and refusals",
        [
            (f"trtkit run {MODEL} --trt --onnxrt {SHAPES} --fp16 --save-engine fp16.engine", 1),
            (f"trtkit run fp16.engine --trt {SHAPES} --save-inputs i.npz --cuda-package pycuda", 0),
            (f"trtkit run {MODEL} --onnxrt --load-inputs i.npz --save-outputs o.npz", 0),
            (f"trtkit run fp16.engine --trt --load-inputs i.npz --load-outputs o.npz {AS_FLOAT16}", 0),
            ("trtkit run fp16.engine --trt --input-shapes x:[2,3,224,224]", 3),
            ("trtkit run fp16.engine --trt --optimization-profile 1", 3),
            ("head -c 1000000 fp16.engine >cut.engine; trtkit run cut.engine --trt", 3),
            ("trtkit run fp16.engine --runner onnxref", 2),
        ],
    ),
]
"""Titles, and the commands below them with the exit code that each has to end with."""

NOT_EXECUTED = [
    "stream readers, which read an engine piece by piece (TensorRT 10); here files are mapped",
    "progress monitors of the builder",
    "weight streaming: `--weight-streaming`, `--weight-streaming-budget`",
    "`--allocation-strategy profile` and `runtime`",
    "`--dla-workspace-allocation-strategy`, which needs a DLA too",
    "bfloat16 inputs and outputs",
    "int64 inputs and outputs: 8.6 makes int32 of them",
    "fp8 inputs and outputs",
    "int4 inputs and outputs",
    "strongly typed networks of the standard package, debug tensors",
    "version-compatible engines and `--load-runtime`, which need `libnvinfer_lean` on the machine",
]
"""What is built behind questions for features, and cannot be run on TensorRT 8.6."""
