"""The checked configuration, and the functions that rules call.

Every question about the configuration is answered by vlae.config.configuration, which is
tested without Snakemake; here are only file names and hashes of code.
"""

import json
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
# Every job finds the package here, whatever environment it runs in.
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(ROOT / 'src'))}; ")

from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import Quietness

from vlae.config.configuration import Configuration
from vlae.config.overlays import extended
from vlae.config.selection import RunName
from vlae.data.download import unverified
from vlae.system import snakemake_state
from vlae.system.code_hash import code_hash, training_code
from vlae.system.errors import UserError

try:
    CONFIGURATION = Configuration(
        extended(config, workflow.config_settings.overwrite_config, ROOT)
    )
    if workflow.is_main_process:
        CONFIGURATION.check_mirrors(Path("results/raw"))
except UserError as error:
    raise WorkflowError(str(error)) from None

# Snakemake's own message about a lock cannot tell whose it is.
LOCK = snakemake_state.found(Path())
if LOCK is not None and LOCK.stale:
    print(
        f"The lock of {LOCK.since} here is of a Snakemake that is gone (as far as this "
        "machine can see). If it stops the call: make unlock (or snakemake --unlock).",
        file=sys.stderr,
    )

# Not once more in every job of a cluster.
UNRECORDED = snakemake_state.unrecorded(Path()) if workflow.is_main_process else ""
if UNRECORDED:
    print(UNRECORDED, file=sys.stderr)


DATASETS = list(CONFIGURATION.content["datasets"])
RUNS = sorted({run for runs in CONFIGURATION.content["runs"].values() for run in runs})


wildcard_constraints:
    dataset="|".join(DATASETS),
    run="|".join(RUNS),
    seed=r"\d+",
    experiment="|".join(CONFIGURATION.content["experiments"]),
    figure="|".join(CONFIGURATION.content["figures"]),
    claim="|".join(CONFIGURATION.content["claims"]),


def text(content):
    """A spec as the text of its file."""
    return json.dumps(content, indent=2, sort_keys=True)


def name_of(wildcards):
    return RunName(wildcards.dataset, wildcards.run)


def run_spec(wildcards):
    return text(CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed)))


def data_spec(wildcards):
    return text(CONFIGURATION.data_spec(wildcards.dataset))


def sources(wildcards):
    return text(CONFIGURATION.sources(wildcards.dataset))


def experiment_spec(wildcards):
    return text(
        CONFIGURATION.experiment_spec(
            wildcards.experiment, name_of(wildcards), int(wildcards.seed)
        )
    )


def figure_spec(wildcards):
    shown = CONFIGURATION.shown(wildcards.figure)
    return text(CONFIGURATION.figure_spec(wildcards.figure, shown))


def claim_spec(wildcards):
    return text(CONFIGURATION.claim_spec(wildcards.claim))


def overview_spec(wildcards):
    return text(CONFIGURATION.figure_spec("overview", [name_of(wildcards)]))


def report_spec(wildcards):
    given = workflow.config_settings.config
    return text(CONFIGURATION.report_spec(overlays(), given))


def explorer_spec(wildcards):
    return text(CONFIGURATION.explorer_spec())


def overlays():
    """Configuration files given on the command line, as the user would name them."""
    return [os.path.relpath(path) for path in workflow.config_settings.configfiles]


def raw_files(wildcards):
    """What must be downloaded before a data set can be prepared; maybe nothing."""
    files = CONFIGURATION.files(wildcards.dataset)
    return [f"results/raw/{wildcards.dataset}/{name}" for name in files]


def expected(wildcards):
    """What a raw file must be: its checksum, or what comes from an unchanged source."""
    dataset, name = wildcards.dataset, wildcards.file
    about = CONFIGURATION.sources(dataset)
    file = about["files"][name]
    if file["checksum"]:
        return file["checksum"]
    if not workflow.is_main_process:  # nothing is fetched there, nor all disks seen
        return None
    out = Path("results", "raw", dataset, name)
    where = unverified.description(dataset, file, about["mirrors"], about["mirror"], out)
    return text(where)


def dataset_code(wildcards):
    kind = CONFIGURATION.content["datasets"][wildcards.dataset]["module"]
    return code_hash("commands.prepare", f"data.datasets.{kind}")


def train_code(wildcards):
    return training_code(CONFIGURATION.model(name_of(wildcards)))


def experiment_code(wildcards):
    models = {CONFIGURATION.model(name_of(wildcards))}
    if CONFIGURATION.asks_classifier(wildcards.experiment, wildcards.dataset):
        models.add("classifier")
    parts = [f"{part}.{model}" for model in models for part in ("models", "networks")]
    chosen = CONFIGURATION.measures(wildcards.experiment, wildcards.dataset)
    parts += [f"experiments.measures.{name}" for name in chosen]
    experiment = f"experiments.{wildcards.experiment}"
    return code_hash("commands.experiment", experiment, *parts)


