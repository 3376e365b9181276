"""Tables, arrays, histories and facts that one run left, with all its seeds."""

import copy
import zlib
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.config.run_spec import RunFiles
from vlae.system.errors import UserError
from vlae.system.files import read_json


class RunResults:
    """Results of one run, read when they are asked for.

    Tables, histories and facts are read from disk once; every call returns a new copy,
    which the caller may change. Methods raise `UserError` if a file is missing or
    broken.

    Args:
        row: the run and its seeds.
        results: the folder with everything that the run left.
    """

    def __init__(self, row: RunRow, results: ResultsFolder) -> None:
        self.dataset, self.run = row.dataset, row.run
        self.dataset_title, self.label = row.dataset_title, row.label
        self.title, self.seeds = row.title, row.seeds
        self._results = results
        self._read_table = cache(read_table)
        self._read_json = cache(read_json)

    @property
    def name(self) -> str:
        """`dataset/run`, as messages and the configuration call the run."""
        return f"{self.dataset}/{self.run}"

    def table(self, name: str, seed: int | None = None) -> pd.DataFrame:
        """Return a table of an experiment, of one seed or of all, one below another.

        It has the columns that the experiment gives it and dataset, run and seed.
        """
        return self._joined(
            [
                self._read_table(
                    self._results.table(name, self.dataset, self.run, each)
                )
                for each in self._chosen(seed)
            ]
        )

    def history(self, seed: int | None = None) -> pd.DataFrame:
        """Return the training history, of one seed or of all, one below another.

        Columns are step, split ("train" or "held-out"), term, value and seed.
        """
        return self._joined(
            [
                self._read_table(self.files(each).history).assign(seed=each)
                for each in self._chosen(seed)
            ]
        )

    def curve(self, seed: int, term: str) -> pd.Series:
        """Return a held-out term over training, in the order of steps.

        It is empty if the history of `seed` has no such term.
        """
        history = self.history(seed)
        chosen = history["split"].eq("held-out") & history["term"].eq(term)
        return history[chosen].sort_values("step")["value"]

    def held_out(self) -> pd.DataFrame:
        """Return the held-out terms at the end of training.

        There is one row per seed, which is the index, and one column per term.
        """
        history = self.history()
        last = history.groupby("seed")["step"].transform("max")
        end = (history["step"] == last) & (history["split"] == "held-out")
        return history[end].pivot(index="seed", columns="term", values="value")

    def rise(self, seed: int) -> float:
        """Return by how many nats training raised the held-out ELBO.

        It is 0 for an untrained model.
        """
        curve = self.curve(seed, "elbo")
        return float(curve.iloc[-1] - curve.iloc[0])

    def facts(self, seed: int) -> dict[str, Any]:
        """Return what the training of `seed` noted: parameters, seconds, device, ..."""
        return copy.deepcopy(self._read_json(self.files(seed).facts, "training facts"))

    def arrays(self, experiment: str) -> dict[str, np.ndarray]:
        """Return the arrays that an experiment saved for the first seed, by name.

        They are read from disk at every call, since they may be large.
        """
        place = (self.dataset, self.run, self.seeds[0])
        path = self._results.experiment(experiment, *place).arrays
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
                raise _unreadable(path, ValueError(f"'{name}' is not an array"))
        return found

    def files(self, seed: int) -> RunFiles:
        """Return the paths of what the training of `seed` read and left."""
        return self._results.run(self.dataset, self.run, seed)

    def _chosen(self, seed: int | None) -> tuple[int, ...]:
        return self.seeds if seed is None else (seed,)

    @staticmethod
    def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
        """Return a new table; pandas copies on write, so the old ones stay as read."""
        return pd.concat(tables, ignore_index=True)


def read_table(path: Path) -> pd.DataFrame:
    """Return the table in a Parquet file.

    Raises:
        UserError: if the file is missing or broken.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UserError:
    if not path.exists():
        return UserError(f"{path}: no such file; run Snakemake again, which makes it.")
    return UserError(f"{path}: cannot be read ({error}). Delete it and run again.")
