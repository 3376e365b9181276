"""The verdicts as the report shows them, and whether their criteria were changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from vlae.claim import reasons
from vlae.evidence import claim_files, meaning, sureness
from vlae.git import git
from vlae.results import read_table
from vlae.verdicts import Outcome, Verdict
from vlae.words import number

FILE = "config/claims.yaml"
UNDECIDED = (Verdict.SHOWN, Verdict.NOT_MEASURED)
Map = dict[str, Any]


@dataclass(frozen=True)
class Criteria:
    """Where the criteria come from, in words, and which are not the committed ones."""

    source: str
    changed: list[str]
    """Claims whose module or criterion is not that of the last commit."""


def claims(spec: Map, results: Path) -> list[Map]:
    """What the report shows of every claim: verdicts, criterion, findings, evidence.

    Args:
        spec: see `Configuration.report_spec`.
        results: the results folder.
    """
    if not spec["claims"]:
        return []
    drawn = {figure["figure"] for figure in spec["figures"]}
    verdicts = read_table(results / "tables" / "claims.parquet")
    found = []
    for claim in spec["claims"]:
        name = claim["id"]
        own = verdicts[verdicts["id"] == name]
        findings = read_table(results / "claims" / f"{name}.findings.parquet")
        rows = [_verdict(row) for row in own.to_dict("records")]
        kinds = {row["verdict"] for row in rows}
        found.append(
            {
                "name": name,
                "statement": claim["statement"],
                "place": claim["place"],
                "figure": claim["figure"] if claim["figure"] in drawn else None,
                "verdicts": rows,
                **_summary(rows),
                "so_far": _so_far(findings) if Verdict.TOO_FEW_SEEDS in kinds else "",
                "criterion": own["criterion"].iloc[0],
                "reasons": reasons(claim["criterion"]),
                "findings": _findings(findings),
                "meaning": meaning(rows),
                "sureness": sureness(claim["runs"], rows, claim["development_seeds"]),
                "files": claim_files(claim),
                "target": f"results/claims/{name}.verdicts.parquet",
            }
        )
    return found


def criteria(claims: list[Map]) -> Criteria:
    """Of which commit the criteria of claim specs are, by the git of this folder."""
    history = git("log", "--format=%h of %cs", "--", FILE).splitlines()
    if not history:
        return Criteria("in no commit that git knows of here", [])
    times = "" if len(history) == 1 else f", change {len(history) - 1} of the file"
    source = f"of commit {history[0]}{times}"
    if git("status", "--porcelain", "--", FILE):
        source += "; the file has uncommitted changes"
    committed = yaml.safe_load(git("show", f"HEAD:./{FILE}")) or {}
    known = committed.get("claims", {})
    changed = [c["id"] for c in claims if _deciding(c) != _deciding(known.get(c["id"]))]
    return Criteria(source, changed)


def _deciding(claim: Map | None) -> tuple[Any, Any] | None:
    return None if claim is None else (claim["module"], claim["criterion"])


def _verdict(row: Map) -> Map:
    return {
        **{key: row[key] for key in ("part", "label", "verdict", "reason", "seeds")},
        "number": _interval(row),
        "kind": _kind(row["verdict"]),
    }


def _summary(rows: list[Map]) -> Map:
    """One line for a claim: its verdicts counted; the number if one test decides."""
    verdicts = [row["verdict"] for row in rows]
    tally = [
        {"verdict": v, "kind": _kind(v), "count": verdicts.count(v)}
        for v in map(str, Verdict)
        if v in verdicts
    ]
    deciding = [row for row in rows if row["verdict"] not in UNDECIDED]
    seeds = dict.fromkeys(row["seeds"] for row in deciding or rows)
    return {
        "tally": tally,
        "number": deciding[0]["number"] if len(deciding) == 1 else "",
        "seeds": "; ".join(seeds),
    }


def _so_far(findings: pd.DataFrame) -> str:
    """How the tests of single seeds ended, where seeds are too few for a verdict."""
    tested = findings[~findings["control"] & (findings["shown_only"] == "")]
    found = tested["outcome"].value_counts()
    words = [
        (o, found.get(o, 0)) for o in (Outcome.PASSES, Outcome.FAILS, Outcome.OPEN)
    ]
    return ", ".join(f"{outcome} {count}" for outcome, count in words if count)


def _kind(verdict: str) -> str:
    """The class of a verdict in the style sheet."""
    return verdict.replace(" ", "-")


def _interval(row: Map) -> str:
    """'.71 (.68–.75)', '.71', or nothing."""
    if pd.isna(row["number"]):
        return ""
    if pd.isna(row["low"]) or row["low"] == row["high"]:
        return number(row["number"])
    return f"{number(row['number'])} ({number(row['low'])}–{number(row['high'])})"


def _findings(table: pd.DataFrame) -> pd.DataFrame:
    """Seed by seed, controls last, as text."""
    remarks = table[["note", "veto", "invalid", "shown_only"]].agg(
        lambda row: "; ".join(filter(None, row)), axis=1
    )
    return pd.DataFrame(
        {
            "part": table["part"],
            "run": table["label"]
            + table["control"].map({True: " (control)", False: ""}),
            "seed": table["seed"].astype(str)
            + table["counts"].map({True: "", False: " (used while developing)"}),
            "the test": table["outcome"],
            "number": [_interval(row) for row in table.to_dict("records")],
            "found": remarks,
        }
    )
