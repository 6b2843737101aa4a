"""What two models differ in: their heads, layers, fused groups, weights (docs/decisions/0010-matching-layers.md)."""

from __future__ import annotations

from trtkit.modeldiff.compare import diff_models
from trtkit.modeldiff.data import Change, Difference, Fusion, LayerDiff, ModelDiff, Status, WeightDiff

__all__ = ["Change", "Difference", "Fusion", "LayerDiff", "ModelDiff", "Status", "WeightDiff", "diff_models"]
