"""TensorRT and TensorRT-RTX: networks, configurations, engines, and running them.

`backend` is what the table of backends names; `trtkit convert` and `trtkit inspect` use the modules by themselves.
"""
