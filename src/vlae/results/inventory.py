"""What lies in a results folder, whatever the configuration that made it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.results.run_results import RunResults, read_table
from vlae.system.errors import UserError
from vlae.system.files import read_json

Map = dict[str, Any]
FACTS = ("training.json", "history.parquet")
"""What a finished training leaves, beside its weights."""
PROVENANCE = "report.provenance.json"
"""What wrote the report of a results folder; see `vlae.report.provenance`."""


@dataclass(frozen=True, order=True)
class Name:
    """Of a spec: `label` is a run, experiment, claim, ...; a seed where it has one."""

    label: str
    seed: int | None = None

    def __str__(self) -> str:
        return self.label if self.seed is None else f"{self.label}, seed {self.seed}"


class Inventory:
    """The specs, trained runs and tables in a results folder.

    Raises:
        UserError: if there is no such folder, or it holds no run.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        if not root.is_dir():
            raise UserError(
                f"{root}: no such folder; expected a results folder, such as the "
                "'results' that Snakemake leaves."
            )
        self._runs = {
            Name(_label(path.parent), int(path.parent.name)): path.parent
            for path in sorted(root.glob("runs/*/*/*/spec.json"))
            if path.parent.name.isdigit()
        }
        if not self._runs:
            inner = root / "results"
            hint = f" Did you mean {inner}?" if (inner / "runs").is_dir() else ""
            raise UserError(
                f"{root}: no results; expected runs/DATASET/RUN/SEED/spec.json in it."
                + hint
            )

    # Runs

    def finished(self) -> list[Name]:
        """Runs and seeds that were trained to the end."""
        return [
            name
            for name, folder in self._runs.items()
            if all((folder / file).is_file() for file in FACTS)
        ]

    def unfinished(self) -> list[Name]:
        return [name for name in self._runs if name not in self.finished()]

    def results(self, label: str) -> RunResults | None:
        """Of the run `dataset/run`, with its finished seeds; None if it has none."""
        seeds = [name.seed for name in self.finished() if name.label == label]
        if not seeds:
            return None
        dataset, run = label.split("/")
        row = RunRow(
            dataset=dataset,
            dataset_title=dataset,
            run=run,
            label=run,
            seeds=tuple(seed for seed in seeds if seed is not None),
        )
        return RunResults(row, ResultsFolder(self.root))

    # Specs and facts, by kind

    def specs(self, kind: str) -> dict[Name, Map]:
        """Specs of 'run', 'experiment', 'claim', 'figure', 'data set' or 'report'."""
        return dict(_SPECS[kind](self))

    def provenance(self, kind: str) -> dict[Name, Map]:
        """What made the results: 'training', 'data set' or 'report'."""
        return dict(_PROVENANCE[kind](self))

    def _run_specs(self) -> Iterator[tuple[Name, Map]]:
        for name, folder in self._runs.items():
            yield name, _without(read_json(folder / "spec.json", "run spec"), "seed")

    def _experiment_specs(self) -> Iterator[tuple[Name, Map]]:
        for path in sorted(self.root.glob("experiments/*/*/*/*.spec.json")):
            experiment = path.name.removesuffix(".spec.json")
            name = Name(f"{experiment} of {_label(path.parent)}", int(path.parent.name))
            spec = read_json(path, "experiment spec")
            yield name, _without(spec, "dataset", "run", "seed", "experiment")

    def _claim_specs(self) -> Iterator[tuple[Name, Map]]:
        for path in sorted(self.root.glob("claims/*.spec.json")):
            spec = _without(read_json(path, "claim spec"), "id")
            for key in ("runs", "controls"):
                spec[key] = _shown(spec.get(key, []))
            yield Name(path.name.removesuffix(".spec.json")), spec

    def _figure_specs(self) -> Iterator[tuple[Name, Map]]:
        for path in sorted(self.root.glob("figures/*.spec.json")):
            rows = _shown(read_json(path, "figure spec").get("rows", []))
            yield Name(path.name.removesuffix(".spec.json")), {"runs": rows}

    def _data_specs(self) -> Iterator[tuple[Name, Map]]:
        for path in sorted(self.root.glob("data/*/spec.json")):
            yield Name(path.parent.name), read_json(path, "data spec")

    def _report_specs(self) -> Iterator[tuple[Name, Map]]:
        path = self.root / "report.spec.json"
        if path.is_file():
            spec = read_json(path, "report spec")
            yield Name("report"), _only(spec, "title", "overlays", "seeds")

    def _training(self) -> Iterator[tuple[Name, Map]]:
        for name in self.finished():
            path = self._runs[name] / "training.json"
            facts = read_json(path, "training facts")
            # Steps are a setting, and parameters follow from one.
            yield name, _without(facts, "seconds", "steps", "parameters")

    def _cards(self) -> Iterator[tuple[Name, Map]]:
        for path in sorted(self.root.glob("data/*/card.json")):
            card = read_json(path, "data card")
            yield Name(path.parent.name), _only(card, "counts", "sha256")

    def _report(self) -> Iterator[tuple[Name, Map]]:
        path = self.root / PROVENANCE
        if path.is_file():
            yield (
                Name("report"),
                _without(read_json(path, "provenance"), "date", "files"),
            )

    # Tables

    def experiments(self) -> dict[Name, Path]:
        """Tables of experiments: 'effects of mnist/vlae' and seed to a file."""
        return {
            Name(f"{path.stem} of {_label(path.parent)}", int(path.parent.name)): path
            for path in sorted(self.root.glob("experiments/*/*/*/*.parquet"))
        }

    def verdicts(self) -> pd.DataFrame | None:
        """See `vlae.claims.verdicts.VERDICT`; None if no claim has been judged."""
        path = self.root / "tables" / "claims.parquet"
        return read_table(path) if path.is_file() else None

    def findings(self, claim: str) -> pd.DataFrame:
        """See `vlae.claims.verdicts.FINDING`."""
        return read_table(self.root / "claims" / f"{claim}.findings.parquet")


_SPECS = {
    "report": Inventory._report_specs,
    "data set": Inventory._data_specs,
    "run": Inventory._run_specs,
    "experiment": Inventory._experiment_specs,
    "figure": Inventory._figure_specs,
    "claim": Inventory._claim_specs,
}
_PROVENANCE = {
    "report": Inventory._report,
    "data set": Inventory._cards,
    "training": Inventory._training,
}
SPECS, MADE_BY = list(_SPECS), list(_PROVENANCE)


def _label(folder: Path) -> str:
    """'mnist/vlae' of '.../mnist/vlae/1'."""
    return f"{folder.parent.parent.name}/{folder.parent.name}"


def _shown(rows: list[Map]) -> list[str]:
    return [f"{row['dataset']}/{row['run']}" for row in rows]


def _without(content: Map, *keys: str) -> Map:
    return {key: value for key, value in content.items() if key not in keys}


def _only(content: Map, *keys: str) -> Map:
    return {key: content[key] for key in keys if key in content}
