"""An optimal ELBO makes the upper layers redundant: how far from it models are."""

from vlae.claims.base import Claim, Finding, Map
from vlae.claims.chain_quality import CHAIN, of_seed
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.thresholds import Outcome

EXPERIMENTS = ["redundancy", "chains"]
PARTS = {
    "latents": "a classifier tells q(z) of data from p(z)",
    "images": "it tells data from samples of p(x|z)",
    "pairs": "it tells pairs (x, z) of the two directions apart",
}
CLASSIFIER = "trees"


def criterion(numbers: Map) -> str:
    """There is none."""
    return (
        "None, this is exploratory. The number is the area under the ROC curve of a "
        "classifier on samples that it did not see: .5 at the optimum of the ELBO, 1 "
        "if it tells all apart. z is what the chain redraws."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding per subject and seed; its number is the AUC."""
    return claim.each_seed(_of_seed)


def _of_seed(run: RunResults, seed: int) -> list[Finding]:
    table = run.table("redundancy")
    table = table[(table["seed"] == seed) & (table["classifier"] == CLASSIFIER)]
    ends = table.set_index("subject")[["value", "low", "high"]]
    found = []
    for subject, part in PARTS.items():
        value, low, high = ends.loc[subject]
        finding = Finding(
            part,
            run.dataset,
            run.run,
            seed,
            Outcome.UNTESTED,
            value,
            low,
            high,
            _chain(run, seed),
            shown_only="exploratory",
        )
        found.append(finding)
    return found


def _chain(run: RunResults, seed: int) -> str:
    """How good the chain is that hangs on it."""
    table = of_seed(run, seed)
    table = table[(table["arm"] == CHAIN) & (table["measure"] == "kid_above_ancestral")]
    last = table.loc[table["step"].idxmax()]
    return (
        f"after {last['step']:,} steps its chain's KID is {number(last['value'], 3)} "
        "above that of ancestral samples"
    )
