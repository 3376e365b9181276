"""What each layer of a model controls, on any data: images, KL, effects."""

import numpy as np
import pandas as pd

from vlae.figures._effects import (
    active,
    classifier_trust,
    kl,
    largest,
    layers_table,
    most_affected,
    most_changed,
)
from vlae.figures._layer_blocks import MAX_PROPERTIES, draw
from vlae.results.run_results import RunResults
from vlae.results.text import in_words, number, spread

__all__ = ["draw", "findings", "numbers"]

TABLES = ["traversal", "ablation", "effects", "activity", "samples"]

BIT = float(np.log(2))
"""KL in nats below which a layer counts as hardly used."""
POOR = 0.9
"""Error of reconstructions, relative to that of the mean image, from which a model has
hardly learned the images."""


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per layer and run: KL, active coordinates, what it changes."""
    table = layers_table(runs)
    moved = [text for run in runs for text in _moved(run)]
    table.insert(
        3, "active coordinates", [t for run in runs for t in active(run).values()]
    )
    table.insert(4, "pixels move by (% of their range)", moved)
    return table


def findings(runs: list[RunResults]) -> list[str]:
    """Say what reconstructions lose, what layers change, and which are hardly used."""
    sentences = []
    for run in runs:
        sentences += [
            _about_reconstructions(run),
            *_about_effects(run),
            *_about_use(run),
        ]
    return sentences + classifier_trust(runs)


def _about_effects(run: RunResults) -> list[str]:
    """Say which layer changes the image most and least, and each property most."""
    table = run.table("effects").dropna(subset="total_effect")
    pixels = table[table["property"] == "pixels"]
    if pixels.empty:
        return [f"{run.title}: whatever layer is redrawn, the image stays the same."]
    top = largest(run, "pixels")
    means = pixels.groupby("layer")["total_effect"].mean()
    said = (
        f"{run.title}: the image as a whole (its pixels) is changed most by "
        f"{in_words(top['layer'])}, T = {spread(top['total_effect'])}"
    )
    if len(means) > 1:
        least = means.idxmin()
        effects = pixels.loc[pixels["layer"] == least, "total_effect"]
        said += f", and least by layer {least}, T = {spread(effects)}"
    others = [name for name in most_affected(table, MAX_PROPERTIES) if name != "pixels"]
    return [f"{said}.", *([most_changed(run, others)] if others else [])]


def _about_use(run: RunResults) -> list[str]:
    """Say what KL each layer has, how many coordinates are active, what is unused."""
    by_seed, used = kl(run), active(run)
    parts = [
        f"{spread(by_seed[layer])} in layer {layer} ({used[layer]} coordinates active)"
        for layer in by_seed
    ]
    counts = run.table("activity").pivot(index="seed", columns="layer", values="active")
    low = ((by_seed < BIT) | (counts == 0)).sum()
    named = [_in_seeds(layer, low[layer], len(by_seed)) for layer in low.index[low > 0]]
    bit = f"one bit ({number(BIT)} nats)"
    if named:
        verb = "is" if len(named) == 1 else "are"
        why = f"the KL is below {bit}, or no coordinate is active"
        said = f"{', '.join(named)} {verb} hardly used: {why}."
    else:
        why = f"each has a KL of at least {bit} and an active coordinate"
        said = f"every layer is used: {why}."
    return [
        f"{run.title}: KL in nats on held-out images: {'; '.join(parts)}.",
        f"{run.title}: {said}",
    ]


def _in_seeds(layer: int, count: int, seeds: int) -> str:
    """Return 'layer 3', or 'layer 3 (in 1 of 2 seeds)' if not in all of them."""
    partly = f" (in {count} of {seeds} seeds)" if count < seeds else ""
    return f"layer {layer}{partly}"


def _about_reconstructions(run: RunResults) -> str:
    """Say how far reconstructions of the first seed are from the images."""
    arrays = run.arrays("generation")
    data, rebuilt = (arrays[name] / 255 for name in ("data", "reconstructions"))
    error = ((data - rebuilt) ** 2).mean() ** 0.5
    deviation = data.var(axis=0).mean() ** 0.5
    poor = (
        " So the model has hardly learned these images, and what its layers change "
        "says little about them. Train it longer."
    )
    return (
        f"{run.title}: the reconstructions of {len(data)} held-out images are off by "
        f"{100 * error:z.1f} % of the range of a pixel (root mean square, seed "
        f"{run.seeds[0]}). The mean of these images would be off by "
        f"{100 * deviation:z.1f} %.{poor if error > POOR * deviation else ''}"
    )


def _moved(run: RunResults) -> list[str]:
    """Return by how much redrawing each layer moves a pixel, in % of its range."""
    table = run.table("ablation").set_index("panel")
    return [
        spread(100 * table.loc[[f"redrawn_{layer}"], "pixel_std"], 1)
        for layer in active(run)
    ]
