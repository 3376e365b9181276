"""Draw one figure from the tables and arrays of experiments."""

import argparse
from pathlib import Path

from vlae.system import registry
from vlae.system.files import read_json
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", type=Path, required=True, help="figure spec")
    parser.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    parser.add_argument(
        "--experiments", type=Path, required=True, help="folder of all experiments"
    )
    parser.add_argument("--out", type=Path, required=True, help="svg to write; png too")


def run(arguments: argparse.Namespace) -> None:
    from vlae.figures import plotting

    spec = read_json(arguments.spec, "figure spec")
    rows = [
        plotting.Row(row, arguments.runs, arguments.experiments) for row in spec["rows"]
    ]
    with plotting.style():
        figure = registry.load("figures", spec["figure"]).draw(rows)
        plotting.save(figure, arguments.out)
    say(f"[{spec['figure']}] {arguments.out} and png")
