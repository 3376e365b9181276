"""Figure 6: the layers of a VLAE of street numbers, redrawn one at a time."""

from vlae.figures._redrawn import draw, findings, numbers

EXPERIMENTS = ["ablation", "effects"]

__all__ = ["draw", "findings", "numbers"]
