"""The table of a sweep, joined from the results of its cells."""

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import SweepCell, SweepSpec
from vlae.config.sweeps import COLUMNS, NUMBERS
from vlae.config.term_names import ELBO, kl_term
from vlae.results.run_results import RunResults


def sweep_table(spec: SweepSpec, results: ResultsFolder) -> pd.DataFrame:
    """Return one row per cell, seed, layer and property.

    Columns are `sweep`, one per axis with the names of its values, and the rest of
    `COLUMNS`: the numbers of the table `effects`, and the layer's KL and the ELBO
    on held-out images at the end of training, in nats per image.

    Raises:
        UserError: if a file is missing or broken.
    """
    tables = [_of_cell(spec, cell, results) for cell in spec.cells]
    return pd.concat(tables, ignore_index=True)


def _of_cell(spec: SweepSpec, cell: SweepCell, results: ResultsFolder) -> pd.DataFrame:
    run = RunResults(cell.row, results)
    terms = run.held_out()
    table = run.table("effects")
    places = table[["seed", "layer"]].to_numpy()
    kl = [terms.at[seed, kl_term(layer)] for seed, layer in places]
    axes = [axis.name for axis in spec.axes]
    about = {"sweep": spec.name, **dict(zip(axes, cell.values, strict=True))}
    about |= {"dataset": run.dataset, "run": run.run}
    numbers = ["seed", "layer", "property", *NUMBERS]
    table = table[[*numbers, "classifier_accuracy", "withheld"]]
    elbo = table["seed"].map(terms[ELBO])
    table = table.assign(**about, kl=kl, elbo=elbo)
    return table[[COLUMNS[0], *axes, *COLUMNS[1:]]]
