"""What verdicts mean in words, how sure they are, and which files they come from."""

from collections.abc import Iterable, Sequence
from typing import Any

from vlae import registry
from vlae.verdicts import LEAST_SEEDS, Verdict

Map = dict[str, Any]

ALONE = {
    Verdict.SUPPORTED: "These runs show what the paper says: every test that decides "
    "passes in every seed.",
    Verdict.NOT_SUPPORTED: "These runs do not show what the paper says: every test "
    "that decides fails in every seed. Either it does not hold for these networks and "
    "budgets, or the criterion asks for more than the paper means.",
    Verdict.INCONCLUSIVE: "Undecided: seeds disagree, or their intervals reach across "
    "the threshold.",
    Verdict.TOO_FEW_SEEDS: f"Nothing is concluded: a verdict needs {LEAST_SEEDS} seeds "
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
NAMED = 3
"""Untested parts that are named; more are counted."""
UNDECIDED = (Verdict.TOO_FEW_SEEDS, Verdict.NOT_MEASURED, Verdict.SHOWN)


def meaning(rows: Sequence[Map]) -> str:
    """What the verdicts of one claim come to, in a sentence or two.

    Args:
        rows: `verdict`, `part` and `label` of each.
    """
    if not rows:
        return "No run here tests it."
    verdicts = [row["verdict"] for row in rows]
    deciding = [verdict for verdict in verdicts if verdict not in UNDECIDED]
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


def sureness(
    rows: list[Map], verdicts: list[Map], developed: Iterable[int]
) -> list[str]:
    """How sure a figure or claim is.

    Args:
        rows: its runs, of the spec.
        verdicts: those of the claims about it, as the report shows them.
        developed: seeds that were used while developing.
    """
    seeds = list(dict.fromkeys(seed for row in rows for seed in row["seeds"]))
    data = " and ".join(dict.fromkeys(row["dataset_title"] for row in rows))
    names = ", ".join(map(str, seeds))
    found = []
    if len(seeds) > 1:
        found.append(
            f"Seeds {names} on {data} only: numbers are means over these trainings, "
            "with their range in brackets."
        )
    elif seeds:
        found.append(
            f"One seed ({names}) on {data} only: how much another training would "
            "differ is not known."
        )
    used = [seed for seed in seeds if seed in set(developed)]
    if used:
        found.append(
            f"Used while developing, so deciding nothing: {', '.join(map(str, used))}."
        )
    if not verdicts:
        found.append("No criterion was set: what is shown is described, not tested.")
        return found
    if any(row["number"] for row in verdicts):
        found.append(
            "Intervals of tests are of 95 %, of the draws within a seed (of claim A: "
            "all orders that the intervals of the effects allow); across seeds, from "
            "the lowest to the highest end."
        )
    for kind in UNDECIDED:
        parts = [
            f"{v['part']} on {v['label']}" for v in verdicts if v["verdict"] == kind
        ]
        parts = list(dict.fromkeys(parts))
        if parts:
            named = "; ".join(parts) if len(parts) <= NAMED else f"{len(parts)} tests"
            found.append(f"Deciding nothing, {kind}: {named}.")
    return found


def figure_files(name: str, rows: list[Map]) -> list[str]:
    """Paths below the project folder, as a shell expands them."""
    needs = registry.constant("figures", name, "EXPERIMENTS", [])
    return [
        f"results/figures/{name}.{{svg,png,spec.json}}",
        *_experiments(needs, rows, ("parquet", "npz")),
        f"src/vlae/figures/{name}.py",
        *(f"src/vlae/experiments/{need}.py" for need in needs),
    ]


def claim_files(spec: Map) -> list[str]:
    """The same for a claim of the report spec."""
    name, kind = spec["id"], spec["module"]
    needs = registry.constant("claims", kind, "EXPERIMENTS", [])
    return [
        f"results/claims/{name}.{{spec.json,findings.parquet,verdicts.parquet}}",
        *_experiments(needs, [*spec["runs"], *spec["controls"]], ("parquet",)),
        f"src/vlae/claims/{kind}.py",
        "config/claims.yaml",
    ]


def _experiments(
    needs: list[str], rows: list[Map], endings: tuple[str, ...]
) -> list[str]:
    return [
        f"results/experiments/{row['dataset']}/{row['run']}/"
        f"{_braces(row['seeds'])}/{_braces(needs)}.{_braces(endings)}"
        for row in rows
        if needs
    ]


def _braces(words: Iterable[Any]) -> str:
    """'a', or '{a,b}'."""
    found = [str(word) for word in words]
    return found[0] if len(found) == 1 else f"{{{','.join(found)}}}"


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