def figure_code(wildcards):
    figure = wildcards.get("figure", "overview")
    return code_hash("commands.figure", f"figures.{figure}")


def run_folder(name, seed):
    return f"results/runs/{name}/{seed}"


def classifier_files(wildcards):
    """Spec and weights of the classifier, for the experiments that ask it."""
    if not CONFIGURATION.asks_classifier(wildcards.experiment, wildcards.dataset):
        return []
    name, seed = CONFIGURATION.classifier(wildcards.dataset)
    folder = run_folder(name, seed)
    return [f"{folder}/spec.json", f"{folder}/model.safetensors"]


def classifier_option(wildcards, input):
    return f"--classifier {Path(input.classifier[0]).parent}" if input.classifier else ""


def experiment_files(experiments, names):
    return [
        f"results/experiments/{name}/{seed}/{experiment}.{ending}"
        for name in names
        for seed in CONFIGURATION.seeds
        for experiment in experiments
        for ending in ("parquet", "npz")
    ]


def figure_inputs(wildcards):
    figure = wildcards.figure
    return experiment_files(CONFIGURATION.needs(figure), CONFIGURATION.shown(figure))


def claim_code(wildcards):
    kind = CONFIGURATION.content["claims"][wildcards.claim]["kind"]
    return code_hash("commands.claim", f"claims.{kind}")


def verdicts_code(wildcards):
    return code_hash("commands.verdicts")


def claim_inputs(wildcards):
    claims, name = CONFIGURATION.claims, wildcards.claim
    tables = experiment_files(claims.needs(name), claims.read(name))
    facts = [
        f"{run_folder(run, seed)}/{file}"
        for run in claims.read(name)
        for seed in CONFIGURATION.seeds
        for file in ("training.json", "history.parquet")
    ]
    return [file for file in tables if file.endswith(".parquet")] + facts


def claim_files(kind):
    names = CONFIGURATION.claims.names()
    return [f"results/claims/{name}.{kind}.parquet" for name in names]


def all_verdicts(wildcards):
    return claim_files("verdicts")


def history_files(name):
    return [
        f"{run_folder(name, seed)}/history.parquet"
        for seed in CONFIGURATION.seeds_of(name)
    ]


def overview_inputs(wildcards):
    name = name_of(wildcards)
    samples = experiment_files(CONFIGURATION.needs("overview"), [name])
    return history_files(name) + ([] if name in CONFIGURATION.classifiers() else samples)


def all_runs():
    """Every run of the report: those of figures and claims, and their classifiers."""
    return CONFIGURATION.runs() + CONFIGURATION.classifiers()


def all_figures(wildcards):
    overviews = [f"results/figures/runs/{name}.svg" for name in all_runs()]
    return [
        f"results/figures/{name}.svg" for name in CONFIGURATION.figures()
    ] + overviews


def sources_of(*folders):
    """Every file below `folders`, for rules that read more than results."""
    found = [path for folder in folders for path in Path(folder).rglob("*")]
    return sorted(str(path) for path in found if path.is_file())


def export_code(wildcards):
    model = CONFIGURATION.model(name_of(wildcards))
    return code_hash("commands.export", f"models.{model}", f"networks.{model}")


def explorer_code(wildcards):
    return code_hash("commands.explorer")


def decoders(wildcards):
    return [
        f"results/explorer/{name}/{CONFIGURATION.seeds_of(name)[0]}/decoder.{ending}"
        for name in CONFIGURATION.explored()
        for ending in ("onnx", "json")
    ]


def explorer_page(wildcards):
    return ["results/explorer.html"] if CONFIGURATION.explored() else []


def report_code(wildcards):
    figures = [f"figures.{figure}" for figure in CONFIGURATION.figures()]
    return code_hash("commands.report", *figures)


def report_inputs(wildcards):
    tables = [
        file
        for figure in CONFIGURATION.figures()
        for file in experiment_files(
            CONFIGURATION.needs(figure), CONFIGURATION.shown(figure)
        )
    ]
    tables += experiment_files(CONFIGURATION.needs("overview"), CONFIGURATION.runs())
    runs = [
        f"{run_folder(name, seed)}/{file}"
        for name in all_runs()
        for seed in CONFIGURATION.seeds_of(name)
        for file in ("spec.json", "training.json", "history.parquet")
    ]
    cards = [
        f"results/data/{dataset}/card.json" for dataset in CONFIGURATION.datasets()
    ]
    claims = ["results/tables/claims.parquet", *claim_files("findings")]
    tables = list(dict.fromkeys(tables))
    return all_figures(wildcards) + claims + tables + runs + cards
