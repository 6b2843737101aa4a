"""CUDA without a framework: is there a GPU, and memory on it."""
