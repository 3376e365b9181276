"""Columns of tables: what docs/tables.md lists, and what a results folder has."""

import re
from pathlib import Path

import pyarrow.parquet

from vlae.system.checkout import ROOT

PAGE = ROOT / "docs" / "tables.md"
SHARED = "In every table of an experiment"
"""Heading of the columns that all tables of experiments begin with."""
EXPERIMENTS = "experiments/*/*/*/*.parquet"
OTHERS = {
    "runs/*/*/*/history.parquet": "history",
    "tables/claims.parquet": "claims",
    "claims/*.verdicts.parquet": "claims",
    "claims/*.findings.parquet": "findings",
}
"""Files in a results folder, and the name of their table on the page."""


def listed(page: str) -> dict[str, set[str]]:
    """Return the columns that a page lists, by the name of their section.

    The name is the first word in backticks of the heading, or else the heading. A
    column is a word in backticks in the first cell of a row.
    """
    found = {}
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        name = re.search(r"`(\w+)`", heading)
        cells = re.findall(r"^\| (`[^|]*)\|", text, re.MULTILINE)
        columns = set(re.findall(r"`(\w+)`", " ".join(cells)))
        found[name[1] if name else heading] = columns
    return found


def written(results: Path) -> dict[Path, str]:
    """Return the files of a results folder that hold tables, with their names."""
    found = {path: path.stem for path in sorted(results.glob(EXPERIMENTS))}
    for pattern, name in OTHERS.items():
        found |= dict.fromkeys(sorted(results.glob(pattern)), name)
    return found


def differences(page: str, results: Path) -> list[str]:
    """Return each column that only the page or only a file has, in words."""
    known, found = listed(page), []
    for path, name in written(results).items():
        file = path.relative_to(results)
        if name not in known:
            found.append(f"{file}: the page has no section `{name}`")
            continue
        columns = set(pyarrow.parquet.read_schema(path).names)
        expected = known[name]
        if path.match(EXPERIMENTS):
            expected = expected | known[SHARED]
        found += [f"{file}: `{c}` is not on the page" for c in columns - expected]
        found += [f"{file}: `{c}` is not in the file" for c in expected - columns]
    return sorted(found)
