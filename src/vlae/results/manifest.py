"""Whether a results folder is still what its report was written from.

A run that was cut off leaves new numbers beside the report of the old ones.
"""

from pathlib import Path
from typing import Any

from vlae.results.inventory import FACTS, PROVENANCE
from vlae.system.errors import UserError
from vlae.system.files import read_json, sha256

Map = dict[str, Any]
NAMED = 2
"""Files that a message names; of more it says the count."""
CLAIM = ("spec.json", "findings.parquet", "verdicts.parquet")
"""Endings of a claim's files."""


def stamp(spec: Map, results: Path) -> dict[str, str]:
    """Hashes of the specs and tables that a report is written from, by path.

    What an earlier configuration left beside them is not the report's.

    Args:
        spec: of the report, see `Configuration.report_spec`.
    """
    found = [results / "report.spec.json"]
    if spec["claims"]:
        found.append(results / "tables" / "claims.parquet")
    for claim in spec["claims"]:
        found += [results / "claims" / f"{claim['id']}.{end}" for end in CLAIM]
    for row in spec["runs"]:
        for seed in row["seeds"]:
            place = Path(row["dataset"], row["run"], str(seed))
            run = results / "runs" / place
            found += [run / name for name in ("spec.json", *FACTS)]
            folder = results / "experiments" / place
            found += [folder / f"{name}.parquet" for name in spec["experiments"]]
    files = sorted(path for path in found if path.is_file())
    return {str(path.relative_to(results)): sha256(path)[:16] for path in files}


def changed(results: Path) -> list[str]:
    """Files that are gone or other ones than when the report was written."""
    path = results / PROVENANCE
    files = read_json(path, "provenance").get("files", {}) if path.is_file() else {}
    return [
        name
        for name, expected in files.items()
        if not (results / name).is_file() or sha256(results / name)[:16] != expected
    ]


def demand(results: Path) -> None:
    """Refuse results that changed since their report.

    Raises:
        UserError: if they did.
    """
    names = changed(results)
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        raise UserError(
            f"{results}: changed since report.html was written from it "
            f"({', '.join(names[:NAMED])}{more}), as when a run was cut off. Run the "
            "same snakemake command again to its end, then this."
        )
