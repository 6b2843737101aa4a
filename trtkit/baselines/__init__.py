"""Baselines: golden inputs and outputs in a folder, with the hashes of all that they depend on (docs/baselines.md)."""
