"""The report: one self-contained page from figures, tables and specs."""

import base64
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from vlae import registry
from vlae.errors import UserError
from vlae.files import read_json
from vlae.git import git
from vlae.judged import claims, criteria
from vlae.pages import environment, style
from vlae.plotting import Row
from vlae.progress import clock
from vlae.reproduction import against
from vlae.results import read_table

LIBRARIES = ("torch", "torchvision", "snakemake", "numpy", "pandas", "matplotlib")
Map = dict[str, Any]


def render(spec: Map, template: Path, results: Path) -> str:
    """The page of a report spec.

    Args:
        spec: see `Configuration.report_spec`.
        template: folder with `report.html.j2`, `style.css` and a text per figure.
        results: the results folder.

    Raises:
        UserError: if the template has no text for a figure.
    """
    rows = [_row(row, results) for row in spec["runs"]]
    page = environment(template).get_template("report.html.j2")
    return page.render(
        spec=spec,
        style=style(template),
        claims=claims(spec, results),
        criteria=criteria(spec["claims"]) if spec["claims"] else None,
        figures=[_figure(f, template, results) for f in spec["figures"]],
        overviews=[_overview(row, results) for row in rows],
        references=against(spec, results, template / "reference"),
        runs=_html(_runs_table(rows, results)),
        settings=_settings(rows, results),
        cards=[
            read_json(results / "data" / name / "card.json", "data card")
            for name in spec["datasets"]
        ],
        provenance=provenance(),
        command=command(spec["overlays"]),
    )


def command(overlays: list[str]) -> str:
    """The shell command that makes everything; a target may follow it."""
    words = ["snakemake", "--cores 2"]
    if overlays:
        words.append(f"--configfile {' '.join(overlays)}")
    return " ".join(words)


def _row(row: Map, results: Path) -> Row:
    return Row(row, results / "runs", results / "experiments")


def _figure(spec: Map, template: Path, results: Path) -> Map:
    name = spec["figure"]
    if not (template / "figures" / f"{name}.html.j2").is_file():
        raise UserError(
            f"{template}/figures/{name}.html.j2: no such file; every figure has a text "
            "there that says what the paper claims."
        )
    module = registry.load("figures", name)
    rows = [_row(row, results) for row in spec["rows"]]
    return {
        "name": name,
        "image": _png(results / "figures" / f"{name}.png"),
        "alt": (module.__doc__ or "").split("\n")[0],
        "findings": module.findings(rows),
        "numbers": _html(module.numbers(rows)),
        "target": f"results/figures/{name}.svg",
    }


def _overview(row: Row, results: Path) -> Map:
    name = f"{row.dataset}/{row.run}"
    return {
        "title": row.title,
        "name": name,
        "image": _png(results / "figures" / "runs" / f"{name}.png"),
        "alt": f"Training curves, reconstructions and samples of {row.title}",
    }


def _png(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _html(table: pd.DataFrame) -> str:
    return table.to_html(index=False, border=0, na_rep="", justify="left")


def _runs_table(rows: list[Row], results: Path) -> pd.DataFrame:
    """One line a run and seed, with the held-out numbers at its end."""
    lines = []
    for row in rows:
        for seed in row.seeds:
            folder = results / "runs" / row.dataset / row.run / str(seed)
            spec = read_json(folder / "spec.json", "run spec")
            facts = row.facts(seed)
            history = read_table(folder / "history.parquet")
            last = history[
                (history["step"] == facts["steps"]) & (history["split"] == "held-out")
            ].set_index("term")["value"]
            kl = [f"{v:.2f}" for k, v in last.items() if str(k).startswith("kl_")]
            lines.append(
                {
                    "data": row.dataset,
                    "run": row.run,
                    "seed": seed,
                    "preset": spec["preset"],
                    "network": f"{spec['network_name']} x{spec['network']['width']:g}",
                    "parameters": f"{facts['parameters'] / 1e6:.2f} M",
                    "steps": facts["steps"],
                    "ELBO": _nats(last, "elbo"),
                    "reconstruction": _nats(last, "reconstruction"),
                    "KL, bottom to top": " / ".join(kl),
                    "accuracy": f"{last['accuracy']:.4f}" if "accuracy" in last else "",
                    "time": clock(facts["seconds"]),
                    "device": facts["device"],
                }
            )
    return pd.DataFrame(lines)


def _nats(last: pd.Series, term: str) -> str:
    return f"{last[term]:.1f}" if term in last else ""


def _settings(rows: list[Row], results: Path) -> list[Map]:
    """The settings of each run (first seed), for the departures and the appendix."""
    found = []
    for row in rows:
        folder = results / "runs" / row.dataset / row.run / str(row.seeds[0])
        spec = read_json(folder / "spec.json", "run spec")
        facts = row.facts(row.seeds[0])
        found.append({"title": row.title, "spec": spec, "facts": facts})
    return found


def provenance() -> Map:
    """What wrote this page, on what, and when.

    Snakemake reruns whatever other code made, so this is the commit of the results too.
    """
    changed = git("status", "--porcelain")
    commit = git("rev-parse", "HEAD") or "unknown (no git, or no git checkout)"
    return {
        "commit": commit + (" with uncommitted changes" if changed else ""),
        "python": platform.python_version(),
        "libraries": {n: importlib.metadata.version(n) for n in LIBRARIES},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
    }
