"""All runs of the report: their numbers at the end of training, and their settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vlae.config.run_spec import RunSpec
from vlae.config.term_names import kl_terms
from vlae.results.run_results import RunResults
from vlae.system.progress import clock


@dataclass(frozen=True)
class RunSettings:
    """The complete settings of one run, first seed."""

    title: str
    spec: dict[str, Any]
    """Content of `spec.json`."""
    facts: dict[str, Any]
    """Content of `training.json`."""


def runs_table(runs: Sequence[RunResults]) -> pd.DataFrame:
    """Return one row per run and seed, with the held-out numbers at the end."""
    return pd.DataFrame([_row(run, seed) for run in runs for seed in run.seeds])


def settings_of_runs(runs: Sequence[RunResults]) -> list[RunSettings]:
    """Return the settings of each run, first seed."""
    found = []
    for run in runs:
        seed = run.seeds[0]
        spec = RunSpec.read(run.files(seed).spec).as_dict()
        found.append(RunSettings(run.title, spec, run.facts(seed)))
    return found


def _row(run: RunResults, seed: int) -> dict[str, Any]:
    spec = RunSpec.read(run.files(seed).spec)
    facts = run.facts(seed)
    last = _held_out(run, seed, facts["steps"])
    kl = [f"{last[term]:z.2f}" for term in kl_terms(map(str, last.keys()))]
    return {
        "data": run.dataset,
        "run": run.run,
        "seed": seed,
        "preset": spec.preset,
        "network": f"{spec.network_name} x{spec.network['width']:g}",
        "parameters": f"{facts['parameters'] / 1e6:.2f} M",
        "steps": facts["steps"],
        "ELBO": _nats(last, "elbo"),
        "reconstruction": _nats(last, "reconstruction"),
        "KL, bottom to top": " / ".join(kl),
        "accuracy": f"{last['accuracy']:z.4f}" if "accuracy" in last else "",
        "time": clock(facts["seconds"]),
        "device": facts["device"],
    }


def _held_out(run: RunResults, seed: int, step: int) -> pd.Series:
    """Return the held-out terms of one seed at one step, by term."""
    history = run.history()
    chosen = (history["seed"] == seed) & (history["step"] == step)
    chosen &= history["split"] == "held-out"
    return history[chosen].set_index("term")["value"]


def _nats(terms: pd.Series, term: str) -> str:
    return f"{terms[term]:z.1f}" if term in terms else ""
