"""Decide one claim of the paper from the tables of experiments."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec
from vlae.system import registry
from vlae.system.files import atomic
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vlae claim`."""
    parser.add_argument(
        "--spec",
        type=Path,
        required=True,
        help="claim spec, in the results folder that is read",
    )
    parser.add_argument(
        "--findings",
        type=Path,
        required=True,
        help="Parquet to write: one row per seed",
    )
    parser.add_argument(
        "--verdicts",
        type=Path,
        required=True,
        help="Parquet to write: one row per part and run",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the findings and verdicts of a claim."""
    from vlae.claims.base import Claim
    from vlae.claims.verdicts import findings_table, verdicts_table

    spec = ClaimSpec.read(arguments.spec)
    results = ResultsFolder.holding(
        arguments.spec, lambda folder: folder.claim(spec.id).spec
    )
    claim = Claim(spec, results)
    findings = registry.load("claims", claim.spec.kind).findings(claim)
    verdicts = verdicts_table(claim, findings)
    for path, table in (
        (arguments.findings, findings_table(claim, findings)),
        (arguments.verdicts, verdicts),
    ):
        with atomic(path) as temporary:
            table.to_parquet(temporary, index=False)
    columns = ["part", "label", "verdict", "passed", "controls"]
    for part, label, verdict, passed, controls in verdicts[columns].to_numpy():
        against = f"; controls: {controls}" if controls else ""
        counts = f" (passed: {passed}{against})" if passed else ""
        say(f"[{claim.spec.id}] {label}: {part}: {verdict}{counts}")
