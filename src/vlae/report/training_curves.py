"""Training curves for the report: drawings, and the numbers behind them.

The drawings need no script. With the numbers, the page's script can show the values
under the pointer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from vlae.config.term_names import kl_layer, kl_terms
from vlae.figures.plotting import PALETTE

MAX_POINTS = 200
"""Points of a curve, at most."""
WIDTH, HEIGHT = 330, 210
LEFT, TOP, RIGHT, BOTTOM = 48, 8, 308, 184
"""Size of a drawing, and the box of the curves in it.

They are in user units of SVG, and y goes downwards.
"""
BOX = dict(
    zip(
        ("width", "height", "left", "top", "right", "bottom"),
        (WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM),
        strict=True,
    )
)
SPLITS = ("held-out", "train")
SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class Curve:
    """One term in one split, for all seeds."""

    name: str
    split: str
    colour: str
    values: list[list[float | None]]
    """Values by seed and step; None where there is no finite number."""


@dataclass(frozen=True)
class Chart:
    """Curves over the same steps."""

    title: str
    unit: str
    steps: list[int]
    curves: list[Curve]
    low: float
    high: float
    """Ends of the range of values that is shown."""

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script needs to show values."""
        curves = [
            {"name": f"{c.name} {c.split}".strip(), "values": c.values}
            for c in self.curves
        ]
        limits = {"box": BOX, "low": self.low, "high": self.high}
        return {"steps": self.steps, "unit": self.unit, "curves": curves, **limits}

    @property
    def names(self) -> dict[str, str]:
        """Colours of the curves that have a name, for a legend."""
        return {c.name: c.colour for c in self.curves if c.name}

    def x(self, step: float) -> float:
        """Return the horizontal position of a step."""
        last = max(self.steps[-1], 1)
        return round(LEFT + (RIGHT - LEFT) * step / last, 2)

    def y(self, value: float) -> float:
        """Return the vertical position of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - (BOTTOM - TOP) * share, 2)

    def lines(self, curve: Curve) -> list[str]:
        """Return the points of each seed's polyline, as SVG writes them."""
        found = []
        for seed in curve.values:
            pairs = zip(self.steps, seed, strict=True)
            points = [(self.x(s), self.y(v)) for s, v in pairs if v is not None]
            found.append(" ".join(f"{x:g},{y:g}" for x, y in points))
        return found

    def ticks_x(self) -> list[tuple[float, str]]:
        """Return position and text of each tick of the steps."""
        ticks = MaxNLocator(4, integer=True).tick_values(0, max(self.steps[-1], 1))
        inside = [t for t in ticks if 0 <= t <= max(self.steps[-1], 1)]
        return [(self.x(t), f"{t:,.0f}") for t in inside]

    def ticks_y(self) -> list[tuple[float, str]]:
        """Return position and text of each tick of the values."""
        ticks = MaxNLocator(4).tick_values(self.low, self.high)
        inside = [t for t in ticks if self.low <= t <= self.high]
        return [(self.y(t), f"{t:z,.6g}") for t in inside]


def charts(history: pd.DataFrame) -> list[Chart]:
    """Return the charts of the history of one run, with all its seeds.

    They show the ELBO, the reconstruction and the KL of each layer; for a classifier
    the cross entropy and the accuracy.

    Args:
        history: columns `step`, `split`, `term`, `value` and `seed`.
    """
    terms = set(history["term"])
    layers = {term: f"layer {kl_layer(term)}" for term in kl_terms(terms)}
    wanted: list[tuple[str, str, dict[str, str]]] = [
        ("ELBO", "nats", {"elbo": ""}),
        ("Reconstruction", "nats", {"reconstruction": ""}),
        ("KL of each layer", "nats", layers),
        ("Cross entropy", "nats", {"cross_entropy": ""}),
        ("Accuracy", "", {"accuracy": ""}),
    ]
    return [
        _chart(title, unit, history, names)
        for title, unit, names in wanted
        if names and terms >= set(names)
    ]


def _chart(
    title: str, unit: str, history: pd.DataFrame, names: dict[str, str]
) -> Chart:
    chosen = history[history["term"].isin(names)]
    steps = _thinned(sorted(chosen["step"].unique()))
    seeds = sorted(chosen["seed"].unique())
    curves = []
    for colour, (term, name) in zip(PALETTE, names.items(), strict=False):
        for split in SPLITS:
            own = chosen[(chosen["term"] == term) & (chosen["split"] == split)]
            if own.empty:
                continue
            by_seed = own.pivot(index="step", columns="seed", values="value")
            by_seed = by_seed.reindex(index=steps, columns=seeds)
            values = [_rounded(by_seed[seed]) for seed in seeds]
            curves.append(Curve(name, split, colour, values))
    # Before training, a bound is far below all its later values.
    later = (
        chosen[chosen["step"] > 0] if title in ("ELBO", "Reconstruction") else chosen
    )
    low, high = _limits((later if len(later) else chosen)["value"])
    return Chart(title, unit, steps, curves, low, high)


def _thinned(steps: list[int]) -> list[int]:
    """Return at most `MAX_POINTS` steps, with the first and the last among them."""
    if len(steps) > MAX_POINTS:
        places = np.linspace(0, len(steps) - 1, MAX_POINTS).round().astype(int)
        steps = [steps[place] for place in places]
    return [int(step) for step in steps]


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [
        float(f"{v:z.{SIGNIFICANT_DIGITS}g}") if np.isfinite(v) else None
        for v in values
    ]


def _limits(values: pd.Series) -> tuple[float, float]:
    """Return a range a little wider than that of the values, and never empty."""
    finite = values[np.isfinite(values)]
    if finite.empty:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - margin, high + margin
