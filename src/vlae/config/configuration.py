"""The configuration: checked as a whole, then resolved to one spec per job.

No torch here: Snakemake calls this at every start, and a mistake must be named
before the first download.
"""

from pathlib import Path
from typing import Any

from vlae.config import cross_references, validation
from vlae.config.overlays import extended, merge, read
from vlae.config.selection import Claims, RunName, named
from vlae.config.validation import schema, validate
from vlae.data.download.sources import check_mirrors
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

Map = dict[str, Any]

MACHINE = ("mirror", "data_memory_mb", "container")
"""Keys that say where and how to compute, not what."""


class Configuration:
    """A checked configuration. Everything the workflow asks is answered here.

    Args:
        content: the merged configuration files.

    Raises:
        UserError: naming the first key that is wrong.
    """

    def __init__(self, content: Map) -> None:
        self.content = content
        validation.check_names(content)
        validate(content, "config", "")
        for name, network in content["networks"].items():
            validation.check_network(name, network)
        for name, dataset in content["datasets"].items():
            validation.check_joined(
                dataset, "dataset", "datasets", "module", f"datasets.{name}"
            )
        for name, settings in content["experiments"].items():
            key = f"experiments.{name}"
            registry.check("experiments", name, key)
            validate(settings, f"experiments/{name}", key)
        validate(content["defaults"], "run", "defaults")
        for name, preset in content["presets"].items():
            validate(preset, "run", f"presets.{name}")
        for dataset, runs in content["runs"].items():
            for run in runs:
                self.run_spec(RunName(dataset, run), seed=0)
        for name in content["datasets"]:
            cross_references.check_classifier(self, name)
            cross_references.check_measures(self, name)
        for name in content["figures"]:
            cross_references.check_figure(self, name)
        cross_references.check_explorer(self)
        self.claims = Claims(content)
        for name in content["claims"]:
            cross_references.check_claim(self, name)
        for dataset in self.datasets():
            self._needed_files(dataset)

    # What is asked for

    @property
    def seeds(self) -> list[int]:
        return list(self.content["seeds"])

    def figures(self) -> list[str]:
        """Figures that have runs to show."""
        return [name for name, runs in self.content["figures"].items() if runs]

    def shown(self, figure: str) -> list[RunName]:
        return named(self.content["figures"][figure])

    def needs(self, figure: str) -> list[str]:
        """Experiments whose results `figure` reads, as its module says."""
        return registry.constant("figures", figure, "EXPERIMENTS")

    def asks_classifier(self, experiment: str, dataset: str) -> bool:
        """Whether `experiment` asks the classifier of `dataset`, and there is one."""
        wish = registry.constant("experiments", experiment, "CLASSIFIER")
        return wish is not None and self.classifier(dataset) is not None

    def measures(self, experiment: str, dataset: str) -> list[str]:
        """Modules by which `experiment` measures images of `dataset`; maybe none."""
        wanted = registry.constant("experiments", experiment, "MEASURES_IMAGES")
        return self.content["datasets"][dataset]["measures"] if wanted else []

    def runs(self) -> list[RunName]:
        """Every run that some figure or claim shows, without classifiers, each once."""
        shown = [run for figure in self.figures() for run in self.shown(figure)]
        shown += [
            run for claim in self.claims.names() for run in self.claims.read(claim)
        ]
        return list(dict.fromkeys(shown))

    def explored(self) -> list[RunName]:
        """Runs of the explorer: it has none trained that nothing else shows."""
        shown = self.runs()
        return [run for run in named(self.content["explorer"]) if run in shown]

    def datasets(self) -> list[str]:
        return list(dict.fromkeys(run.dataset for run in self.runs()))

    def classifier(self, dataset: str) -> tuple[RunName, int] | None:
        """The run and seed of the classifier of `dataset`, if it has one."""
        definition = self.content["datasets"][dataset]
        if definition["classifier"] is None:
            return None
        return RunName(dataset, definition["classifier"]), definition["classifier_seed"]

    def classifiers(self) -> list[RunName]:
        """Classifiers of all data sets that some figure or claim shows."""
        found = [self.classifier(dataset) for dataset in self.datasets()]
        return [classifier[0] for classifier in found if classifier is not None]

    def seeds_of(self, run: RunName) -> list[int]:
        """Seeds of a run: a classifier has one of its own."""
        classifier = self.classifier(run.dataset)
        return [classifier[1]] if classifier and classifier[0] == run else self.seeds

    def model(self, run: RunName) -> str:
        name = self.content["runs"][run.dataset][run.run]["network"]
        return self.content["networks"][name]["model"]

    # What each job is told

    def run_spec(self, name: RunName, seed: int) -> Map:
        """The complete settings of one training: all that `train` reads."""
        content, key = self.content, f"runs.{name.dataset}.{name.run}"
        run = content["runs"][name.dataset][name.run]
        validation.known(run["preset"], content["presets"], f"{key}.preset")
        validation.known(run["network"], content["networks"], f"{key}.network")
        own = {k: v for k, v in run.items() if k not in ("label", "network", "preset")}
        validate(own, "run", key)
        settings = merge(content["defaults"], content["presets"][run["preset"]], own)
        validation.check_complete(settings, schema("run"), key)
        network = merge(
            content["networks"][run["network"]], settings.pop("network_settings")
        )
        validation.check_network(run["network"], network, f"{key}.network_settings")
        dataset = content["datasets"][name.dataset]
        # What only a classifier learns concerns no other run.
        taught = dataset["attributes"] if network["model"] == "classifier" else []
        if network["input"] != dataset["shape"]:
            raise UserError(
                f"{key}.network: '{run['network']}' takes images of shape "
                f"{network['input']}, but data set '{name.dataset}' has "
                f"{dataset['shape']}. Choose a network with that input."
            )
        noise, learned = settings["data_noise"], settings["objective"]["scale"]
        if learned != "fixed" and not (noise["dequantise"] or noise["scale"]):
            raise UserError(
                f"{key}.objective.scale: a learned scale ({learned}) on eight-bit "
                "images has no bound; set data_noise.dequantise: true, or scale: fixed."
            )
        return {
            "dataset": name.dataset,
            "run": name.run,
            "seed": seed,
            "preset": run["preset"],
            "network_name": run["network"],
            "data": {
                **{k: dataset[k] for k in ("shape", "classes")},
                "attributes": taught,
            },
            "network": network,
            **settings,
        }

    def data_spec(self, dataset: str) -> Map:
        """What determines the prepared data: not where from, nor what judges them."""
        hidden = ("mirrors", "classifier", "classifier_seed", "measures")
        definition = self.content["datasets"][dataset]
        spec = {k: v for k, v in definition.items() if k not in hidden}
        if "files" in spec:
            spec["files"] = {
                role: {k: file[k] for k in ("name", "checksum")}
                for role, file in spec["files"].items()
            }
        return {"name": dataset, **spec}

    def files(self, dataset: str) -> Map:
        """What is downloaded for `dataset`: a file's name to what is known of it."""
        files = self._needed_files(dataset)
        return {
            file["name"]: {
                "remote": file["remote"],
                "checksum": file["checksum"],
                "addresses": file.get("addresses", []),
            }
            for file in files.values()
        }

    def check_mirrors(self, raw: Path) -> None:
        """Whether the user's own mirrors are there, if anything must be downloaded.

        Not every machine that reads a configuration (a cluster's node) has them.

        Args:
            raw: folder of what has been downloaded, a folder for each data set.

        Raises:
            UserError: if they are not.
        """
        needed = (raw / d / name for d in self.datasets() for name in self.files(d))
        if not all(path.is_file() for path in needed):
            check_mirrors(self.content["mirror"])

    def sources(self, dataset: str) -> Map:
        """All that a download of `dataset` needs to know."""
        return {
            "dataset": dataset,
            "mirror": self.content["mirror"],
            "mirrors": self.content["datasets"][dataset].get("mirrors", []),
            "files": self.files(dataset),
        }

    def _needed_files(self, dataset: str) -> Map:
        """File entries of `dataset` by role: those that its other keys ask for."""
        definition = self.content["datasets"][dataset]
        files: Map = definition.get("files", {})
        needed = registry.constant("datasets", definition["module"], "NEEDED")
        for key, by_value in needed.items():
            roles = by_value[definition[key]]
            for role in roles:
                if role not in files:
                    raise UserError(
                        f"datasets.{dataset}.files: key '{role}' is missing, which "
                        f"{key}: {definition[key]} needs."
                    )
            files = {role: files[role] for role in roles}
        return files

    def parallel(self, dataset: str) -> bool:
        """Whether the preparation of `dataset` uses several threads."""
        module = self.content["datasets"][dataset]["module"]
        return registry.constant("datasets", module, "PARALLEL")

    def experiment_spec(self, experiment: str, name: RunName, seed: int) -> Map:
        """The complete settings of one experiment on one trained run."""
        return {
            "experiment": experiment,
            "dataset": name.dataset,
            "run": name.run,
            "seed": seed,
            "measures": self.measures(experiment, name.dataset),
            "settings": self.content["experiments"][experiment],
        }

    def figure_spec(self, figure: str, runs: list[RunName]) -> Map:
        """What one figure shows: a row per run, each with all its seeds."""
        return {"figure": figure, "rows": [self._row(run) for run in runs]}

    def claim_spec(self, name: str) -> Map:
        """A claim, its criterion, and the runs that decide it or must fail."""
        return {
            "id": name,
            **self.content["claims"][name],
            "development_seeds": self.content["development_seeds"],
            "runs": [self._row(run) for run in self.claims.runs(name)],
            "controls": [self._row(run) for run in self.claims.controls(name)],
        }

    def report_spec(self, overlays: list[str], given: Map) -> Map:
        """What the report shows.

        Args:
            overlays: the configuration files on top.
            given: single keys on top of these. Those that concern the machine and no
                result are left out.
        """
        shown = {
            name: self.figure_spec(name, self.shown(name)) for name in self.figures()
        }
        return {
            "title": self.content["title"],
            "overlays": overlays,
            "config": {k: v for k, v in given.items() if k not in MACHINE},
            "seeds": self.seeds,
            "experiments": self.content["experiments"],
            "figures": list(shown.values()),
            "claims": [self.claim_spec(name) for name in self.claims.names()],
            "runs": [self._row(run) for run in [*self.runs(), *self.classifiers()]],
            "datasets": self.datasets(),
            "explorer": bool(self.explored()),
        }

    def explorer_spec(self) -> Map:
        """What the explorer offers: the first seed of each of its runs."""
        return {
            "title": self.content["title"],
            "runs": [self._row(run) for run in self.explored()],
        }

    def _row(self, run: RunName) -> Map:
        return {
            "dataset": run.dataset,
            "dataset_title": self.content["datasets"][run.dataset]["title"],
            "run": run.run,
            "label": self.content["runs"][run.dataset][run.run]["label"],
            "seeds": self.seeds_of(run),
        }


def load(paths: list[Path]) -> Configuration:
    """Read, merge (as Snakemake does) and check configuration files.

    Raises:
        UserError: missing or unreadable file, or a wrong key in the result.
    """
    content: Map = {}
    for path in paths:
        overlay = read(path, "configuration")
        content = extended(content, overlay, ROOT)
    return Configuration(content)
