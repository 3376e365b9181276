"""What a run left in the results folder, with all its seeds."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from vlae.config.paths import ExperimentFiles, ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.config.run_spec import RunFiles
from vlae.system.errors import UserError
from vlae.system.files import read_json


class RunResults:
    """Tables, arrays, histories and facts of one run.

    Args:
        row: the run and its seeds.
        results: the folder with what it left.
    """

    def __init__(self, row: RunRow, results: ResultsFolder) -> None:
        self.dataset, self.run = row.dataset, row.run
        self.dataset_title, self.label = row.dataset_title, row.label
        self.title, self.seeds = row.title, row.seeds
        self._results = results

    def table(self, experiment: str) -> pd.DataFrame:
        """Table of an experiment, all seeds below each other, with a column seed."""
        files = [self._experiment(experiment, seed) for seed in self.seeds]
        return pd.concat([read_table(f.table) for f in files], ignore_index=True)

    def history(self) -> pd.DataFrame:
        """Training histories of all seeds, with a column seed."""
        tables = []
        for seed in self.seeds:
            history = read_table(self.files(seed).history)
            tables.append(history.assign(seed=seed))
        return pd.concat(tables, ignore_index=True)

    def held_out(self) -> pd.DataFrame:
        """Held-out terms at the end of training: a row a seed, a column a term."""
        history = self.history()
        last = history.groupby("seed")["step"].transform("max")
        end = (history["step"] == last) & (history["split"] == "held-out")
        return history[end].pivot(index="seed", columns="term", values="value")

    def rise(self, seed: int) -> float:
        """Nats by which training raised the held-out ELBO; 0 for an untrained model."""
        history = self.history()
        chosen = history["split"].eq("held-out") & history["term"].eq("elbo")
        curve = history[chosen & (history["seed"] == seed)].sort_values("step")["value"]
        return float(curve.iloc[-1] - curve.iloc[0])

    def facts(self, seed: int) -> dict[str, Any]:
        """What the training of `seed` noted: parameters, seconds, device, ..."""
        return read_json(self.files(seed).facts, "training facts")

    def arrays(self, experiment: str) -> dict[str, np.ndarray]:
        """Arrays of an experiment, first seed."""
        path = self._experiment(experiment, self.seeds[0]).arrays
        try:
            file = np.load(path, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("not an .npz file")
            with file:
                found = dict(file)
        except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from None
        for name, array in found.items():
            if not isinstance(array, np.ndarray):  # bytes, from any other zip file
                raise _unreadable(path, ValueError(f"'{name}' is no array"))
        return found

    def files(self, seed: int) -> RunFiles:
        """Paths of what the training of `seed` read and left."""
        return self._results.run(self.dataset, self.run, seed)

    def _experiment(self, experiment: str, seed: int) -> ExperimentFiles:
        return self._results.experiment(experiment, self.dataset, self.run, seed)


def read_table(path: Path) -> pd.DataFrame:
    """A Parquet file.

    Raises:
        UserError: if it is missing or broken.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: cannot be read ({error}). Delete it and run again.")
