"""Small results folders whose differences are known."""

from pathlib import Path
from typing import Any

import pandas as pd
from helpers import spec

from vlae.claims.verdicts import FINDING_COLUMNS, VERDICT_COLUMNS
from vlae.system.files import write_json

SEEDS = (1, 2, 3)
STEP = {1: -0.5, 2: 0.0, 3: 0.5}
"""What a seed adds to every number of `write_results`."""


def write_results(
    root: Path, runs: tuple[str, ...] = ("vlae",), seeds: tuple[int, ...] = SEEDS
) -> Path:
    """Write runs `strokes/RUN` with `effects`, claim F5 and figure 5."""
    for run in runs:
        for seed in seeds:
            write_seed(root, run, seed)
    write_json(root / "data" / "strokes" / "spec.json", {"train": 400, "test": 200})
    card = {"counts": {"train": 400}, "sha256": {"train.npy": "abc"}, "title": "t"}
    write_json(root / "data" / "strokes" / "card.json", card)
    rows = [row(run, seeds) for run in runs]
    write_json(root / "figures" / "figure5.spec.json", {"rows": rows})
    claim = {
        "id": "F5",
        "kind": "expected_layers",
        "statement": "Layers differ.",
        "place": "Figure 5",
        "figure": "figure5",
        "criterion": {"least": {"value": 0.5, "why": "half"}},
        "runs": rows,
        "controls": [],
        "needs_control": False,
        "development_seeds": [0],
    }
    write_json(root / "claims" / "F5.spec.json", claim)
    write_verdicts(root, dict.fromkeys(runs, "supported"), seeds)
    report = {
        "title": "Tiny",
        "overlays": ["tiny.yaml"],
        "config": {},
        "seeds": list(seeds),
        "experiments": {
            "generation": {"draws": 32},
            **{name: {} for name in ("codes", "redundancy", "chains")},
        },
        "figures": [{"figure": "figure5", "rows": rows}],
        "claims": [claim],
        "runs": rows,
        "datasets": ["strokes"],
        "explorer": False,
    }
    write_json(root / "report.spec.json", report)
    made = {"commit": "abc", "python": "3.11", "libraries": {"torch": "2"}}
    made |= {"machine": "x", "date": "2026-01-01"}
    write_json(root / "report.provenance.json", made)
    return root


def row(run: str, seeds: tuple[int, ...]) -> dict[str, Any]:
    return {
        "dataset": "strokes",
        "dataset_title": "strokes",
        "run": run,
        "label": run.upper(),
        "seeds": list(seeds),
    }


def write_seed(
    root: Path, run: str, seed: int, elbo: float = -50.0, effect: float = 0.6
) -> None:
    """Write one seed of a run.

    Args:
        elbo: held-out ELBO at the end, to which `STEP` is added.
        effect: total effect of layer 1 on the class, to which `STEP` / 10 is added.
    """
    folder = root / "runs" / "strokes" / run / str(seed)
    write_json(folder / "spec.json", spec(run=run, seed=seed).as_dict())
    facts = {
        "seconds": 10.0 * seed,
        "parameters": 1000,
        "steps": 12,
        "device": "cpu",
        "code": "c0de",
        "data_sha256": "abc",
        "versions": {"python": "3.11", "torch": "2"},
    }
    write_json(folder / "training.json", facts)
    history = [
        (step, split, term, value + STEP[seed])
        for step in (0, 12)
        for split in ("train", "held-out")
        for term, value in (("elbo", elbo), ("kl_1", 5.0), ("kl_2", 7.0))
    ]
    columns = ["step", "split", "term", "value"]
    pd.DataFrame(history, columns=columns).to_parquet(folder / "history.parquet")
    table = pd.DataFrame(
        {
            "dataset": "strokes",
            "run": run,
            "seed": seed,
            "layer": [1, 2, 1, 2],
            "property": ["class", "class", "pixels", "pixels"],
            "total_effect": [effect + STEP[seed] / 10, 0.2, 0.5, 0.4],
            "total_low": 0.0,
            "first_order": [0.3, 0.1, 0.2, 0.1],
            "classifier_accuracy": [0.9, 0.9, None, None],
            "withheld": False,
        }
    )
    folder = root / "experiments" / "strokes" / run / str(seed)
    content: dict[str, Any] = {"experiment": "generation", "dataset": "strokes"}
    content |= {"run": run, "seed": seed}
    content |= {"settings": {"draws": 32}, "measures": []}
    write_json(folder / "generation.spec.json", content)
    table.to_parquet(folder / "effects.parquet")


def write_verdicts(
    root: Path,
    verdicts: dict[str, str],
    seeds: tuple[int, ...] = SEEDS,
    controls: str = "",
) -> None:
    """Write verdicts on claim F5 by run; a seed's number is 0.7 plus `STEP` / 10."""
    about = {"part": "class", "dataset": "strokes", "note": "", "veto": ""}
    findings = [
        {**about, "run": run, "label": run.upper(), "seed": seed, "control": False}
        | {"counts": True, "outcome": "passes", "number": 0.7 + STEP[seed] / 10}
        | {"low": 0.6, "high": 0.8, "invalid": "", "shown_only": ""}
        for run in verdicts
        for seed in seeds
    ]
    rows = [
        {**about, "id": "F5", "run": run, "label": run.upper(), "verdict": verdict}
        | {"statement": "Layers differ.", "place": "Figure 5", "reason": ""}
        | {"passed": f"{len(seeds)} of {len(seeds)}", "controls": controls}
        | {"number": 0.7, "low": 0.6, "high": 0.8, "evidence": "figure5"}
        | {"seeds": ", ".join(map(str, seeds)), "criterion": "At least 0.5."}
        for run, verdict in verdicts.items()
    ]
    (root / "tables").mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(findings, columns=FINDING_COLUMNS)
    table.to_parquet(root / "claims" / "F5.findings.parquet")
    table = pd.DataFrame(rows, columns=VERDICT_COLUMNS)
    table.to_parquet(root / "claims" / "F5.verdicts.parquet")
    table.to_parquet(root / "tables" / "claims.parquet")
