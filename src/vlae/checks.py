"""What a configuration must hold beyond its schemas: names, networks, cross-references.

Every function raises a UserError that names the first key that is wrong.
"""

from typing import TYPE_CHECKING, Any

from vlae import registry
from vlae.errors import UserError, closest
from vlae.schemas import schema, validate
from vlae.selection import RunName, named

if TYPE_CHECKING:
    from vlae.configuration import Configuration

Map = dict[str, Any]

RUN_NEEDS = ("label", "network", "preset")

# Of files, before there is a configuration


def check_names(content: Map) -> None:
    """A misspelt run of an overlay reads like a new one that lacks almost all."""
    datasets, every = content.get("datasets"), content.get("runs")
    if not isinstance(datasets, dict) or not isinstance(every, dict):
        return  # the schema says what is wrong
    for dataset, runs in every.items():
        known(dataset, datasets, f"runs.{dataset}")
        runs = runs if isinstance(runs, dict) else {}
        whole = {name for name, run in runs.items() if not _unnamed(run)}
        for name in runs.keys() - whole:
            raise UserError(
                f"runs.{dataset}.{name}: there is no run '{name}'; "
                f"{closest(name, whole)} A new run needs {', '.join(RUN_NEEDS)}."
            )


def _unnamed(run: Any) -> bool:
    return isinstance(run, dict) and not any(key in run for key in RUN_NEEDS)


def known(name: str, there: Map, key: str) -> None:
    """Whether `name`, which `key` gives, is one of `there`."""
    if name not in there:
        raise UserError(f"{key}: there is no '{name}'; {closest(name, there)}")


def check_joined(
    content: Map, common: str, folder: str, selector: str, key: str
) -> None:
    """Check against the common schema and that of the module it selects."""
    chosen = content.get(selector)
    package = folder if folder != "networks" else "models"
    if not isinstance(chosen, str):
        raise UserError(
            f"{key}: key '{selector}' is missing or no text; expected a module of "
            f"src/vlae/{package}/."
        )
    registry.check(package, chosen, f"{key}.{selector}")
    validate(content, common, key, also=schema(f"{folder}/{chosen}"))


def check_network(name: str, network: Map, key: str | None = None) -> None:
    """Keys, lists and shapes of a network, by the plan of its model."""
    key = key or f"networks.{name}"
    check_joined(network, "network", "networks", "model", key)
    plans = registry.load("networks", network["model"])
    plans.plan(network, tuple(network["input"]), key)


def check_complete(content: Map, described: Map, key: str) -> None:
    """Every setting has a value: defaults stand in config.yaml, nowhere else."""
    for name, part in described["properties"].items():
        if name not in content:
            raise UserError(f"{key}: '{name}' has no value; give it one in defaults.")
        if "properties" in part and "schedule" not in part["properties"]:
            check_complete(content[name], part, f"{key}.{name}")


# Of one part with another


def check_judge(configuration: "Configuration", dataset: str) -> None:
    key = f"datasets.{dataset}.judge"
    definition = configuration.content["datasets"][dataset]
    judge = definition["judge"]
    if judge is None:
        return
    known(judge, configuration.content["runs"].get(dataset, {}), key)
    if configuration.model(RunName(dataset, judge)) != "classifier":
        raise UserError(
            f"{key}: '{judge}' is no classifier; expected a run whose network has "
            "'model: classifier'."
        )
    if not definition["classes"] and not definition["attributes"]:
        raise UserError(
            f"{key}: '{judge}' has nothing to learn, as the data set has neither "
            "'classes' nor 'attributes'; set judge: null, or say what they are."
        )


def check_measures(configuration: "Configuration", dataset: str) -> None:
    key = f"datasets.{dataset}.measures"
    definition = configuration.content["datasets"][dataset]
    shape = definition["shape"]
    for name in definition["measures"]:
        registry.check("measures", name, key)
        channels = registry.constant("measures", name, "CHANNELS", shape[:1])
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
    check_joined(claim, "claim", "claims", "module", key)
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
    models = registry.constant("experiments", experiment, "MODELS", None)
    model = configuration.model(run)
    dataset = configuration.content["datasets"][run.dataset]
    wish = registry.constant("experiments", experiment, "JUDGED", None)
    if wish == "any" and not dataset["judge"]:
        raise UserError(
            f"{key}: {run}: the experiment '{experiment}' needs a classifier, of "
            f"classes or of attributes, and datasets.{run.dataset} has no 'judge'. "
            "Show other runs there."
        )
    if wish == "required" and not (dataset["judge"] and dataset["classes"]):
        raise UserError(
            f"{key}: {run}: the experiment '{experiment}' needs a classifier of "
            f"classes, and datasets.{run.dataset} has no 'judge' or no 'classes'. "
            "Show other runs there."
        )
    if models is not None and model not in models:
        raise UserError(
            f"{key}: {run} is a {model}, but the experiment '{experiment}' needs "
            f"{' or '.join(models)}. Show other runs there."
        )
    network = configuration.run_spec(run, seed=0)["network"]
    fixes = registry.constant("experiments", experiment, "FIXES_LAYERS", False)
    if fixes and network["batch_norm"] == "batch":
        raise UserError(
            f"{key}: {run} samples with batch statistics (batch_norm: batch). The "
            f"experiment '{experiment}' cannot: layers that are equal in a whole "
            "batch are normalised away. Set batch_norm: moving or none."
        )
