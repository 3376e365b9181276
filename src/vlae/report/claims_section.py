"""The verdicts as the report shows them, and whether their criteria were changed."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vlae.claims.base import reasons
from vlae.claims.verdicts import MIN_SEEDS, Verdict
from vlae.report.evidence import DECIDES_NOTHING, Map, claim_files, sureness
from vlae.results.run_results import read_table
from vlae.results.text import number
from vlae.statistics.thresholds import Outcome

ALONE = {
    Verdict.SUPPORTED: "These runs show what the paper says: every test that decides "
    "passes in every seed.",
    Verdict.NOT_SUPPORTED: "These runs do not show what the paper says: every test "
    "that decides fails in every seed. Either it does not hold for these networks and "
    "budgets, or the criterion asks for more than the paper means.",
    Verdict.INCONCLUSIVE: "Undecided: seeds disagree, or their intervals reach across "
    "the threshold.",
    Verdict.TOO_FEW_SEEDS: f"Nothing is concluded: a verdict needs {MIN_SEEDS} seeds "
    "that were not used while developing.",
    Verdict.NOT_MEASURED: "Nothing is concluded: what the test needs could not be "
    "measured.",
    Verdict.SHOWN: "Nothing is concluded: the numbers are shown, and no test decides.",
}
"""Of verdicts that are all the same, but for those that decide nothing."""
TOGETHER = {
    Verdict.SUPPORTED: "supported (all seeds pass)",
    Verdict.NOT_SUPPORTED: "not supported (all seeds fail)",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.TOO_FEW_SEEDS: "without a verdict for want of seeds",
    Verdict.NOT_MEASURED: "not measured",
    Verdict.SHOWN: "shown only",
}
"""Of several kinds, each after its number."""


def meaning(rows: Sequence[Map]) -> str:
    """What the verdicts of one claim come to, in a sentence or two.

    Args:
        rows: `verdict`, `part` and `label` of each.
    """
    if not rows:
        return "No run here tests it."
    verdicts = [row["verdict"] for row in rows]
    deciding = [verdict for verdict in verdicts if verdict not in DECIDES_NOTHING]
    kinds = _kinds(deciding or verdicts)
    if len(kinds) == 1:
        return ALONE[kinds[0]]
    opening = ["It holds in part."] if Verdict.SUPPORTED in kinds else []
    return " ".join([*opening, *(_named(rows, kind) for kind in _kinds(verdicts))])


def _named(rows: Sequence[Map], kind: Verdict) -> str:
    """'Supported: this (A and B); that (A).', parts and their runs."""
    labels: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] == kind:
            labels.setdefault(row["part"], []).append(row["label"])
    named = [f"{part} ({' and '.join(found)})" for part, found in labels.items()]
    return f"{kind.capitalize()}: {'; '.join(named)}."


def summary(verdicts: Sequence[str], claims: int) -> str:
    """What all verdicts of the report come to."""
    if not verdicts:
        return ""
    of = f" of {claims} claim{'s' * (claims > 1)}"
    return f"Of {_counted(verdicts, of)}."


def _kinds(verdicts: Sequence[str]) -> list[Verdict]:
    """In the order of the best first."""
    return [kind for kind in Verdict if kind in verdicts]


def _counted(verdicts: Sequence[str], of: str = "") -> str:
    """'3 tests OF, 1 is supported (all seeds pass) and 2 are inconclusive'."""
    counts = {kind: list(verdicts).count(kind) for kind in _kinds(verdicts)}
    *first, last = [
        f"{count} {'is' if count == 1 else 'are'} {TOGETHER[kind]}"
        for kind, count in counts.items()
    ]
    told = f"{', '.join(first)} and {last}" if first else last
    return f"{len(verdicts)} test{'s' * (len(verdicts) > 1)}{of}, {told}"


WITHOUT_TEST = (Verdict.SHOWN, Verdict.NOT_MEASURED)


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
    deciding = [row for row in rows if row["verdict"] not in WITHOUT_TEST]
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
