"""Join the results of a sweep in one table, and draw its figure."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import SweepSpec
from vlae.system.files import atomic
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec",
        type=Path,
        required=True,
        help="sweep spec, in the results folder that is read",
    )
    parser.add_argument("--table", type=Path, required=True, help="Parquet to write")
    parser.add_argument("--out", type=Path, required=True, help="svg to write; png too")


def run(arguments: argparse.Namespace) -> None:
    """Write the table of a sweep, and its figure."""
    from vlae.figures import plotting, sweep
    from vlae.results.sweep_table import sweep_table

    spec = SweepSpec.read(arguments.spec)
    results = ResultsFolder.holding(
        arguments.spec, lambda folder: folder.sweep(spec.name).spec
    )
    table = sweep_table(spec, results)
    with atomic(arguments.table) as temporary:
        table.to_parquet(temporary, index=False)
    with plotting.style():
        plotting.save(sweep.picture(spec, sweep.decisions(spec, table)), arguments.out)
    say(f"[{spec.name}] {arguments.table}, {arguments.out} and png")
