"""Specs: a configuration resolved to the complete settings of every job."""

from typing import Any

from vlae.config import validation
from vlae.config.experiment_spec import ExperimentSpec
from vlae.config.overlays import merge
from vlae.config.report_spec import (
    ClaimSpec,
    ExplorerSpec,
    FigureSpec,
    ReportSpec,
    RunRow,
    SweepAxis,
    SweepCell,
    SweepSpec,
)
from vlae.config.run_spec import RunSpec
from vlae.config.selection import RunName, Selection
from vlae.system import registry
from vlae.system.errors import UserError

MACHINE_KEYS = ("mirror", "data_memory_mb", "container")
"""Keys that say where and how to compute; no result depends on them."""

UNUSED_SEED = 0
"""Stands in a run's spec until `run_spec` puts the asked seed in its place."""
LEAST_FINAL_KL_WEIGHT = 0.9
"""Weight of the KL term that a warm-up must have reached at the end."""


class Specs:
    """The spec of every job.

    Every run of the configuration is resolved once, here, whether anything shows it or
    not: so a mistake in a run is found before the first job.

    Args:
        content: the merged configuration, whose parts have been validated.
        selection: what it selects.

    Raises:
        UserError: naming the first key of a run that is wrong.
    """

    def __init__(self, content: dict[str, Any], selection: Selection) -> None:
        self._content = content
        self._selection = selection
        self._runs = {name: self._resolve(name) for name in selection.defined_runs()}

    # Trainings and experiments

    def run_spec(self, name: RunName, seed: int) -> RunSpec:
        """Return the complete settings of one training.

        Raises:
            UserError: if the configuration has no such run.
        """
        runs = self._content["runs"]
        validation.check_known(name.dataset, runs, "runs")
        validation.check_known(name.run, runs[name.dataset], f"runs.{name.dataset}")
        return self._runs[name].replace(seed=seed)

    def network(self, name: RunName) -> dict[str, Any]:
        """Return the resolved network of a run; it is the same for all seeds."""
        return self._runs[name].network

    def experiment_spec(
        self, experiment: str, name: RunName, seed: int
    ) -> ExperimentSpec:
        """Return the complete settings of one experiment on one trained run."""
        return ExperimentSpec(
            experiment=experiment,
            dataset=name.dataset,
            run=name.run,
            seed=seed,
            measures=tuple(self._selection.measures(experiment, name.dataset)),
            settings=self._content["experiments"][experiment],
        )

    # Data: the keys are those of each module, so these specs are plain dictionaries.

    def data_spec(self, dataset: str) -> dict[str, Any]:
        """Return what determines a prepared data set.

        It leaves out where the files come from and what is measured on the images.
        """
        hidden = ("mirrors", "classifier", "classifier_seed", "depicts", "measures")
        definition = self._content["datasets"][dataset]
        spec = {k: v for k, v in definition.items() if k not in hidden}
        if "files" in spec:
            spec["files"] = {
                role: {k: file[k] for k in ("name", "checksum")}
                for role, file in spec["files"].items()
            }
        return {"name": dataset, **spec}

    def files(self, dataset: str) -> dict[str, dict[str, Any]]:
        """Return what is downloaded for a data set: file name to its source."""
        definition = self._content["datasets"][dataset]
        files = (definition["files"][r] for r in self._selection.needed_files(dataset))
        return {
            file["name"]: {
                key: file[key] for key in ("path", "remote", "checksum", "addresses")
            }
            for file in files
        }

    def sources(self, dataset: str) -> dict[str, Any]:
        """Return all that a download of a data set needs to know."""
        return {
            "dataset": dataset,
            "mirror": self._content["mirror"],
            "mirrors": self._content["datasets"][dataset].get("mirrors", []),
            "files": self.files(dataset),
        }

    # What is shown

    def figure_spec(self, figure: str) -> FigureSpec:
        """Return what a figure shows: one row per run, each with all its seeds."""
        rows = self._rows(self._selection.figure_runs(figure))
        return FigureSpec(figure=figure, rows=rows)

    def claim_spec(self, claim: str) -> ClaimSpec:
        """Return a claim, its criterion, its runs, and the controls that must fail."""
        content = self._content["claims"][claim]
        return ClaimSpec(
            id=claim,
            kind=content["kind"],
            statement=content["statement"],
            place=content["place"],
            figure=content["figure"],
            criterion=content["criterion"],
            development_seeds=tuple(self._content["development_seeds"]),
            runs=self._rows(self._selection.claim_runs(claim)),
            controls=self._rows(self._selection.controls(claim)),
            needs_control=content.get("needs_control", False),
        )

    def sweep_spec(self, sweep: str) -> SweepSpec:
        """Return a sweep: its axes, and its cells with the runs that they are."""
        content, cells = self._content["sweeps"][sweep], self._selection.cells(sweep)
        rows = self._rows(self._selection.sweep_runs(sweep))
        return SweepSpec(
            name=sweep,
            title=content["title"],
            base=content["base"],
            properties=tuple(content.get("properties", [])),
            axes=tuple(
                SweepAxis(
                    name=axis, values=tuple(values), settings=tuple(values.values())
                )
                for axis, values in content["grid"].items()
            ),
            cells=tuple(
                SweepCell(values=tuple(cell.values.values()), row=row)
                for cell, row in zip(cells, rows, strict=True)
            ),
        )

    def report_spec(self, overlays: list[str], given: dict[str, Any]) -> ReportSpec:
        """Return what the report shows.

        Args:
            overlays: configuration files given on the command line.
            given: single keys given on the command line. Those that concern the machine
                are left out.
        """
        chosen = self._selection
        runs = [*chosen.runs(), *chosen.classifiers()]
        return ReportSpec(
            title=self._content["title"],
            overlays=tuple(overlays),
            config={k: v for k, v in given.items() if k not in MACHINE_KEYS},
            seeds=tuple(chosen.seeds),
            experiments=self._content["experiments"],
            figures=tuple(self.figure_spec(figure) for figure in chosen.figures()),
            claims=tuple(self.claim_spec(claim) for claim in chosen.claims()),
            sweeps=tuple(self.sweep_spec(sweep) for sweep in chosen.sweeps()),
            runs=self._rows(runs),
            datasets=tuple(chosen.datasets()),
            explorer=bool(chosen.explored()),
        )

    def explorer_spec(self) -> ExplorerSpec:
        """Return what the explorer offers."""
        runs = self._rows(self._selection.explored())
        return ExplorerSpec(title=self._content["title"], runs=runs)

    def _rows(self, runs: list[RunName]) -> tuple[RunRow, ...]:
        return tuple(self._row(run) for run in runs)

    def _row(self, run: RunName) -> RunRow:
        return RunRow(
            dataset=run.dataset,
            dataset_title=self._content["datasets"][run.dataset]["title"],
            run=run.run,
            label=self._content["runs"][run.dataset][run.run]["label"],
            seeds=tuple(self._selection.seeds_of(run)),
        )

    # Resolving a run

    def _resolve(self, name: RunName) -> RunSpec:
        """Merge defaults, preset and own settings of a run, and check the result."""
        content, key = self._content, self._selection.place(name)
        run = content["runs"][name.dataset][name.run]
        validation.check_known(run["preset"], content["presets"], f"{key}.preset")
        validation.check_known(run["network"], content["networks"], f"{key}.network")
        own = {k: v for k, v in run.items() if k not in validation.REQUIRED_KEYS}
        validation.validate(own, "run", key)
        settings = merge(content["defaults"], content["presets"][run["preset"]], own)
        validation.check_complete(settings, validation.schema("run"), key)
        network = merge(
            content["networks"][run["network"]], settings.pop("network_settings")
        )
        validation.check_network(network, f"{key}.network_settings")
        dataset = content["datasets"][name.dataset]
        # Only a classifier learns attributes; a change of them retrains no other run.
        learned = dataset["attributes"] if network["model"] == "classifier" else []
        spec = RunSpec.of(
            {
                "dataset": name.dataset,
                "run": name.run,
                "seed": UNUSED_SEED,
                "preset": run["preset"],
                "network_name": run["network"],
                "data": {
                    "shape": dataset["shape"],
                    "classes": dataset["classes"],
                    "attributes": learned,
                },
                "network": network,
                **settings,
            }
        )
        _check_input(spec, key)
        _check_scale(spec, key)
        _check_warmup(spec, key)
        _check_growing(spec, key)
        return spec


