"""Run one experiment on a trained run."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlae.config.experiment_spec import ExperimentSpec
from vlae.config.run_spec import RunFiles, RunSpec
from vlae.data import prepared
from vlae.system import gpus, memory, registry
from vlae.system.errors import UserError
from vlae.system.files import atomic
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--spec", type=Path, required=True, help="experiment spec")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="model.safetensors of the run; its spec.json lies beside it",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="CARD",
        help="card.json of the prepared data; arrays and tables lie beside it",
    )
    parser.add_argument(
        "--classifier",
        type=Path,
        nargs="?",
        metavar="MODEL",
        help="model.safetensors of the classifier's run, if it is asked",
    )
    parser.add_argument(
        "--tables",
        type=Path,
        nargs="+",
        required=True,
        metavar="TABLE",
        help="Parquet files to write, named as the experiment's tables",
    )
    parser.add_argument("--arrays", type=Path, required=True, help="npz to write")
    parser.add_argument(
        "--gpus",
        type=int,
        default=0,
        help="number of GPUs that the job requested, 0 or 1 (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment of a spec, and write its tables and arrays."""
    import numpy as np

    from vlae.experiments.base import Context
    from vlae.training import device, trained_run

    spec = ExperimentSpec.read(arguments.spec)
    module = registry.load("experiments", spec.experiment)
    files = RunFiles.of_weights(arguments.model)
    run_spec = RunSpec.read(files.spec)
    gpus.take(arguments.gpus, run_spec.device)
    with memory.explained(spec.experiment, _advice(spec)):
        device.set_up(run_spec)
        classifier = (
            trained_run.load_classifier(
                RunFiles.of_weights(arguments.classifier).folder
            )
            if arguments.classifier
            else None
        )
        trained = trained_run.load(files.folder)
        data = prepared.load(prepared.of_card(arguments.data))
        context = Context(spec, trained, data, classifier)
        result = module.run(context)
    identity = {"dataset": spec.dataset, "run": spec.run, "seed": spec.seed}
    tables = result.named(spec.experiment)
    wanted = {path.stem: path for path in arguments.tables}
    if tables.keys() != wanted.keys():
        raise UserError(
            f"experiment {spec.experiment}: made the tables {', '.join(tables)}; "
            f"expected {', '.join(wanted)}. Name its tables in TABLES of its module."
        )
    for name, table in tables.items():
        with atomic(wanted[name]) as temporary:
            whole = table.assign(**identity)[[*identity, *table.columns]]
            whole.to_parquet(temporary, index=False)
    with atomic(arguments.arrays) as temporary:
        np.savez_compressed(temporary, **result.arrays)
    run_name = "/".join(str(value) for value in identity.values())
    say(f"[{run_name}] experiment {spec.experiment} done")


def _counts(settings: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the keys and values of whole numbers; keys of inner maps after a dot."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", n) for inner, n in _counts(value))
        elif isinstance(value, int):
            yield key, value


def _advice(spec: ExperimentSpec) -> str:
    """Return what to do about too little memory: lower the settings that are counts."""
    counts = [f"{key} (now {value})" for key, value in _counts(spec.settings)]
    some = f"Lower {', '.join(counts)} in experiments.{spec.experiment}, or the"
    return (
        f"{some if counts else 'Lower the'} width of the network; or give the job more "
        "memory. Nothing half-written is left."
    )
