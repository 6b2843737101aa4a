"""Build an engine with nothing but TensorRT-RTX: `build_engine.py MODEL ENGINE MIN OPT MAX`, images in a batch.

The settings are those that `trtkit convert` starts from: detailed profiling verbosity, no TF32.
"""

from __future__ import annotations

import sys

import tensorrt_rtx as trt

logger = trt.Logger(trt.Logger.WARNING)
builder = trt.Builder(logger)
network = builder.create_network(0)
parser = trt.OnnxParser(network, logger)
if not parser.parse_from_file(sys.argv[1]):
    sys.exit(str(parser.get_error(0)))
config = builder.create_builder_config()
config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
config.clear_flag(trt.BuilderFlag.TF32)
profile = builder.create_optimization_profile()
profile.set_shape("x", *[(int(count), 3, 224, 224) for count in sys.argv[3:]])
config.add_optimization_profile(profile)
engine = builder.build_serialized_network(network, config)
with open(sys.argv[2], "wb") as file:
    file.write(engine)
