"""Print the complete settings of one training, as its spec.json has them."""

import argparse
import json
from pathlib import Path

from vlae.config import configuration
from vlae.config.selection import RunName
from vlae.system.errors import UserError
from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run", metavar="RUN", help="DATASET/RUN, such as mnist/vlae")
    parser.add_argument("seed", metavar="SEED", type=int, help="seed of the training")
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="overlays on top of config/, as Snakemake takes them; later ones win",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the spec as JSON, whether the run has been trained or not.

    Raises:
        UserError: if the configuration is wrong or has no such run, or if the seed is
            negative; also if there is no repository around the package.
    """
    if arguments.seed < 0:
        raise UserError(f"SEED: expected 0 or more, got {arguments.seed}.")
    dataset, slash, run = arguments.run.partition("/")
    if not slash:
        raise UserError(
            f"RUN: expected DATASET/RUN, such as mnist/vlae, got '{arguments.run}'."
        )
    specs = configuration.load(arguments.configfile).specs
    spec = specs.run_spec(RunName(dataset, run), arguments.seed).as_dict()
    say(json.dumps(spec, indent=2, sort_keys=True))
