"""What the experiments of figure `layers` leave of a run, made by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.results.run_results import RunResults

GRID = 20
EXTENT = 2.0
REDRAWS = 100
LEAD_ERROR = 0.05
"""By how much the lower end of a lead is below it."""


def images(count: int, shape: tuple[int, int, int], start: int = 0) -> np.ndarray:
    """Image i is even, of grey level `start` + i, modulo 256."""
    levels = (start + np.arange(count)) % 256
    return np.broadcast_to(
        levels.astype(np.uint8)[:, None, None, None], (count, *shape)
    ).copy()


def write_layers(
    root: Path,
    *,
    sizes: tuple[int, ...] = (2, 5),
    shape: tuple[int, int, int] = (3, 8, 8),
    seeds: tuple[int, ...] = (1,),
    held_out: int = 64,
    effects: pd.DataFrame | None = None,
    kl: dict[int, list[float]] | None = None,
    active: dict[int, list[int]] | None = None,
    data: np.ndarray | None = None,
    rebuilt: np.ndarray | None = None,
) -> RunResults:
    """Write the results of run `mine/vlae` and return them.

    Args:
        root: the results folder.
        sizes: coordinates of each layer.
        shape: of an image.
        seeds: of the run.
        held_out: number of held-out images.
        effects: rows of `effects` for every seed; T of the pixels is 1 / layer if None.
        kl: nats of each layer by seed; 10 in each if None.
        active: active coordinates of each layer by seed; all of them if None.
        data: held-out images.
        rebuilt: their reconstructions.
    """
    layers = range(1, len(sizes) + 1)
    if effects is None:
        effects = effects_table([(n, "pixels", 1 / n) for n in layers])
    if data is None:
        data = images(held_out, shape, 100)
    if rebuilt is None:
        rebuilt = data
    for seed in seeds:
        folder = root / "experiments" / "mine" / "vlae" / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        of_seed = active[seed] if active else list(sizes)
        cells = np.linspace(-EXTENT, EXTENT, GRID)
        tables: dict[str, Any] = {
            "effects": effects,
            "activity": {"layer": layers, "units": sizes, "active": of_seed},
            "traversal": {"first": np.tile(cells, GRID)},
            "ablation": {
                "panel": [*(f"redrawn_{n}" for n in layers), "kept_1"],
                "pixel_std": [*(0.1 * n for n in layers), 0.9],
            },
            "samples": {"images": ["data"]},
        }
        for name, content in tables.items():
            table = pd.DataFrame(content).assign(seed=seed)
            table.to_parquet(folder / f"{name}.parquet")
        arrays = {"data": data, "reconstructions": rebuilt}
        for name, count in (("grid", GRID**2), ("redrawn", REDRAWS)):
            arrays |= {f"{name}_{n}": images(count, shape) for n in layers}
        np.savez(folder / "generation.npz", **arrays)  # type: ignore[arg-type]
        nats = kl[seed] if kl else [10.0 for _ in layers]
        history = [(9, "held-out", f"kl_{n}", v) for n, v in enumerate(nats, 1)]
        folder = root / "runs" / "mine" / "vlae" / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        columns = ["step", "split", "term", "value"]
        pd.DataFrame(history, columns=columns).to_parquet(folder / "history.parquet")
    return RunResults(row(seeds), ResultsFolder(root))


def row(seeds: tuple[int, ...] = (1,)) -> RunRow:
    return RunRow(
        dataset="mine", dataset_title="my photos", run="vlae", label="VLAE", seeds=seeds
    )


def effects_table(rows: list[tuple[int, str, float]]) -> pd.DataFrame:
    """The columns of `effects` that figures read, without a classifier.

    Args:
        rows: layer, property and total effect.
    """
    table = pd.DataFrame(rows, columns=["layer", "property", "total_effect"])
    whole = table["property"].str.removesuffix(WITHIN_CLASS_SUFFIX)
    table["part_of"] = whole.where(whole != table["property"], "")
    of_property = table.groupby("property")["total_effect"]
    ranks = of_property.rank(ascending=False, method="first")
    second = of_property.transform(lambda v: v.nlargest(2).iloc[-1])
    table["lead"] = table["total_effect"] - np.where(
        ranks == 1, second, of_property.transform("max")
    )
    complete = of_property.transform(lambda v: v.notna().all() and len(v) > 1)
    table.loc[~complete.astype(bool), "lead"] = np.nan
    table["lead_low"] = table["lead"] - LEAD_ERROR
    return table.assign(classifier_accuracy=np.nan, withheld=False)
