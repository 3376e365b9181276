"""The tables of a results folder as pandas frames, to use from Python."""

from pathlib import Path

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.results.inventory import Inventory
from vlae.results.run_results import read_table
from vlae.system.errors import UserError, closest


def load_results(folder: Path | str = "results") -> "LoadedResults":
    """Open a results folder.

    Args:
        folder: what a run of the pipeline left, finished or not.

    Raises:
        UserError: if there is no such folder, or it holds no run.
    """
    return LoadedResults(Path(folder))


class LoadedResults:
    """Tables of all runs and seeds in a results folder.

    Each frame begins with the columns `dataset`, `run` and `seed`; files are read when
    a method is called.

    Args:
        root: the folder; see `load_results`.

    Raises:
        UserError: if there is no such folder, or it holds no run.
    """

    def __init__(self, root: Path) -> None:
        self._folder = ResultsFolder(root)
        self._inventory = Inventory(root)

    def __repr__(self) -> str:
        return f"<LoadedResults {self._folder.root}: {len(self.runs)} runs>"

    @property
    def runs(self) -> dict[str, list[int]]:
        """Seeds that were trained to the end, by the name of the run, `dataset/run`."""
        found: dict[str, list[int]] = {}
        for dataset, run, seed in self._trainings():
            found.setdefault(f"{dataset}/{run}", []).append(seed)
        return found

    @property
    def tables(self) -> list[str]:
        """Names of the tables of experiments that some run has, sorted."""
        folders = [self._folder.experiments(*place) for place in self._trainings()]
        return sorted({path.stem for f in folders for path in f.glob("*.parquet")})

    def table(self, name: str) -> pd.DataFrame:
        """Return one table of an experiment over all runs and seeds that have it.

        Args:
            name: such as "effects"; see `tables`.

        Returns:
            `dataset`, `run` and `seed`, then the columns of the table, which the module
            in `vlae.experiments` that makes it explains.

        Raises:
            UserError: if no run has such a table, or a file cannot be read.
        """
        known = self.tables
        if name not in known:
            raise UserError(
                f"{self._folder.root}: no table '{name}'; " + closest(name, known)
            )
        places = {
            place: self._folder.table(name, *place) for place in self._trainings()
        }
        return _joined(
            {place: path for place, path in places.items() if path.is_file()}
        )

    def history(self) -> pd.DataFrame:
        """Return the training histories of all runs and seeds.

        Returns:
            `dataset`, `run`, `seed`, `step`, `split` ("train" or "held-out"), `term`
            (such as "elbo", "reconstruction" or "kl_1") and `value`, in nats per image
            except for accuracies and the moments of residuals.

        Raises:
            UserError: if a file cannot be read.
        """
        return _joined(
            {place: self._folder.run(*place).history for place in self._trainings()}
        )

    def verdicts(self) -> pd.DataFrame:
        """Return the verdicts on all claims, one row per run and part of a claim.

        Raises:
            UserError: if no claim has been decided, or the file cannot be read.
        """
        path = self._folder.verdicts
        if not path.is_file():
            raise UserError(
                f"{path}: no such file. Run the pipeline to its end; it decides claims "
                "last."
            )
        return read_table(path)

    @property
    def sweeps(self) -> list[str]:
        """Names of the sweeps that have a table, sorted."""
        return sorted(
            p.stem for p in self._folder.sweep("").table.parent.glob("*.parquet")
        )

    def sweep(self, name: str) -> pd.DataFrame:
        """Return the table of a sweep, one row per cell, seed, layer and property.

        Args:
            name: as in the configuration; see `sweeps`.

        Returns:
            `sweep`, one column per axis with the names of its values, and `dataset`,
            `run`, `seed`, `layer`, `property`, `total_effect`, `lead` and
            `first_order` with the ends of their intervals, `classifier_accuracy`,
            `withheld`, and on held-out images the `kl` of the layer and the `elbo`, in
            nats per image.

        Raises:
            UserError: if there is no such table, or it cannot be read.
        """
        if name not in self.sweeps:
            raise UserError(
                f"{self._folder.root}: no table of a sweep '{name}'; "
                + closest(name, self.sweeps)
            )
        return read_table(self._folder.sweep(name).table)

    def _trainings(self) -> list[tuple[str, str, int]]:
        """Return data set, run and seed of each finished training."""
        found = []
        for name in self._inventory.finished():
            dataset, run = name.label.split("/")
            assert name.seed is not None
            found.append((dataset, run, name.seed))
        return found


def _joined(files: dict[tuple[str, str, int], Path]) -> pd.DataFrame:
    """Return tables below each other; each begins with its data set, run and seed."""
    keys = ["dataset", "run", "seed"]
    tables = []
    for place, path in files.items():
        table = read_table(path).assign(**dict(zip(keys, place, strict=True)))
        rest = [column for column in table.columns if column not in keys]
        tables.append(table[[*keys, *rest]])
    return pd.concat(tables, ignore_index=True)
