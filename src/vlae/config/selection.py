"""What a configuration asks for: runs, seeds, figures, claims, and what they need.

These are plain questions to a configuration whose parts have been validated. None of
them raises: whether the parts fit each other is checked in `cross_references`.
"""

from dataclasses import dataclass
from typing import Any

from vlae.config.sweeps import Cell, cells
from vlae.system import registry


@dataclass(frozen=True)
class RunName:
    """Name of a run in the configuration, written `dataset/run`."""

    dataset: str
    run: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.run}"

    @classmethod
    def parse(cls, text: str) -> "RunName":
        """Return the name that is written `dataset/run`."""
        return cls(*text.split("/"))


class Selection:
    """Everything that a configuration selects.

    Args:
        content: the merged configuration.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._cells = {
            name: cells(name, sweep) for name, sweep in content["sweeps"].items()
        }
        self._sweep_of = {
            RunName(cell.dataset, cell.run): (name, cell)
            for name, found in self._cells.items()
            for cell in found
        }

    # Runs and seeds

    @property
    def seeds(self) -> list[int]:
        """Seeds of every run but classifiers and the cells of sweeps."""
        return list(self.content["seeds"])

    def defined_runs(self) -> list[RunName]:
        """Return all runs of the configuration, whether anything shows them or not."""
        return [
            RunName(dataset, run)
            for dataset, runs in self.content["runs"].items()
            for run in runs
        ]

    def runs(self) -> list[RunName]:
        """Return the runs that a figure, claim or sweep reads, each once.

        Classifiers are not among them; cells of sweeps come last.
        """
        read = [run for figure in self.figures() for run in self.figure_runs(figure)]
        read += [run for claim in self.claims() for run in self.runs_read_by(claim)]
        read = [run for run in read if run not in self._sweep_of]
        return list(dict.fromkeys([*read, *self._sweep_of]))

    def runs_at_a_glance(self) -> list[RunName]:
        """Return those of `runs` that the report shows one by one: no cells."""
        return [run for run in self.runs() if run not in self._sweep_of]

    def datasets(self) -> list[str]:
        """Return the data sets of `runs`, each once."""
        return list(dict.fromkeys(run.dataset for run in self.runs()))

    def classifier(self, dataset: str) -> tuple[RunName, int] | None:
        """Return run and seed of the classifier of a data set, or None without one."""
        definition = self.content["datasets"][dataset]
        if definition["classifier"] is None:
            return None
        return RunName(dataset, definition["classifier"]), definition["classifier_seed"]

    def classifiers(self) -> list[RunName]:
        """Return the classifiers of `datasets`."""
        found = [self.classifier(dataset) for dataset in self.datasets()]
        return [classifier[0] for classifier in found if classifier is not None]

    def seeds_of(self, run: RunName) -> list[int]:
        """Return the seeds of a run; classifiers and cells of sweeps have their own."""
        classifier = self.classifier(run.dataset)
        if classifier and classifier[0] == run:
            return [classifier[1]]
        if run in self._sweep_of:
            sweep, _ = self._sweep_of[run]
            return list(self.content["sweeps"][sweep]["seeds"])
        return self.seeds

    def place(self, run: RunName) -> str:
        """Return where the configuration defines a run, for messages."""
        if run in self._sweep_of:
            return self._sweep_of[run][1].place
        return f"runs.{run.dataset}.{run.run}"

    def model(self, run: RunName) -> str:
        """Return the model of a run's network, a module of `vlae.models`."""
        network = self.content["runs"][run.dataset][run.run]["network"]
        model: str = self.content["networks"][network]["model"]
        return model

    def explored(self) -> list[RunName]:
        """Return the runs in the explorer: those listed that `runs` trains anyway."""
        runs = self.runs()
        return [run for run in self.listed_in_explorer() if run in runs]

    def listed_in_explorer(self) -> list[RunName]:
        """Return the runs that the key `explorer` lists."""
        return [RunName.parse(run) for run in self.content["explorer"]]

    # Figures

    def figures(self) -> list[str]:
        """Return the figures that have runs to show."""
        return [name for name, runs in self.content["figures"].items() if runs]

    def figure_runs(self, figure: str) -> list[RunName]:
        """Return the runs that a figure shows."""
        return [RunName.parse(run) for run in self.content["figures"][figure]]

    def figure_tables(self, figure: str) -> list[str]:
        """Return the tables that a figure reads, as its module says."""
        return list(registry.constant("figures", figure, "TABLES"))

    # Sweeps

    def sweeps(self) -> list[str]:
        """Return the names of all sweeps."""
        return list(self._cells)

    def cells(self, sweep: str) -> list[Cell]:
        """Return the cells of a sweep; the last axis changes first."""
        return self._cells[sweep]

    def sweep_runs(self, sweep: str) -> list[RunName]:
        """Return the runs of a sweep, one per cell."""
        return [RunName(cell.dataset, cell.run) for cell in self._cells[sweep]]

    # Claims

    def claims(self) -> list[str]:
        """Return the claims that are about some run, by figure and then by name.

        The order of the files would not do, since overlays change it. Claims without a
        figure come last.
        """
        claims = self.content["claims"]
        found = [name for name in claims if self.claim_runs(name)]
        return sorted(found, key=lambda name: (claims[name]["figure"] or "~", name))

    def claim_runs(self, claim: str) -> list[RunName]:
        """Return the runs that a claim is about: its own, or those of its figure.

        Where it is about certain images, such as digits, runs on others are left out.
        """
        content = self.content["claims"][claim]
        listed = content["runs"]
        if listed is None:
            listed = self.content["figures"].get(content["figure"], [])
        runs = [RunName.parse(run) for run in listed]
        return [run for run in runs if self.concerns(claim, run)]

    def concerns(self, claim: str, run: RunName) -> bool:
        """Return whether a claim is about images such as those of a run's data set."""
        wanted = self.content["claims"][claim].get("depicts")
        definition = self.content["datasets"].get(run.dataset, {})
        return wanted is None or definition.get("depicts") == wanted

    def listed_controls(self, claim: str) -> list[RunName]:
        """Return the controls that a claim lists, on whatever data set."""
        return [RunName.parse(run) for run in self.content["claims"][claim]["controls"]]

    def controls(self, claim: str) -> list[RunName]:
        """Return the controls, which must fail, on the data sets of a claim's runs."""
        datasets = {run.dataset for run in self.claim_runs(claim)}
        return [run for run in self.listed_controls(claim) if run.dataset in datasets]

    def runs_read_by(self, claim: str) -> list[RunName]:
        """Return all runs whose results a claim reads, each once."""
        return list(dict.fromkeys([*self.claim_runs(claim), *self.controls(claim)]))

    def claim_tables(self, claim: str) -> list[str]:
        """Return the tables that a claim reads, as its module says."""
        kind = self.content["claims"][claim]["kind"]
        return list(registry.constant("claims", kind, "TABLES"))

    # Experiments

    def asks_classifier(self, experiment: str, dataset: str) -> bool:
        """Return whether an experiment asks a classifier and the data set has one."""
        wish = registry.constant("experiments", experiment, "CLASSIFIER")
        return wish is not None and self.classifier(dataset) is not None

    def measures(self, experiment: str, dataset: str) -> list[str]:
        """Return the modules by which an experiment measures images of a data set."""
        wanted = registry.constant("experiments", experiment, "MEASURES_IMAGES")
        return list(self.content["datasets"][dataset]["measures"]) if wanted else []

    # Data

    def prepares_in_parallel(self, dataset: str) -> bool:
        """Return whether the preparation of a data set uses several threads."""
        module = self.content["datasets"][dataset]["module"]
        parallel: bool = registry.constant("datasets", module, "PARALLEL")
        return parallel

    def needed_files(self, dataset: str) -> dict[str, str]:
        """Return the files that a data set needs: role to the reason, as `key: value`.

        Without a statement of its module these are all files of its definition, and the
        reason is empty.
        """
        definition = self.content["datasets"][dataset]
        needed = registry.constant("datasets", definition["module"], "NEEDED")
        if not needed:
            return dict.fromkeys(definition.get("files", {}), "")
        return {
            role: f"{key}: {definition[key]}"
            for key, roles_by_value in needed.items()
            for role in roles_by_value[definition[key]]
        }
