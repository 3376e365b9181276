"""Draw one figure from the tables and arrays of experiments."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import FigureSpec
from vlae.system import registry
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec",
        type=Path,
        required=True,
        help="figure spec, in the results folder that is read",
    )
    parser.add_argument("--out", type=Path, required=True, help="svg to write; png too")


def run(arguments: argparse.Namespace) -> None:
    """Draw the figure of a spec."""
    from vlae.figures import plotting
    from vlae.results.run_results import RunResults

    spec = FigureSpec.read(arguments.spec)
    results = ResultsFolder.holding(
        arguments.spec, lambda folder: folder.figure(spec.figure).spec
    )
    runs = [RunResults(row, results) for row in spec.rows]
    with plotting.style():
        figure = registry.load("figures", spec.figure).draw(runs)
        plotting.save(figure, arguments.out)
    say(f"[{spec.figure}] {arguments.out} and png")
