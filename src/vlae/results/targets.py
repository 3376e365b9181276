"""What each rule of the workflow reads and depends on, and the specs that rules write.

Rules name the methods of `Targets`. Each takes Snakemake's wildcards, so that all of it
can be tested with any object that has the same attributes.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from vlae.config.configuration import Configuration
from vlae.config.experiment_tables import tables
from vlae.config.paths import ResultsFolder
from vlae.config.run_spec import RunFiles, RunSpec
from vlae.config.selection import RunName
from vlae.data.download import unverified
from vlae.data.download.sources import check_mirrors
from vlae.results.inputs import Inputs
from vlae.results.store import Store
from vlae.system import registry
from vlae.system.checkout import ROOT, files_hash
from vlae.system.code_hash import code_hash, training_code
from vlae.system.errors import UserError


class Wildcards(Protocol):
    """Snakemake's wildcards; a rule has those of its output paths only."""

    dataset: str
    run: str
    seed: str
    experiment: str
    figure: str
    claim: str
    sweep: str
    file: str


class Targets:
    """Answers to every question of a rule.

    Args:
        configuration: the checked configuration.
        main_process: whether this is Snakemake itself, and not the Snakemake that a
            cluster's job starts, which sees other disks.
        overlays: configuration files given on the command line.
        given: single keys given on the command line.
        results: the results folder.
        store: where its files lie.
    """

    def __init__(
        self,
        configuration: Configuration,
        main_process: bool = True,
        overlays: Iterable[str] = (),
        given: dict[str, Any] | None = None,
        results: ResultsFolder | None = None,
        store: Store | None = None,
    ) -> None:
        self._content = configuration.content
        self._selection = configuration.selection
        self._specs = configuration.specs
        self._main_process = main_process
        self._overlays = list(overlays)
        self._given = given or {}
        self._results = results or ResultsFolder()
        self._store = store or Store()
        self._inputs = Inputs(self._selection, self._results)

    def check_sources(self) -> None:
        """Check that the user's own files and mirrors exist, if they are needed.

        Only the main process checks: a cluster's node need not see the same disks.

        Raises:
            UserError: if a path leads nowhere, or if a mirror is not a folder or an
                http(s) address.
        """
        if not self._main_process:
            return
        missing = [
            (dataset, file["path"])
            for dataset in self._selection.datasets()
            for name, file in self._specs.files(dataset).items()
            if not self._store.has(self._results.raw(dataset, name))
        ]
        for dataset, path in missing:
            if path and not Path(path).exists():
                raise UserError(
                    f"datasets.{dataset}.files: no file or folder at path {path}. A "
                    "relative path is taken from the folder of the overlay."
                )
        if any(not path for _, path in missing):
            check_mirrors(self._content["mirror"])

    # Specs: the text of each file

    def run_spec(self, wildcards: Wildcards) -> str:
        """Return the text of a training's spec."""
        return _text(self._run_spec(wildcards).as_dict())

    def data_spec(self, wildcards: Wildcards) -> str:
        """Return the text of a data set's spec."""
        return _text(self._specs.data_spec(wildcards.dataset))

    def sources(self, wildcards: Wildcards) -> str:
        """Return the text that says where a data set is downloaded from."""
        return _text(self._specs.sources(wildcards.dataset))

    def experiment_spec(self, wildcards: Wildcards) -> str:
        """Return the text of an experiment's spec."""
        name, seed = run_name(wildcards), int(wildcards.seed)
        spec = self._specs.experiment_spec(wildcards.experiment, name, seed)
        return _text(spec.as_dict())

    def figure_spec(self, wildcards: Wildcards) -> str:
        """Return the text of a figure's spec."""
        return _text(self._specs.figure_spec(wildcards.figure).as_dict())

    def sweep_spec(self, wildcards: Wildcards) -> str:
        """Return the text of a sweep's spec."""
        return _text(self._specs.sweep_spec(wildcards.sweep).as_dict())

    def claim_spec(self, wildcards: Wildcards) -> str:
        """Return the text of a claim's spec."""
        return _text(self._specs.claim_spec(wildcards.claim).as_dict())

    def report_spec(self, wildcards: Wildcards) -> str:
        """Return the text of the report's spec."""
        return _text(self._specs.report_spec(self._overlays, self._given).as_dict())

    def explorer_spec(self, wildcards: Wildcards) -> str:
        """Return the text of the explorer's spec."""
        return _text(self._specs.explorer_spec().as_dict())

    # Data

    def raw_files(self, wildcards: Wildcards) -> list[str]:
        """Return the files to download before a data set is prepared, if any."""
        files = self._specs.files(wildcards.dataset)
        return _strings(self._results.raw(wildcards.dataset, name) for name in files)

    def expected_file(self, wildcards: Wildcards) -> str | None:
        """Return what a raw file must be; if this changes, it is fetched again.

        This is its checksum, or else a description of its source. None in a cluster's
        job, where nothing is fetched and not every disk can be seen.
        """
        dataset, name = wildcards.dataset, wildcards.file
        sources = self._specs.sources(dataset)
        file = sources["files"][name]
        if file["checksum"]:
            return str(file["checksum"])
        if not self._main_process:
            return None
        path = self._results.raw(dataset, name)
        fetched = self._store.local(path) if self._store.has(path) else None
        mirrors, mirror = sources["mirrors"], sources["mirror"]
        return _text(unverified.description(dataset, file, mirrors, mirror, fetched))

    def cards(self, wildcards: Wildcards | None = None) -> list[str]:
        """Return the cards of all prepared data sets of the configuration."""
        names = self._selection.datasets()
        return _strings(self._results.data(name).card for name in names)

    def prepare_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that a prepared data set depends on."""
        module = self._content["datasets"][wildcards.dataset]["module"]
        return code_hash("commands.prepare", registry.module("datasets", module))

    # Trainings and experiments

    def train_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that a training depends on."""
        return training_code(self._model(wildcards))

    def experiment_tables(self, experiment: str) -> list[str]:
        """Return the tables that an experiment makes, with wildcards for the run."""
        place = ("{dataset}", "{run}", "{seed}")
        return _strings(self._results.table(n, *place) for n in tables(experiment))

    def experiment_code(self, experiment: str, wildcards: Wildcards) -> str:
        """Return the hash of the code that an experiment depends on."""
        dataset = wildcards.dataset
        models = {self._model(wildcards)}
        if self._selection.asks_classifier(experiment, dataset):
            models.add("classifier")
        measures = self._selection.measures(experiment, dataset)
        return code_hash(
            "commands.experiment",
            registry.module("experiments", experiment),
            *(module for model in models for module in _model_modules(model)),
            *(registry.module("measures", name) for name in measures),
        )

    def classifier_spec(self, experiment: str, wildcards: Wildcards) -> list[str]:
        """Return the spec of the classifier that an experiment asks, if any."""
        files = self._classifier(experiment, wildcards.dataset)
        return _strings([files.spec] if files else [])

    def classifier_weights(self, experiment: str, wildcards: Wildcards) -> list[str]:
        """Return the weights of the classifier that an experiment asks, if any."""
        files = self._classifier(experiment, wildcards.dataset)
        return _strings([files.weights] if files else [])

    # Figures, sweeps, claims, explorer, report

    def figure_inputs(self, wildcards: Wildcards) -> list[str]:
        """Return the tables, arrays and training histories that a figure reads."""
        return _strings(self._inputs.figure(wildcards.figure))

    def figure_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that a figure depends on."""
        module = registry.module("figures", wildcards.figure)
        return code_hash("commands.figure", module)

    def figures(self, wildcards: Wildcards | None = None) -> list[str]:
        """Return the pictures of all figures."""
        names = self._selection.figures()
        return _strings(self._results.figure(name).svg for name in names)

    def sweep_inputs(self, wildcards: Wildcards) -> list[str]:
        """Return the tables and histories that the table of a sweep is joined from."""
        return _strings(self._inputs.sweep(wildcards.sweep))

    def sweep_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that a sweep's table and figure depend on."""
        return code_hash("commands.sweep")

    def sweeps(self, wildcards: Wildcards | None = None) -> list[str]:
        """Return the tables and pictures of all sweeps."""
        files = [self._results.sweep(name) for name in self._selection.sweeps()]
        return _strings(path for file in files for path in (file.table, file.svg))

    def claim_inputs(self, wildcards: Wildcards) -> list[str]:
        """Return the tables, training facts and histories that a claim reads."""
        return _strings(self._inputs.claim(wildcards.claim))

    def claim_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that a claim's verdicts depend on."""
        kind = self._content["claims"][wildcards.claim]["kind"]
        return code_hash("commands.claim", registry.module("claims", kind))

    def verdict_files(self, wildcards: Wildcards | None = None) -> list[str]:
        """Return the verdicts of all claims."""
        names = self._selection.claims()
        return _strings(self._results.claim(name).verdicts for name in names)

    def verdicts_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that joins all verdicts."""
        return code_hash("commands.verdicts")

    def export_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that an exported decoder depends on."""
        return code_hash("commands.export", *_model_modules(self._model(wildcards)))

    def decoders(self, wildcards: Wildcards) -> list[str]:
        """Return the exported decoders of the runs in the explorer: the first seeds."""
        return _strings(self._inputs.decoders())

    def explorer_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that writes the explorer."""
        return code_hash("commands.explorer")

    def explorer_templates(self, wildcards: Wildcards) -> str:
        """Return the hash of the explorer's page, script, style and runtime."""
        return _templates("explorer", "vendor")

    def explorer(self, wildcards: Wildcards) -> list[str]:
        """Return the explorer's page, if it has runs."""
        return _strings([self._results.explorer] if self._selection.explored() else [])

    def report_inputs(self, wildcards: Wildcards) -> list[str]:
        """Return all results that the report reads, or of which it notes the hash."""
        return _strings(self._inputs.report())

    def report_code(self, wildcards: Wildcards) -> str:
        """Return the hash of the code that writes the report."""
        figures = self._selection.figures()
        modules = (registry.module("figures", figure) for figure in figures)
        return code_hash("commands.report", *modules)

    def report_templates(self, wildcards: Wildcards) -> str:
        """Return the hash of the report's page, script and style."""
        return _templates("figures", "page")

    # What several of these share

    def _run_spec(self, wildcards: Wildcards) -> RunSpec:
        return self._specs.run_spec(run_name(wildcards), int(wildcards.seed))

    def _model(self, wildcards: Wildcards) -> str:
        return self._selection.model(run_name(wildcards))

    def _classifier(self, experiment: str, dataset: str) -> RunFiles | None:
        """Files of the classifier that an experiment asks, or None."""
        found = self._selection.classifier(dataset)
        if found and self._selection.asks_classifier(experiment, dataset):
            (name, seed) = found
            return self._results.run(name.dataset, name.run, seed)
        return None


def run_name(wildcards: Wildcards) -> RunName:
    """Return the run that `dataset` and `run` name."""
    return RunName(wildcards.dataset, wildcards.run)


def _model_modules(model: str) -> list[str]:
    return [registry.module(name, model) for name in ("models", "networks")]


def _templates(*folders: str) -> str:
    return files_hash(*(ROOT / "report" / folder for folder in folders))


def _strings(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths]


def _text(content: dict[str, Any]) -> str:
    """Return the text of a spec's file, without the last line break."""
    return json.dumps(content, indent=2, sort_keys=True)
