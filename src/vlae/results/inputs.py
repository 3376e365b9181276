"""Which results figures, sweeps, claims, explorer and report read: their whole lists.

A job sees no other files where no file system is shared, so nothing may be left out.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vlae.config.experiment_tables import makers, tables
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import OVERVIEW_TABLES, SWEEP_TABLES
from vlae.config.run_spec import RunFiles
from vlae.config.selection import RunName, Selection

Training = tuple[RunName, int]
"""A run and one of its seeds."""


class Inputs:
    """Paths of the results that are read, each once, for what a configuration shows.

    Args:
        selection: what the configuration asks for.
        results: the results folder.
    """

    def __init__(self, selection: Selection, results: ResultsFolder) -> None:
        self._selection = selection
        self._results = results

    def figure(self, figure: str) -> list[Path]:
        """Return the tables, arrays and training histories that a figure reads."""
        chosen = self._selection
        runs = chosen.figure_runs(figure)
        histories = [self._files(each).history for each in self._trainings(runs)]
        return self._tables_and_arrays(chosen.figure_tables(figure), runs) + histories

    def sweep(self, sweep: str) -> list[Path]:
        """Return the tables and histories that the table of a sweep is joined from."""
        trainings = self._trainings(self._selection.sweep_runs(sweep))
        histories = [self._files(training).history for training in trainings]
        return self._tables(SWEEP_TABLES, trainings) + histories

    def claim(self, claim: str) -> list[Path]:
        """Return the tables, training facts and histories that a claim reads."""
        trainings = self._trainings(self._selection.runs_read_by(claim))
        named = self._selection.claim_tables(claim)
        facts = [
            path
            for training in trainings
            for path in _facts_and_history(self._files(training))
        ]
        return self._tables(named, trainings) + facts

    def decoders(self) -> list[Path]:
        """Return the exported decoders of the runs in the explorer: the first seeds."""
        files = [
            self._results.export(run.dataset, run.run, self._selection.seeds_of(run)[0])
            for run in self._selection.explored()
        ]
        return [path for file in files for path in (file.onnx, file.facts)]

    def report(self) -> list[Path]:
        """Return what the report shows, and what it notes the hashes of."""
        chosen, results = self._selection, self._results
        found = [results.figure(name).png for name in chosen.figures()]
        for sweep in map(results.sweep, chosen.sweeps()):
            found += [sweep.spec, sweep.table, sweep.png]
        found.append(results.verdicts)
        for claim in map(results.claim, chosen.claims()):
            found += [claim.spec, claim.findings, claim.verdicts]
        for figure in chosen.figures():
            found += self.figure(figure)
        found += self._tables_and_arrays(OVERVIEW_TABLES, chosen.runs_at_a_glance())
        found += self._tables_beside()
        for training in self._trainings([*chosen.runs(), *chosen.classifiers()]):
            files = self._files(training)
            found += [files.spec, *_facts_and_history(files)]
        found += [results.data(name).card for name in chosen.datasets()]
        return [*dict.fromkeys(found)]

    def _tables_beside(self) -> list[Path]:
        """Return all tables of the experiments that made a table of something shown."""
        chosen = self._selection
        shown: list[tuple[Sequence[str], list[RunName]]] = [
            (OVERVIEW_TABLES, chosen.runs_at_a_glance())
        ]
        for figure in chosen.figures():
            shown.append((chosen.figure_tables(figure), chosen.figure_runs(figure)))
        for claim in chosen.claims():
            shown.append((chosen.claim_tables(claim), chosen.runs_read_by(claim)))
        for sweep in chosen.sweeps():
            shown.append((SWEEP_TABLES, chosen.sweep_runs(sweep)))
        return [
            path
            for named, runs in shown
            for experiment in makers(named)
            for path in self._tables(tables(experiment), self._trainings(runs))
        ]

    def _tables_and_arrays(
        self, named: Sequence[str], runs: list[RunName]
    ) -> list[Path]:
        """Return some tables of some runs, of all seeds, and the first one's arrays."""
        arrays = [
            self._results.experiment(
                experiment, run.dataset, run.run, self._selection.seeds_of(run)[0]
            ).arrays
            for run in runs
            for experiment in makers(named)
        ]
        return self._tables(named, self._trainings(runs)) + arrays

    def _tables(self, named: Sequence[str], trainings: list[Training]) -> list[Path]:
        return [
            self._results.table(table, run.dataset, run.run, seed)
            for run, seed in trainings
            for table in named
        ]

    def _trainings(self, runs: Iterable[RunName]) -> list[Training]:
        return [(run, seed) for run in runs for seed in self._selection.seeds_of(run)]

    def _files(self, training: Training) -> RunFiles:
        run, seed = training
        return self._results.run(run.dataset, run.run, seed)


def _facts_and_history(files: RunFiles) -> tuple[Path, Path]:
    return files.facts, files.history
