"""Frameworks that can run a model, one folder each; none imports another."""
