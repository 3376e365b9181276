"""A results folder of made-up numbers and pictures, and the report of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from chains_helpers import STEPS, chains_table, mixing_table
from PIL import Image
from results_helpers import SEEDS, write_results

from vlae.__main__ import main
from vlae.system.files import write_json

NAME = "strokes/vlae"
LOOKED_AT = (0, 6, 12)
"""Training steps of the histories."""
ELBO = {0: -500.0, 6: -80.0, 12: -50.0}
CRITERION = {
    "effect": {"value": "total", "why": "made up"},
    "leads": {"class": {"value": 1, "why": "made up"}},
    "least": {"class": {"value": 0.5, "why": "half"}},
    "rise": {"value": 10, "why": "made up"},
}
SIZE = 8
"""Pixels along a side of an image."""


def write_report(results: Path) -> Path:
    """results/report.html of one run with figures 2, 3 and 5 and claim F5."""
    write_results(results)
    for seed in SEEDS:
        write_history(results, seed)
        folder = results / "experiments" / "strokes" / "vlae" / str(seed)
        write_arrays(folder, seed)
        effects = pd.read_parquet(folder / "effects.parquet")
        effects.assign(part_of="", lead=0.1, lead_low=0.0).to_parquet(
            folder / "effects.parquet"
        )
    pictures(results / "figures")
    card: dict[str, Any] = {"title": "Strokes", "source": "made up", "licence": "none"}
    card |= {"preprocessing": "none", "sha256": {"train.npy": "abc" * 20}}
    card |= {"counts": {"train": 400, "test": 200}}
    card |= {"levels": "uint8 from 0 to 255, taken as levels from 0 to 255"}
    card |= {"left_out": {"no ending": 2, ".heic": 1018}, "empty_classes": [1]}
    card |= {"class_names": ["<ant>", "bee"]}
    write_json(results / "data" / "strokes" / "card.json", card)
    path = results / "report.spec.json"
    spec = json.loads(path.read_text())
    rows = spec["runs"]
    shown = ("figure2", "figure3", "figure5")
    spec["figures"] = [{"figure": name, "rows": rows} for name in shown]
    for name in ("chains", "generation"):
        spec["experiments"][name] = {"samples": 32, "chains": 400, "steps": 500}
        spec["experiments"][name] |= {"confident": 0.9, "extent": 2.0}
        spec["experiments"][name] |= {"draws": 32, "classifier_accuracy": 0.85}
    spec["experiments"]["chains"]["mixing"] = {"chains": 20, "steps": 500}
    spec["claims"][0]["criterion"] = CRITERION
    spec["explorer"] = True
    path.write_text(json.dumps(spec))
    (results / "explorer.html").write_text("<!DOCTYPE html><title>Explorer</title>")
    page = results / "report.html"
    assert main(["report", "--spec", str(path), "--out", str(page)]) == 0
    return page


def write_history(results: Path, seed: int) -> None:
    """ELBO plus the seed, and what else a run of two layers records."""
    lines = [
        (step, split, term, value + seed + (10 if split == "train" else 0))
        for step in LOOKED_AT
        for split in ("train", "held-out")
        for term, value in (
            ("elbo", ELBO[step]),
            ("reconstruction", ELBO[step] + 12),
            ("kl_1", 5.0),
            ("kl_2", 7.0),
        )
    ]
    table = pd.DataFrame(lines, columns=["step", "split", "term", "value"])
    folder = results / "runs" / "strokes" / "vlae" / str(seed)
    table.to_parquet(folder / "history.parquet")


def write_arrays(folder: Path, seed: int) -> None:
    """Tables of chains, and images whose every look has a grey level of its own."""
    chains_table(0.1).assign(seed=seed).to_parquet(folder / "chains.parquet")
    mixing_table(1.01, 1.2).assign(seed=seed).to_parquet(folder / "mixing.parquet")
    looks = [(arm, step) for arm, steps in STEPS.items() for step in steps]
    of_chains = {f"{a}_{s}": images(100, 20 * i) for i, (a, s) in enumerate(looks)}
    save(folder / "chains.npz", of_chains)
    names = ("data", "reconstructions", "samples")
    arrays = {name: images(16, 90) for name in names}
    for kind in ("redrawn", "grid"):
        arrays |= {f"{kind}_{n}": images(25, 60 * n) for n in (1, 2)}
    save(folder / "generation.npz", arrays)


def images(count: int, level: int) -> np.ndarray:
    return np.full((count, 1, SIZE, SIZE), level, np.uint8)


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def pictures(folder: Path) -> None:
    """Of all figures: wide as real ones are."""
    ramp = np.tile(np.linspace(0, 255, 1200).astype(np.uint8), (400, 1))
    for name in ("figure2", "figure3", "figure5"):
        Image.fromarray(ramp).save(folder / f"{name}.png")
