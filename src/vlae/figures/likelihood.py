"""Importance-weighted bounds: how far each model's inference is from its posterior."""

from dataclasses import astuple, dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.config.experiment_outputs import DEQUANTISED, GREY_LEVELS, NOISY
from vlae.figures.plotting import PALETTE, WIDTH, despine
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread
from vlae.statistics.intervals import Interval, mean_interval

TABLES = ["likelihood"]

COMPARABLE = {
    DEQUANTISED: "which the literature reports as well",
    NOISY: "not comparable with the literature, as the noise is part of the data",
    GREY_LEVELS: "not comparable with the literature, as grey levels have no density",
}
"""What may be done with bits per dimension, by what log p(x) is a density of."""


@dataclass(frozen=True)
class _Bounds:
    """The bounds of one seed: images in rows, numbers of draws in columns."""

    bound: pd.DataFrame
    effective: pd.DataFrame
    bits: pd.DataFrame

    @property
    def most(self) -> int:
        """Largest number of draws."""
        return int(self.bound.columns[-1])

    def gap(self, draws: int) -> Interval:
        """Return the mean of L_K - ELBO over images, with its paired interval."""
        return mean_interval(self.bound[draws] - self.bound[1])


def draw(runs: list[RunResults]) -> Figure:
    """Draw the rise above the ELBO and the effective draws, one line per seed."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    rise, effective = figure.subplots(1, 2)
    counts = [1]
    for index, run in enumerate(runs):
        look = {"color": PALETTE[index % len(PALETTE)], "marker": "os^Dv"[index % 5]}
        for seed, found in _by_seed(run).items():  # nothing where it is not defined
            label = run.title if seed == run.seeds[0] else None
            counts = [*found.bound.columns]
            gaps = [found.gap(draws) for draws in counts]
            ends = [
                [gap.value - gap.low for gap in gaps],
                [gap.high - gap.value for gap in gaps],
            ]
            means = [gap.value for gap in gaps]
            rise.errorbar(counts, means, ends, ms=4, capsize=3, label=label, **look)
            effective.plot(counts, found.effective.median(), ms=4, **look)
    effective.plot(counts, counts, ":", color="0.5")
    effective.text(
        *(counts[-1] / 8, counts[-1] / 3.2),
        *("all draws", {"color": "0.4", "ha": "right"}),
    )
    rise.set_title("bound - ELBO: lower bound of\nthe distance of q(z|x) from p(z|x)")
    rise.set_ylim(-0.02 * rise.get_ylim()[1], None)
    rise.set_ylabel("nats")
    effective.set_title("draws that carry the weight,\nin the median image")
    effective.set_yscale("log")
    for axes in (rise, effective):
        _finish(axes, counts)
    if rise.containers:
        figure.legend(loc="outside lower center", ncols=min(len(runs), 3))
    return figure


def _finish(axes: Axes, counts: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("draws of z for each image (K)")
    despine(axes)


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run: the bounds, their gap, bits per dimension."""
    lines = []
    for run in runs:
        seeds = [*_by_seed(run).values()]
        if not seeds:
            lines.append({"run": run.title, "log p of": _reason(run)})
            continue
        cells = {"run": run.title, "log p of": _density(run)}
        for draws in seeds[0].bound:
            name = "ELBO (nats)" if draws == 1 else f"K = {draws:,} (nats)"
            cells[name] = _text([mean_interval(s.bound[draws]) for s in seeds])
        most = seeds[0].most
        cells["bound - ELBO (nats)"] = _text([s.gap(most) for s in seeds])
        bits = [mean_interval(s.bits[most]) for s in seeds]
        cells["bits per dimension"] = _text(bits, 3)
        lines.append(cells)
    return pd.DataFrame(lines).fillna("")


def findings(runs: list[RunResults]) -> list[str]:
    """Say per run how far inference is off, and whether its bits can be compared.

    A gap that still grows with K shows that some of it is left out.
    """
    sentences = []
    for run in runs:
        seeds = [*_by_seed(run).values()]
        if not seeds:
            sentences.append(f"{run.title}: not defined, as it has {_reason(run)}.")
            continue
        most = seeds[0].most
        gap = _text([seed.gap(most) for seed in seeds])
        bits = _text([mean_interval(seed.bits[most]) for seed in seeds], 3)
        effective = pd.Series([seed.effective[most].median() for seed in seeds])
        sentences.append(
            f"{run.title}: {most:,} draws raise the bound by {gap} nats above the "
            "ELBO. Averaged over images, q(z|x) is at least that far from the model's "
            f"posterior. In the median image {spread(effective, 1)} draws carry the "
            f"weight. The bound is {bits} bits per dimension, "
            f"{COMPARABLE[_density(run)]}."
        )
    return sentences


def _by_seed(run: RunResults) -> dict[int, _Bounds]:
    """Return the bounds of each seed; empty if they are not defined."""
    table = run.table("likelihood").dropna(subset="bound")
    found: dict[int, _Bounds] = {}
    if table.empty:
        return found
    for seed in run.seeds:
        wide = table[table["seed"] == seed].pivot(index="image", columns="draws")
        found[seed] = _Bounds(wide["bound"], wide["effective"], wide["bits"])
    return found


def _density(run: RunResults) -> str:
    return str(run.table("likelihood")["density"].iloc[0])


def _reason(run: RunResults) -> str:
    return str(run.table("likelihood")["reason"].iloc[0])


def _text(found: list[Interval], digits: int = 2) -> str:
    """Return a number with its interval over images, or its range over seeds."""
    if len(found) > 1:
        return spread(pd.Series([each.value for each in found]), digits)
    (one,) = found
    value, low, high = (number(v, digits) for v in astuple(one))
    return f"{value} ({low} to {high})"
