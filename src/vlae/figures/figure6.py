"""Figure 6: the layers of a VLAE of street numbers, redrawn one at a time."""

from vlae.figures._layer_redraws import draw, findings, numbers

TABLES = ["ablation", "effects"]

__all__ = ["draw", "findings", "numbers"]
