"""Train one run from its spec, or continue it where it was interrupted."""

import argparse
import platform
from pathlib import Path

from vlae.config.run_spec import RunSpec
from vlae.data import prepared, staging
from vlae.system import gpus, memory
from vlae.system.errors import UserError
from vlae.system.files import atomic, digest, write_json
from vlae.system.progress import clock, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--spec", type=Path, required=True, help="spec.json of the run")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="CARD",
        help="card.json of the prepared data; arrays and tables lie beside it",
    )
    parser.add_argument(
        "--model", type=Path, required=True, help="safetensors to write: the weights"
    )
    parser.add_argument(
        "--history", type=Path, required=True, help="Parquet to write: terms by step"
    )
    parser.add_argument(
        "--facts",
        type=Path,
        required=True,
        help="JSON to write: time, device, code",
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        required=True,
        help="folder of all checkpoints; each spec, code and data has a folder in it",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=60.0,
        help="seconds between checkpoints: the work that a kill may cost (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=3600.0,
        help="seconds to wait while another process trains the same run (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--data-memory-mb",
        type=int,
        default=4000,
        help="memory for images in MB; what exceeds it is read while training; changes "
        "no result (default: %(default)s)",
    )
    parser.add_argument(
        "--gpus",
        type=int,
        default=0,
        help="number of GPUs that the job requested, 0 or 1; with 1 it is an error if "
        "`device: auto` finds none (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train the run of a spec, and write its weights, history and facts."""
    import pandas as pd

    from vlae.training import device as devices
    from vlae.training import trainer, weights

    memory_mb = arguments.data_memory_mb
    for option in ("data_memory_mb", "checkpoint_seconds", "wait"):
        if getattr(arguments, option) < 0:
            raise UserError(
                f"--{option.replace('_', '-')}: expected 0 or more, got "
                f"{getattr(arguments, option)}."
            )
    spec = RunSpec.read(arguments.spec)
    data = staging.staged(prepared.load(prepared.of_card(arguments.data)))
    gpus.take(arguments.gpus, spec.device)
    device = devices.resolve_device(spec.device)
    identity = trainer.identity(spec, data, device)
    advice = (
        f"Lower data_memory_mb (now {memory_mb}; it changes no result) or, for this "
        f"run, training.batch_size (now {spec.training.batch_size}) or the width in "
        "network_settings; or give the job more memory. The last checkpoint, if there "
        "is one, is kept."
    )
    with memory.explained(spec.name, advice):
        result = trainer.train(
            spec,
            data,
            arguments.checkpoints / digest(identity)[:16],
            checkpoint_seconds=arguments.checkpoint_seconds,
            data_memory_mb=memory_mb,
            patience=arguments.wait,
        )
    weights.save(arguments.model, result.weights, {})
    with atomic(arguments.history) as temporary:
        pd.DataFrame(result.history).to_parquet(temporary, index=False)
    facts = {
        "seconds": result.seconds,
        "parameters": result.parameters,
        "steps": spec.training.steps,
        "device": result.device,
        "code": identity["code"],
        "data_sha256": identity["data"],
        "versions": versions(),
    }
    write_json(arguments.facts, facts)
    say(f"[{spec.name}] trained in {clock(result.seconds)} on {result.device}")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on."""
    import numpy
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
