"""Sweeps of made-up results, whose deciding axis is known."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.config.report_spec import RunRow, SweepAxis, SweepCell, SweepSpec
from vlae.config.sweeps import NUMBERS
from vlae.system.files import write_json

GRID = {"start": ("authors", "normal"), "gate": ("0.1", "0.03", "1")}
Effect = Callable[[str, int, dict[str, str], int], float]
"""T from property, layer, values of the axes by name, and seed."""


def sweep_spec(
    grid: Mapping[str, tuple[str, ...]] = GRID,
    seeds: tuple[int, ...] = (1, 2, 3),
    properties: tuple[str, ...] = (),
) -> SweepSpec:
    """Return sweep `x` on `strokes/pilot`."""
    cells = []
    for values in itertools.product(*grid.values()):
        run = "_".join(["x", *values])
        row = RunRow(
            dataset="strokes",
            dataset_title="Strokes",
            run=run,
            label=", ".join(values),
            seeds=seeds,
        )
        cells.append(SweepCell(values=values, row=row))
    return SweepSpec(
        name="x",
        title="Which?",
        base="strokes/pilot",
        properties=properties,
        axes=tuple(
            SweepAxis(
                name=name,
                values=values,
                settings=({}, *({"training": {"steps": n}} for n in values[1:])),
            )
            for name, values in grid.items()
        ),
        cells=tuple(cells),
    )


def start_decides(name: str, layer: int, values: dict[str, str], seed: int) -> float:
    """The start moves thickness from layer 1 to 2; nothing moves the class.

    A seed adds what no choice explains: -0.05, 0 or 0.05 of layer 1.
    """
    off = 0.05 * (seed - 2) * (layer == 1)
    if name == "class":
        return 0.2 * layer + off
    leading = 1 if values["start"] == "authors" else 2
    return (0.8 if layer == leading else 0.2) + off


def effects(
    spec: SweepSpec,
    effect: Effect = start_decides,
    names: tuple[str, ...] = ("thickness", "class"),
    layers: int = 2,
) -> pd.DataFrame:
    """Return the columns of a sweep's table that the figure reads."""
    axes = [axis.name for axis in spec.axes]
    rows = []
    for cell in spec.cells:
        values = dict(zip(axes, cell.values, strict=True))
        for seed, layer, name in itertools.product(
            spec.seeds, range(1, layers + 1), names
        ):
            about = {"run": cell.row.run, "seed": seed, "layer": layer}
            total = effect(name, layer, values, seed)
            rows.append({**values, **about, "property": name, "total_effect": total})
    return pd.DataFrame(rows)


def write_sweep(root: Path, spec: SweepSpec, table: pd.DataFrame) -> None:
    """Write what the trainings of a sweep leave; KL is the layer, ELBO the seed."""
    write_json(root / "sweeps" / f"{spec.name}.spec.json", spec.as_dict())
    for (run, seed), rows in table.groupby(["run", "seed"]):
        about: dict[str, Any] = {"dataset": "strokes", "run": run, "seed": seed}
        found = rows[["layer", "property", "total_effect"]].assign(**about)
        found = found.assign(
            **dict.fromkeys(NUMBERS[1:], 0.5),
            classifier_accuracy=np.nan,
            withheld=False,
        )
        folder = root / "experiments" / "strokes" / run / str(seed)
        folder.mkdir(parents=True)
        found.to_parquet(folder / "effects.parquet")
        terms = {"elbo": float(seed), "kl_1": 1.0, "kl_2": 2.0}
        history = [
            (step, "held-out", term, value - 9 + step)
            for step in (0, 9)
            for term, value in terms.items()
        ]
        folder = root / "runs" / "strokes" / run / str(seed)
        folder.mkdir(parents=True)
        columns = ["step", "split", "term", "value"]
        pd.DataFrame(history, columns=columns).to_parquet(folder / "history.parquet")
        write_json(folder / "training.json", {"steps": 9})
        write_json(folder / "spec.json", {"run": run})
