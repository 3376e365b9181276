"""Tables of the experiments chains and mixing."""

import pandas as pd

STEPS = {"ancestral": [1], "noise": [0, 1, 50, 200, 500], "data": [0, 1, 50, 200]}


def chains_table(kid, excess=0.1, fewer=False):
    """Return a table of means, and of draws with a KID that is ten times as large.

    Args:
        kid: the KID of ancestral samples. Chains from noise begin with 9, those from
            data with 0.
        excess: how far above `kid` chains from noise are from step 1 on; chains from
            data are twice as far above it.
        fewer: whether chains from data have fewer images.
    """
    rows = []
    for arm, steps in STEPS.items():
        for step in steps:
            start = {"noise": 9.0, "data": 0.0}.get(arm, kid)
            away = excess * {"noise": 1, "data": 2}.get(arm, 0)
            value = start if step == 0 else kid + away
            n = (
                100
                if (arm, step) == ("noise", 500) or (fewer and arm == "data")
                else 400
            )
            for kind, factor in (("mean", 1), ("draw", 10)):
                found = {"kid": value * factor, "fid": 5 * value, "precision": 0.5}
                found |= {"recall": 0.25, "sure": 1 - value / 10, "class_entropy": 2.0}
                if arm in ("noise", "data") and step > 0:
                    found["kid_above_ancestral"] = away
                    found["kid_over_ancestral"] = value / kid
                rows += [(arm, step, kind, name, v, n) for name, v in found.items()]
    columns = ["arm", "step", "kind", "measure", "value", "n"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.03)


def mixing_table(*r_hats):
    """Return a table with an R-hat and an effective size per scalar."""
    scalars = [f"feature_{i}" for i, _ in enumerate(r_hats)]
    table = pd.DataFrame({"scalar": scalars, "measure": "r_hat", "value": r_hats})
    other = table.assign(measure="effective_size", value=99.0)
    return pd.concat([table, other])
