"""ONNX models: reading, editing, saving. No runner lives here; the backends that run ONNX are handed the result.

The modules are imported by name, since the command line needs the options alone.
"""
