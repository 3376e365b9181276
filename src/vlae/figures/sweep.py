"""Which choice decides what the layers of a model hold: the result of a sweep.

Not a figure of the registry: it shows the cells of one sweep, not a list of runs.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vlae.config.report_spec import SweepSpec
from vlae.figures._sweep_decisions import SURE, Decision, decisions, leaders, shown
from vlae.figures._sweep_grid import picture
from vlae.results.text import in_print, number, percent

__all__ = [
    "Decision",
    "decisions",
    "findings",
    "leaders_table",
    "picture",
    "shares_table",
]


def findings(spec: SweepSpec, found: Sequence[Decision]) -> list[str]:
    """Say for each property of the figure which choice decides, and who leads.

    Args:
        spec: the sweep.
        found: its `decisions`.
    """
    chosen = shown(spec, found)
    hidden = [in_print(d.name) for d in found if d not in chosen and not d.undefined]
    gaps = [
        f"{in_print(d.name)} ({d.undefined} of {d.trainings})"
        for d in found
        if d.undefined
    ]
    return [
        *(_sentence(spec, decision) for decision in chosen if not decision.undefined),
        *([f"Only in the tables: {', '.join(hidden)}."] if hidden else []),
        *(
            [
                "Not analysed, since some trainings have no number (it is undefined, "
                "or withheld because the classifier is not accurate enough): "
                f"{', '.join(gaps)}."
            ]
            if gaps
            else []
        ),
    ]


def shares_table(spec: SweepSpec, found: Sequence[Decision]) -> pd.DataFrame:
    """Return one row per property: what its effects depend on, in % of the variance."""
    rows = []
    for decision in found:
        row = {"property": in_print(decision.name)}
        for axis, share, p in _by_axis(spec, decision):
            row[axis] = "" if np.isnan(share) else f"{percent(share)} ({_p(p)})"
        row["combinations"] = percent(decision.shares.together)
        row["seeds"] = percent(decision.shares.trainings)
        rows.append(row)
    return pd.DataFrame(rows).replace("undefined", "")


def leaders_table(spec: SweepSpec, found: Sequence[Decision]) -> pd.DataFrame:
    """Return one row per value of an axis: how often each layer leads a property."""
    return pd.DataFrame(
        [
            {"axis": axis.name, "value": value}
            | {in_print(d.name): _counts(d.leaders_with(place, at)) for d in found}
            for place, axis in enumerate(spec.axes)
            for at, value in enumerate(axis.values)
        ]
    )


def _sentence(spec: SweepSpec, decision: Decision) -> str:
    """Say what decides one property, and which layers lead it."""
    name = in_print(decision.name)
    if np.isnan(decision.shares.together):
        return f"{name} is the same in all {decision.trainings} trainings."
    axes = sorted(_by_axis(spec, decision), key=lambda axis: -axis[1])
    parts = [f"{axis} {percent(share)} ({_p(p)})" for axis, share, p in axes]
    if len(axes) > 1:
        parts.append(f"combinations {percent(decision.shares.together)}")
    if len(spec.seeds) > 1:
        parts.append(f"seeds {percent(decision.shares.trainings)}")
    best = next((axis for axis, _, p in axes if p <= SURE), None)
    opening = f"{name} {_dependence(decision, best, axes[0][1])}"
    said = f"{opening}. Shares of the variance of T: {', '.join(parts)}."
    if best is None:
        return f"{said} In all trainings {_leading(leaders(decision.effects))}."
    place = [axis.name for axis in spec.axes].index(best)
    leading = [
        f"{value}, {_leading(decision.leaders_with(place, at))}"
        for at, value in enumerate(spec.axes[place].values)
    ]
    return f"{said} With {best} {'; with '.join(leading)}."


def _dependence(decision: Decision, best: str | None, largest: float) -> str:
    """Return what a property depends on, as the end of a sentence.

    Args:
        decision: on the property.
        best: the axis that decides most, if any does.
        largest: the largest share of an axis.
    """
    several = len(decision.chances) > 1
    if best is not None:
        return f"depends {'most ' if several else ''}on {best}"
    if not several or decision.chance_of_cells > SURE:
        return "depends on no choice in a way that differs from chance"
    if decision.shares.together > largest:
        return "depends on how choices are combined, and on no choice by itself"
    return "differs between cells, but it is open which choice decides"


def _by_axis(spec: SweepSpec, decision: Decision) -> list[tuple[str, float, float]]:
    """Return name, share and p of each axis."""
    names = [axis.name for axis in spec.axes]
    return list(zip(names, decision.shares.axes, decision.chances, strict=True))


def _leading(counts: Counter[int]) -> str:
    """Return 'layer 1 leads in 5 of 6, layer 3 in 1', the most frequent first."""
    whole = counts.total()
    first, *others = counts.most_common()
    return ", ".join(
        [
            f"layer {first[0]} leads in {first[1]} of {whole}",
            *(f"layer {layer} in {count}" for layer, count in others),
        ]
    )


def _counts(counts: Counter[int]) -> str:
    """Return '1: 5, 3: 1', the layers that lead and how often."""
    return ", ".join(f"{layer}: {count}" for layer, count in counts.items())


def _p(p: float) -> str:
    return f"p = {number(p, 3)}" if p >= 0.001 else "p < 0.001"
