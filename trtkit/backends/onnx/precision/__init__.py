"""Rewriting an ONNX model so that it computes in a lower precision: the graph says which type each tensor has.

`keys` calls nodes by their names, `selection` reads what the user wants kept, `decide` chooses by the tables of `rules`
what computes in 16 bits, and `casts` carries it out.
"""

from __future__ import annotations

from trtkit.backends.onnx.precision.keys import node_keys
from trtkit.backends.onnx.precision.rewrite import RangesOf, rewrite
from trtkit.backends.onnx.precision.rules import SENSITIVE
from trtkit.backends.onnx.precision.selection import kept_nodes

__all__ = ["SENSITIVE", "RangesOf", "kept_nodes", "node_keys", "rewrite"]
