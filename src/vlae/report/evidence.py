"""What verdicts mean in words, how sure they are, and which files they come from."""

from collections.abc import Iterable
from typing import Any

from vlae.claims.verdicts import Verdict
from vlae.system import registry

Map = dict[str, Any]
NAMED = 3
"""Untested parts that are named; more are counted."""
DECIDES_NOTHING = (Verdict.TOO_FEW_SEEDS, Verdict.NOT_MEASURED, Verdict.SHOWN)


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
    for kind in DECIDES_NOTHING:
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
    needs = registry.constant("figures", name, "EXPERIMENTS")
    return [
        f"results/figures/{name}.{{svg,png,spec.json}}",
        *_experiments(needs, rows, ("parquet", "npz")),
        f"src/vlae/figures/{name}.py",
        *(f"src/vlae/experiments/{need}.py" for need in needs),
    ]


def claim_files(spec: Map) -> list[str]:
    """The same for a claim of the report spec."""
    name, kind = spec["id"], spec["kind"]
    needs = registry.constant("claims", kind, "EXPERIMENTS")
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
