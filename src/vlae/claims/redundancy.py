"""At the optimum of the ELBO upper layers are redundant: how far models are from it.

This kind is exploratory: its criterion has no keys, and its claims get no verdict.
"""

from typing import Any

from vlae.claims.base import Claim, Finding, finding_of
from vlae.claims.chain_quality import CHAIN_ARM, EXCESS_MEASURE, means
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome

TABLES = ["redundancy", "chains"]
PARTS = {
    "latents": "a classifier tells q(z) of data from p(z)",
    "images": "it tells data from samples of p(x|z)",
    "pairs": "it tells pairs (x, z) of the two directions apart",
}
"""Parts of the claim by the subject of the experiment `redundancy`."""
CLASSIFIER = "trees"


def criterion(numbers: dict[str, Any]) -> str:
    """Return in words that there is no criterion, and what the number is."""
    return (
        "None, this is exploratory. The number is the area under the ROC curve of a "
        "classifier on samples that it did not see: 0.5 at the optimum of the ELBO, 1 "
        "if it tells all apart. z is what the chain redraws."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per subject and seed; its number is the AUC."""
    return claim.each_seed(_of_seed)


def _of_seed(run: RunResults, seed: int) -> list[Finding]:
    table = run.table("redundancy", seed)
    chosen = table[table["classifier"] == CLASSIFIER].set_index("subject")
    return [
        finding_of(
            run,
            seed,
            part,
            Outcome.UNTESTED,
            Interval(*chosen.loc[subject, ["value", "low", "high"]]),
            note=_chain_quality(run, seed),
            shown_only="exploratory",
        )
        for subject, part in PARTS.items()
    ]


def _chain_quality(run: RunResults, seed: int) -> str:
    """Return how good the samples of the chain are that depends on the optimum."""
    table = means(run, seed)
    excess = (table["arm"] == CHAIN_ARM) & (table["measure"] == EXCESS_MEASURE)
    last = table[excess].sort_values("step").iloc[-1]
    return (
        f"after {last['step']:,} steps its chain's KID is {number(last['value'], 3)} "
        "above that of ancestral samples"
    )
