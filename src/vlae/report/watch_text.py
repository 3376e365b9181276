"""Trainings as lines of text, with small curves of Unicode blocks or ASCII."""

import math
import time
from collections.abc import Sequence

import pandas as pd

from vlae.config.term_names import ELBO, RECONSTRUCTION, kl_terms
from vlae.results.watched import SILENT, Trainings, Watched
from vlae.system.live_files import FINISHED, STOPPED
from vlae.system.progress import clock, speed

BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-:=+*#"
"""Characters of a curve, from its lowest value to its highest."""
CURVE_WIDTH = 40
"""Characters of a curve, at most."""
ACCURACY, CROSS_ENTROPY = "accuracy", "cross_entropy"
NOTHING = (
    "nothing has been trained here so far. A training appears as soon as it has "
    "started; Snakemake prepares its data first."
)


def text(
    trainings: Trainings, now: float, blocks: bool, height: int | None = None
) -> str:
    """Return what a person sees of the trainings.

    Args:
        trainings: what was found.
        now: the time, in seconds since 1970.
        blocks: whether the terminal shows Unicode blocks.
        height: lines that there is room for; None for any number. What does not fit is
            counted.
    """
    if not trainings.shown:
        return NOTHING
    parts = [_one(one, now, BLOCKS if blocks else ASCII) for one in trainings.shown]
    remarks = []
    if trainings.left_out:
        remarks.append(
            f"Not shown: {trainings.left_out} earlier, of the same names but with "
            "other settings, data or code."
        )
    hidden = 0
    while height and len(parts) > 1 and _lines(parts) + 1 + len(remarks) >= height:
        parts.pop()
        hidden += 1
    if hidden:
        remarks.append(f"{hidden} more do not fit here: see --once, or --run NAME.")
    return "\n\n".join([*parts, *(["\n".join(remarks)] if remarks else [])])


def curve(values: Sequence[float], levels: str, width: int = CURVE_WIDTH) -> str:
    """Return values as one character each, or the last of every few if they are many.

    Args:
        values: in the order of steps; those that are not finite are blank.
        levels: characters from the lowest value to the highest.
        width: characters, at most.
    """
    count = min(len(values), width)
    places = [(i + 1) * len(values) // count - 1 for i in range(count)]
    chosen = [values[place] for place in places]
    finite = [v for v in chosen if math.isfinite(v)]
    if not finite:
        return " " * count
    low, span = min(finite), max(finite) - min(finite)

    def level(value: float) -> str:
        if not math.isfinite(value):
            return " "
        share = (value - low) / span if span else 0.0
        return levels[min(int(share * len(levels)), len(levels) - 1)]

    return "".join(map(level, chosen))


def _one(one: Watched, now: float, levels: str) -> str:
    """Return the lines of one training."""
    lines = [f"{one.name}  {_state(one, now)}"]
    held_out = one.history[one.history["split"] == "held-out"]
    table = held_out.pivot(index="step", columns="term", values="value")
    if table.empty:
        return "\n".join([*lines, "  no evaluation so far"])
    lines.append(f"  held-out at step {table.index[-1]:,}: {_terms(table.iloc[-1])}")
    term = ELBO if ELBO in table else ACCURACY
    # Before training, a bound is far below all its later values.
    later = table.loc[table.index > 0, term] if term in table else pd.Series()
    if len(later) > 1:
        first, last = later.index[0], later.index[-1]
        drawn = curve(later.tolist(), levels)
        low, high = (_number(term, v) for v in (later.min(), later.max()))
        lines.append(f"  {_label(term)} {low} to {high} |{drawn}|")
        lines[-1] += f" steps {first:,} to {last:,}"
    return "\n".join(lines)


def _lines(parts: list[str]) -> int:
    """Return the lines of parts with an empty line between them."""
    return "\n\n".join(parts).count("\n") + 1


def _state(one: Watched, now: float) -> str:
    """Return how far a training is, and how long it still takes."""
    if one.state == FINISHED:
        words = [f"finished, {one.steps:,} steps"]
    else:
        percent = 100 * one.step // max(one.steps, 1)
        words = [f"step {one.step:,} of {one.steps:,} ({percent} %)"]
    if one.rate:
        words.append(speed(one.rate, "steps"))
    if one.seconds_left is not None:
        words.append(f"{clock(one.seconds_left)} left")
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.seen))
    if one.state == STOPPED:
        words.append(f"stopped {since}")
    if one.state == SILENT:
        words.append(
            f"no sign for {clock(now - one.seen)}: killed, or in a long evaluation"
        )
    return ", ".join(words)


def _terms(row: pd.Series) -> str:
    """Return the terms of an evaluation, the ELBO first; KL from bottom to top."""
    order = [ELBO, RECONSTRUCTION, CROSS_ENTROPY, ACCURACY]
    known = [f"{_label(t)} {_number(t, row[t])}" for t in order if t in row]
    layers = [_number(term, row[term]) for term in kl_terms(row.index)]
    if layers:
        known.append(f"KL {' / '.join(layers)}")
    return ", ".join(known)


def _label(term: str) -> str:
    return "ELBO" if term == ELBO else term.replace("_", " ")


def _number(term: str, value: float) -> str:
    """Return a term's value: nats with one decimal, a classifier's with three."""
    digits = 3 if term in (ACCURACY, CROSS_ENTROPY) else 1
    return f"{value:z.{digits}f}"