def _check_input(spec: RunSpec, key: str) -> None:
    """Raise `UserError` unless the network takes images of the data set's shape."""
    taken, shape = spec.network["input"], list(spec.data.shape)
    if taken != shape:
        raise UserError(
            f"{key}.network: '{spec.network_name}' takes images of shape {taken}, but "
            f"data set '{spec.dataset}' has {shape}. Choose a network with that input."
        )


def _check_scale(spec: RunSpec, key: str) -> None:
    """Raise `UserError` if a likelihood would grow without bound."""
    scale, noise = spec.objective.scale, spec.data_noise
    if scale != "fixed" and not (noise.dequantise or noise.scale):
        raise UserError(
            f"{key}.objective.scale: a learned scale ({scale}) on eight-bit images has "
            "no bound; set data_noise.dequantise: true, or scale: fixed."
        )


def _check_warmup(spec: RunSpec, key: str) -> None:
    """Raise `UserError` if the training ends before its KL warm-up does."""
    steps, warmup = spec.training.steps, spec.objective.kl_warmup
    end = warmup.weight(steps, steps)
    if end < LEAST_FINAL_KL_WEIGHT:
        raise UserError(
            f"{key}.objective.kl_warmup: with {steps} steps the weight of the KL term "
            f"ends at {end:.2f}; expected at least {LEAST_FINAL_KL_WEIGHT:g}, since "
            "models are judged by the ELBO. Shorten the warm-up (a `fraction` of the "
            "run fits any length), or raise training.steps."
        )


def _check_growing(spec: RunSpec, key: str) -> None:
    """Raise `UserError` if layers cannot grow, or would not be there at the end."""
    growing, key = spec.training.growing, f"{key}.training.growing"
    if growing.schedule == "none":
        return
    if not registry.constant("networks", spec.model, "GROWS"):
        raise UserError(
            f"{key}: the layers of the model '{spec.model}' cannot grow; set schedule: "
            "none, or take a network of the VLAE."
        )
    assert growing.first is not None and growing.last is not None
    assert growing.length is not None
    if not growing.first <= growing.last <= 1 - growing.length:
        raise UserError(
            f"{key}: expected first <= last, and last + length at most 1, so that all "
            f"layers are there at the end; got {growing.first}, {growing.last} and "
            f"{growing.length}."
        )
