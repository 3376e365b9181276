"""What a configuration must hold beyond its schemas: names, networks, cross-references.

Every function raises a UserError that names the first key that is wrong.
"""

from typing import TYPE_CHECKING, Any

from vlae.config.selection import RunName, named
from vlae.system import registry
from vlae.system.errors import UserError

if TYPE_CHECKING:
    from vlae.config.configuration import Configuration

from vlae.config.validation import check_joined, known

Map = dict[str, Any]


# Of one part with another


def check_classifier(configuration: "Configuration", dataset: str) -> None:
    key = f"datasets.{dataset}.classifier"
    definition = configuration.content["datasets"][dataset]
    classifier = definition["classifier"]
    if classifier is None:
        return
    known(classifier, configuration.content["runs"].get(dataset, {}), key)
    if configuration.model(RunName(dataset, classifier)) != "classifier":
        raise UserError(
            f"{key}: '{classifier}' is no classifier; expected a run whose network has "
            "'model: classifier'."
        )
    if not definition["classes"] and not definition["attributes"]:
        raise UserError(
            f"{key}: '{classifier}' has nothing to learn, as the data set has neither "
            "'classes' nor 'attributes'; set classifier: null, or say what they are."
        )


def check_measures(configuration: "Configuration", dataset: str) -> None:
    key = f"datasets.{dataset}.measures"
    definition = configuration.content["datasets"][dataset]
    shape = definition["shape"]
    for name in definition["measures"]:
        registry.check("measures", name, key)
        channels = registry.constant("measures", name, "CHANNELS") or shape[:1]
        if shape[0] not in channels:
            raise UserError(
                f"{key}: '{name}' measures images of {channels[0]} channel, but "
                f"'{dataset}' has shape {shape}. Choose other measures."
            )


def check_figure(configuration: "Configuration", name: str) -> None:
    key = f"figures.{name}"
    registry.check("figures", name, key)
    check_runs(configuration, configuration.shown(name), configuration.needs(name), key)


def check_explorer(configuration: "Configuration") -> None:
    runs = named(configuration.content["explorer"])
    check_runs(configuration, runs, [], "explorer")
    for run in runs:
        if configuration.run_spec(run, seed=0)["network"]["batch_norm"] == "batch":
            raise UserError(
                f"explorer: {run} samples with batch statistics (batch_norm: "
                "batch), of which one image makes no sense. Take it from the "
                "list, or set batch_norm: moving or none."
            )


def check_claim(configuration: "Configuration", name: str) -> None:
    key, claim = f"claims.{name}", configuration.content["claims"][name]
    check_joined(claim, "claim", "claims", "kind", key)
    figure = claim["figure"]
    if figure is not None:
        known(figure, configuration.content["figures"], f"{key}.figure")
    elif claim["runs"] is None:
        raise UserError(f"{key}.runs: null, but no 'figure' shows any; list them.")
    needed, runs = configuration.claims.needs(name), configuration.claims.runs(name)
    check_runs(configuration, runs, needed, f"{key}.runs")
    for run in runs if figure is not None else []:
        if run not in configuration.shown(figure):
            raise UserError(
                f"{key}.runs: {run} is not shown in the claim's {figure}. Add "
                f"it to figures.{figure}, or take it away here."
            )
    key = f"{key}.controls"
    check_runs(configuration, named(claim["controls"]), [], key)
    check_runs(configuration, configuration.claims.controls(name), needed, key)


def check_runs(
    configuration: "Configuration", runs: list[RunName], needed: list[str], key: str
) -> None:
    """Whether `runs` are generative, and the experiments `needed` take them."""
    for experiment in needed:
        known(experiment, configuration.content["experiments"], "experiments")
    for run in runs:
        known(run.dataset, configuration.content["runs"], key)
        known(run.run, configuration.content["runs"][run.dataset], f"{key}: {run}")
        if configuration.model(run) == "classifier":
            raise UserError(
                f"{key}: {run} is a classifier; expected runs of a generative model."
            )
        for experiment in needed:
            check_experiment(configuration, experiment, run, key)


def check_experiment(
    configuration: "Configuration", experiment: str, run: RunName, key: str
) -> None:
    """Whether the model and network of `run` allow `experiment`."""
    models = registry.constant("experiments", experiment, "MODELS")
    model = configuration.model(run)
    dataset = configuration.content["datasets"][run.dataset]
    wish = registry.constant("experiments", experiment, "CLASSIFIER")
    if wish == "any" and not dataset["classifier"]:
        raise UserError(
            f"{key}: {run}: the experiment '{experiment}' needs a classifier, of "
            f"classes or of attributes, and datasets.{run.dataset} has no 'classifier'. "
            "Show other runs there."
        )
    if wish == "required" and not (dataset["classifier"] and dataset["classes"]):
        raise UserError(
            f"{key}: {run}: the experiment '{experiment}' needs a classifier of "
            f"classes, and datasets.{run.dataset} has no 'classifier' or no 'classes'. "
            "Show other runs there."
        )
    if models is not None and model not in models:
        raise UserError(
            f"{key}: {run} is a {model}, but the experiment '{experiment}' needs "
            f"{' or '.join(models)}. Show other runs there."
        )
    network = configuration.run_spec(run, seed=0)["network"]
    fixes = registry.constant("experiments", experiment, "FIXES_LAYERS")
    if fixes and network["batch_norm"] == "batch":
        raise UserError(
            f"{key}: {run} samples with batch statistics (batch_norm: batch). The "
            f"experiment '{experiment}' cannot: layers that are equal in a whole "
            "batch are normalised away. Set batch_norm: moving or none."
        )
