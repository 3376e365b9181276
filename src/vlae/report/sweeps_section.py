"""The sections of the report on sweeps: which choice decides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vlae.config.experiment_tables import makers
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import SWEEP_TABLES, SweepSpec
from vlae.figures import sweep
from vlae.figures.sweep import Decision
from vlae.report import images
from vlae.report.evidence import joined
from vlae.results.run_results import read_table
from vlae.results.settings_diff import texts


@dataclass(frozen=True)
class SweepSection:
    """One sweep as the report shows it."""

    name: str
    title: str
    base: str
    image: str
    """Data URL of the picture."""
    findings: list[str]
    shares: pd.DataFrame
    leaders: pd.DataFrame
    values: pd.DataFrame
    """What each value of each axis sets."""
    sureness: list[str]
    files: list[str]
    table: str
    """Path of the Parquet file with all numbers."""
    target: str
    """Path that makes Snakemake train and draw this sweep."""


def sweep_section(spec: SweepSpec, results: ResultsFolder) -> SweepSection:
    """Return the section on one sweep.

    Args:
        spec: the sweep.
        results: the results folder.

    Raises:
        UserError: if its table or picture cannot be read.
    """
    files, names = results.sweep(spec.name), ResultsFolder().sweep(spec.name)
    found = sweep.decisions(spec, read_table(files.table))
    rows = [cell.row for cell in spec.cells]
    (table,) = SWEEP_TABLES
    (experiment,) = makers([table])
    return SweepSection(
        name=spec.name,
        title=spec.title,
        base=spec.base,
        image=images.file(files.png),
        findings=sweep.findings(spec, found),
        shares=sweep.shares_table(spec, found),
        leaders=sweep.leaders_table(spec, found),
        values=_values(spec),
        sureness=_sureness(spec, found),
        files=[
            joined(names.table, names.svg, names.png, names.spec),
            f"results/experiments/{rows[0].dataset}/{spec.name}_*/*/{table}.parquet",
            f"src/vlae/experiments/{experiment}.py",
            "src/vlae/figures/sweep.py",
            "src/vlae/statistics/variance_shares.py",
        ],
        table=str(names.table),
        target=str(names.svg),
    )


def _sureness(spec: SweepSpec, found: Sequence[Decision]) -> list[str]:
    """Say on how many trainings the section rests, and what its tests are worth."""
    seeds = ", ".join(map(str, spec.seeds))
    word = "seed" if len(spec.seeds) == 1 else "seeds"
    tests = sum(not np.isnan(p) for decision in found for p in decision.chances)
    sentences = [
        f"{len(spec.cells) * len(spec.seeds)} trainings on "
        f"{spec.cells[0].row.dataset_title} only: {len(spec.cells)} cells, each with "
        f"{word} {seeds}.",
        f"{tests} tests were made (one per property and axis), of which about "
        f"{tests / 20:z.0f} would give p ≤ 0.05 if no choice mattered. No criterion "
        "was set; what is shown is descriptive only.",
    ]
    if len(spec.seeds) == 1:
        sentences.append(
            "With one seed, the effect of seeds cannot be separated from that of "
            "combinations of choices, and shares are not adjusted for chance."
        )
    return sentences


def _values(spec: SweepSpec) -> pd.DataFrame:
    """Return one row per value of an axis: what it changes of the base run."""
    rows = []
    for axis in spec.axes:
        for value, settings in zip(axis.values, axis.settings, strict=True):
            said = "; ".join(f"{key}: {text}" for key, text in texts(settings).items())
            said = said if settings else f"as {spec.base}"
            rows.append({"axis": axis.name, "value": value, "sets": said})
    return pd.DataFrame(rows)
