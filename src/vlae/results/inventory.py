"""What lies in a results folder, whatever the configuration that made it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.config.run_spec import RunFiles
from vlae.results.run_results import RunResults, read_table
from vlae.system.errors import UserError
from vlae.system.files import read_json


@dataclass(frozen=True, order=True)
class Name:
    """Name of one thing in a results folder, in parts; its text joins them.

    A run has no subject. An experiment has a subject, a run and a seed. Figures,
    claims, data sets and the report have only a subject.
    """

    subject: str = ""
    """Name of the experiment or its table, figure, claim or data set, or "report"."""
    dataset: str = ""
    run: str = ""
    seed: int | None = None

    @property
    def run_name(self) -> str:
        """`dataset/run`; empty if the name has no run."""
        return f"{self.dataset}/{self.run}" if self.run else ""

    @property
    def label(self) -> str:
        """The name without its seed: 'mnist/vlae', 'effects of mnist/vlae' or 'F5'."""
        return " of ".join(filter(None, (self.subject, self.run_name)))

    def __str__(self) -> str:
        return self.label if self.seed is None else f"{self.label}, seed {self.seed}"


Contents = dict[Name, dict[str, Any]]
"""Content of JSON files by what they are about, as far as it is compared."""


class Inventory:
    """The specs, trained runs and tables in a results folder.

    Args:
        root: the folder.

    Raises:
        UserError: if there is no such folder, or it holds no run.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = ResultsFolder(root)
        if not root.is_dir():
            raise UserError(
                f"{root}: no such folder; expected a results folder, such as the "
                "'results' that Snakemake leaves."
            )
        self._runs = {
            _name(path.parent): RunFiles(path.parent)
            for path in self._matching(self.folder.run("*", "*", "*").spec)
            if path.parent.name.isdigit()
        }
        if not self._runs:
            inner, hint = root / "results", ""
            if (inner / "runs").is_dir():
                hint = f" Did you mean {inner}?"
            elif (root / "reference.json").is_file():
                hint = (
                    " This is a saved reference. The report compares your results with "
                    "it, in its section 'Yours against the reference'."
                )
            raise UserError(
                f"{root}: no results; expected runs/DATASET/RUN/SEED/spec.json in it."
                + hint
            )

    # Runs

    def finished(self) -> list[Name]:
        """Return the runs and seeds that were trained to the end."""
        return [
            name
            for name, files in self._runs.items()
            if files.facts.is_file() and files.history.is_file()
        ]

    def unfinished(self) -> list[Name]:
        """Return the runs and seeds whose training has not ended."""
        finished = set(self.finished())
        return [name for name in self._runs if name not in finished]

    def results(self) -> list[RunResults]:
        """Return the results of every run with a finished seed, for those seeds."""
        seeds: dict[tuple[str, str], tuple[int, ...]] = {}
        for name in self.finished():
            if name.seed is not None:
                key = name.dataset, name.run
                seeds[key] = (*seeds.get(key, ()), name.seed)
        rows = [
            RunRow(
                dataset=dataset,
                dataset_title=dataset,
                run=run,
                label=run,
                seeds=found,
            )
            for (dataset, run), found in seeds.items()
        ]
        return [RunResults(row, self.folder) for row in rows]

    # Specs

    def specs(self) -> dict[str, Contents]:
        """Return all specs by kind, in the order in which a comparison shows them."""
        return {
            "report": self.report_spec(),
            "data set": self.data_specs(),
            "run": self.run_specs(),
            "experiment": self.experiment_specs(),
            "figure": self.figure_specs(),
            "claim": self.claim_specs(),
            "sweep": self.sweep_specs(),
        }

    def report_spec(self) -> Contents:
        """Return title, overlays and seeds of the report, if it has a spec."""
        path = self.folder.report_spec
        if not path.is_file():
            return {}
        spec = read_json(path, "report spec")
        return {Name("report"): _only(spec, "title", "overlays", "seeds")}

    def data_specs(self) -> Contents:
        """Return the specs of prepared data sets."""
        return {
            Name(path.parent.name): read_json(path, "data spec")
            for path in self._matching(self.folder.data("*").spec)
        }

    def run_specs(self) -> Contents:
        """Return the specs of runs, finished or not, without their seeds."""
        return {
            name: _without(read_json(files.spec, "run spec"), "seed")
            for name, files in self._runs.items()
        }

    def experiment_specs(self) -> Contents:
        """Return the specs of experiments, without the names of their runs."""
        identity = ("dataset", "run", "seed", "experiment")
        pattern = self.folder.experiment("*", "*", "*", "*").spec
        return {
            _name(path.parent, _stem(path)): _without(
                read_json(path, "experiment spec"), *identity
            )
            for path in self._matching(pattern)
        }

    def figure_specs(self) -> Contents:
        """Return the names of the runs that each figure shows."""
        found = {}
        for path in self._matching(self.folder.figure("*").spec):
            rows = read_json(path, "figure spec").get("rows", [])
            found[Name(_stem(path))] = {"runs": _run_names(rows)}
        return found

    def claim_specs(self) -> Contents:
        """Return the specs of claims, with the names of their runs and controls."""
        found = {}
        for path in self._matching(self.folder.claim("*").spec):
            spec = _without(read_json(path, "claim spec"), "id")
            rows = {key: _run_names(spec.get(key, [])) for key in ("runs", "controls")}
            found[Name(_stem(path))] = spec | rows
        return found

    def sweep_specs(self) -> Contents:
        """Return the base, axes and seeds of each sweep, and the names of its runs."""
        found = {}
        for path in self._matching(self.folder.sweep("*").spec):
            spec = read_json(path, "sweep spec")
            rows = [cell["row"] for cell in spec.get("cells", [])]
            seeds = rows[0]["seeds"] if rows else []
            found[Name(_stem(path))] = {
                **_without(spec, "name", "cells"),
                "runs": _run_names(rows),
                "seeds": seeds,
            }
        return found

    # What made the results

    def made_by(self) -> dict[str, Contents]:
        """Return what made the results, by kind, as a comparison shows it."""
        return {
            "report": self.report_provenance(),
            "data set": self.data_cards(),
            "training": self.training_facts(),
        }

    def report_provenance(self) -> Contents:
        """Return the code, versions and machine that wrote the report, if recorded."""
        path = self.folder.provenance
        if not path.is_file():
            return {}
        content = read_json(path, "provenance")
        return {Name("report"): _without(content, "date", "files")}

    def data_cards(self) -> Contents:
        """Return the counts and hashes of prepared data sets."""
        return {
            Name(path.parent.name): _only(
                read_json(path, "data card"), "counts", "sha256"
            )
            for path in self._matching(self.folder.data("*").card)
        }

    def training_facts(self) -> Contents:
        """Return the code, versions, machine and data of finished trainings."""
        # Steps are a setting, and the number of parameters follows from settings.
        left_out = ("seconds", "steps", "parameters")
        return {
            name: _without(
                read_json(self._runs[name].facts, "training facts"), *left_out
            )
            for name in self.finished()
        }

    # Tables

    def experiments(self) -> dict[Name, Path]:
        """Return the files with tables of experiments, by table, run and seed."""
        pattern = self.folder.table("*", "*", "*", "*")
        return {_name(p.parent, _stem(p)): p for p in self._matching(pattern)}

    def verdicts(self) -> pd.DataFrame | None:
        """Return the table of all verdicts; None if no claim was decided.

        For its columns see `vlae.claims.verdicts.VERDICT_COLUMNS`.
        """
        path = self.folder.verdicts
        return read_table(path) if path.is_file() else None

    def findings(self, claim: str) -> pd.DataFrame:
        """Return the findings of one claim.

        For their columns see `vlae.claims.verdicts.FINDING_COLUMNS`.
        """
        return read_table(self.folder.claim(claim).findings)

    def _matching(self, pattern: Path) -> list[Path]:
        """Return the files that match a path of the folder with wildcards, sorted."""
        return sorted(self.root.glob(str(pattern.relative_to(self.root))))


def _name(folder: Path, subject: str = "") -> Name:
    """Return the name of what lies in a folder that ends in DATASET/RUN/SEED."""
    dataset, run, seed = folder.parts[-3:]
    return Name(subject, dataset, run, int(seed))


def _stem(path: Path) -> str:
    """Return the name of a spec or table without its ending."""
    return path.name.removesuffix(".spec.json").removesuffix(".parquet")


def _run_names(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{row['dataset']}/{row['run']}" for row in rows]


def _without(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in keys}


def _only(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: content[key] for key in keys if key in content}
