"""Results folders with known effects, and the verdicts that the command finds."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import yaml
from helpers import ROOT

from vlae.__main__ import main
from vlae.claims.expected_layers import WIDE
from vlae.config.paths import ResultsFolder
from vlae.system.files import write_json

SHIPPED = yaml.safe_load((ROOT / "config" / "claims.yaml").read_text())["claims"]
FRESH = [*range(31, 39)]
Effects = dict[str, list[float]]


def write_run(
    root: Path,
    effects: Effects,
    seed: int,
    *,
    run: str = "hvae",
    dataset: str = "data",
    half: float = 0.02,
    lead_half: float = 0.04,
    rise: float = 100.0,
    elbo: float = -50.0,
    parameters: int = 1000,
    withheld: tuple[str, ...] = (),
    part_of: Mapping[str, str] = MappingProxyType({}),
    wide: tuple[float, float, float] = (0.5, 0.4, 0.6),
    first: Effects | None = None,
) -> None:
    """Write the tables, history and facts of one seed of a run.

    Args:
        effects: effects of the layers on each property, from the bottom up; first-order
            effects are equal to total ones, unless given.
        half: half the width of their intervals.
        lead_half: half the width of the intervals of their differences.
        rise: nats by which training raises the held-out ELBO.
        elbo: the held-out ELBO at the end.
        parameters: number of the model's parameters.
        withheld: properties whose effects are withheld.
        part_of: of which property one is a part, by the name of the part.
        wide: rank correlation of width with zeros minus ones, and its interval's ends.
        first: first-order effects of some properties.
    """

    def around(name: str, short: str, value: float, half: float) -> dict[str, float]:
        return {
            name: value,
            f"{short}_low": value - half,
            f"{short}_high": value + half,
        }

    def numbers(
        name: str, short: str, prefix: str, values: list[float], layer: int
    ) -> dict[str, float]:
        value = values[layer - 1]
        others = [v for i, v in enumerate(values, 1) if i != layer]
        lead = value - max(others, default=float("nan"))
        gain = value - values[layer - 2] if layer > 1 else float("nan")
        return {
            **around(name, short, value, half),
            **around(f"{prefix}lead", f"{prefix}lead", lead, lead_half),
            **around(f"{prefix}gain", f"{prefix}gain", gain, lead_half),
        }

    rows = [
        {
            "layer": layer,
            "property": name,
            "part_of": part_of.get(name, ""),
            **numbers("total_effect", "total", "", values, layer),
            **numbers(
                "first_order", "first", "first_", (first or {}).get(name, values), layer
            ),
            "classifier_accuracy": float("nan"),
            "withheld": name in withheld,
        }
        for name, values in effects.items()
        for layer in range(1, len(values) + 1)
    ]
    layers = len(next(iter(effects.values())))
    write_table(root, "effects", rows, seed, run=run, dataset=dataset)
    active = [{"layer": i, "units": 8, "active": i} for i in range(1, layers + 1)]
    write_table(root, "activity", active, seed, run=run, dataset=dataset)
    # Images differ, so that the mean ELBO has a sampling error.
    images = [{"image": i, "elbo": elbo + i % 2} for i in range(100)]
    write_table(root, "bounds", images, seed, run=run, dataset=dataset)
    codes = [
        {"score": "trees", "layer": row["layer"], "property": row["property"]}
        | {"value": row["total_effect"]}
        for row in rows
    ]
    codes += [
        {"score": "mig", "layer": 0, "property": name, "value": 0.25}
        for name in effects
    ]
    ends = dict(zip(("value", "low", "high"), wide, strict=True))
    codes.append({"score": WIDE, "layer": 2, "property": "class", **ends})
    write_table(root, "codes", codes, seed, run=run, dataset=dataset)
    folder = root / "runs" / dataset / run / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    terms = {"elbo": elbo, **{f"kl_{i}": 5.0 * i for i in range(1, layers + 1)}}
    history = [(5, "held-out", *term) for term in terms.items()]
    if rise:
        history.insert(0, (0, "held-out", "elbo", elbo - rise))
    columns = ["step", "split", "term", "value"]
    pd.DataFrame(history, columns=columns).to_parquet(folder / "history.parquet")
    write_json(folder / "training.json", {"parameters": parameters})


def write_table(
    root: Path,
    experiment: str,
    rows: list[dict[str, Any]] | pd.DataFrame,
    seed: int,
    *,
    run: str = "hvae",
    dataset: str = "data",
) -> None:
    folder = root / "experiments" / dataset / run / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows).assign(dataset=dataset, run=run, seed=seed)
    table.to_parquet(folder / f"{experiment}.parquet")


def row(run: str = "hvae", dataset: str = "data", seeds: Any = FRESH) -> dict[str, Any]:
    names = {"dataset": dataset, "dataset_title": dataset, "run": run, "label": run}
    return {**names, "seeds": list(seeds)}


def decided(
    root: Path,
    name: str,
    runs: list[dict[str, Any]],
    controls: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return verdicts and findings of the shipped claim `name`, by the command.

    Args:
        changes: keys of the claim that differ from the shipped one. Unless they say
            otherwise, the claim can be supported without a control.
    """
    spec = {
        **{k: v for k, v in SHIPPED[name].items() if k != "depicts"},
        "needs_control": False,
        **changes,
        "id": name,
        "runs": runs,
        "controls": controls or [],
        "development_seeds": [0, 1],
    }
    path = ResultsFolder(root).claim(name).spec
    write_json(path, spec)
    findings, verdicts = root / "findings.parquet", root / "verdicts.parquet"
    words = ["--spec", path, "--findings", findings, "--verdicts", verdicts]
    assert main(["claim", *map(str, words)]) == 0
    return pd.read_parquet(verdicts), pd.read_parquet(findings)


def by_part(verdicts: pd.DataFrame) -> dict[str, str]:
    return dict(verdicts[["part", "verdict"]].to_numpy())
