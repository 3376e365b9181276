"""Join the verdicts of all claims in one table."""

import argparse
from pathlib import Path

from vlae.system.files import atomic
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vlae verdicts`."""
    parser.add_argument(
        "--verdicts",
        type=Path,
        nargs="*",
        required=True,
        help="verdicts of single claims, as Parquet",
    )
    parser.add_argument("--out", type=Path, required=True, help="Parquet to write")


def run(arguments: argparse.Namespace) -> None:
    """Write the table of all verdicts; it is empty if there are no claims."""
    import pandas as pd

    from vlae.claims.verdicts import VERDICT_COLUMNS
    from vlae.results.run_results import read_table

    tables = [read_table(path) for path in arguments.verdicts]
    empty = pd.DataFrame(columns=VERDICT_COLUMNS)
    table = pd.concat(tables, ignore_index=True) if tables else empty
    with atomic(arguments.out) as temporary:
        table.to_parquet(temporary, index=False)
    for verdict, count in table["verdict"].value_counts().items():
        say(f"[verdicts] {verdict}: {count}")
