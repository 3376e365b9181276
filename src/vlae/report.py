"""The report: one self-contained page from figures, tables and specs."""

import importlib.metadata
import json
import os
import platform
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from vlae import curves, inlining, registry, scrubber
from vlae.errors import UserError
from vlae.evidence import figure_files, summary, sureness
from vlae.figures.overview import COLUMNS, PANELS
from vlae.files import read_json
from vlae.git import git
from vlae.judged import claims, criteria
from vlae.origins import other_code
from vlae.pages import environment, script, style
from vlae.plotting import Row, mosaic
from vlae.progress import clock
from vlae.reproduction import against
from vlae.results import read_table
from vlae.teaser import teaser

MADE_OF = ("src", "workflow", "report", "config", "Snakefile", "requirements.lock")
"""What results follow from, beside the overlays, whose settings the page shows."""
LIBRARIES = ("torch", "torchvision", "snakemake", "numpy", "pandas", "matplotlib")
Map = dict[str, Any]


def render(spec: Map, template: Path, results: Path, made_by: Map) -> str:
    """The page of a report spec.

    Args:
        spec: see `Configuration.report_spec`.
        template: folder with `report.html.j2`, `style.css` and a text per figure.
        results: the results folder.
        made_by: see `provenance`.

    Raises:
        UserError: if the template has no text for a figure.
    """
    rows = [_row(row, results) for row in spec["runs"]]
    judged = claims(spec, results)
    found = [_figure(f, spec, judged, template, results) for f in spec["figures"]]
    verdicts = [row["verdict"] for claim in judged for row in claim["verdicts"]]
    return (
        environment(template)
        .get_template("report.html.j2")
        .render(
            spec=spec,
            style=style(template),
            script=script(template),
            claims=judged,
            criteria=criteria(spec["claims"]) if spec["claims"] else None,
            summary=summary(verdicts, len(judged)),
            teaser=teaser(spec["figures"], results),
            figures=found,
            overviews=[_overview(row) for row in rows],
            size=curves.BOX,
            references=against(spec, results, template / "reference"),
            runs=_runs_table(rows, results),
            settings=_settings(rows, results),
            cards=[
                read_json(results / "data" / name / "card.json", "data card")
                for name in spec["datasets"]
            ],
            provenance=made_by,
            command=command(spec["overlays"], spec["config"]),
        )
    )


def command(overlays: list[str], config: Map) -> str:
    """The shell command that makes everything; ` -- TARGET` may follow it.

    Args:
        overlays: configuration files.
        config: what was given by `--config` on top of them.
    """
    words = ["snakemake", "--cores", "2"]
    if overlays:
        words += ["--configfile", *overlays]
    if config:
        words += ["--config", *(f"{key}={_word(config[key])}" for key in config)]
    return shlex.join(words)


def _word(value: Any) -> str:
    """As `--config` reads it: containers in YAML, of which JSON is a part."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _row(row: Map, results: Path) -> Row:
    return Row(row, results / "runs", results / "experiments")


def _figure(
    figure: Map, spec: Map, claims: list[Map], template: Path, results: Path
) -> Map:
    name = figure["figure"]
    if not (template / "figures" / f"{name}.html.j2").is_file():
        raise UserError(
            f"{template}/figures/{name}.html.j2: no such file; every figure has a text "
            "there that says what the paper claims."
        )
    module = registry.load("figures", name)
    rows = [_row(row, results) for row in figure["rows"]]
    about = [claim for claim in claims if claim["figure"] == name]
    verdicts = [row for claim in about for row in claim["verdicts"]]
    developed = {s for claim in spec["claims"] for s in claim["development_seeds"]}
    chains = scrubber.chains(rows) if name == "figure2" else []
    return {
        "name": name,
        "image": inlining.file(results / "figures" / f"{name}.png"),
        "alt": (module.__doc__ or "").split("\n")[0],
        "findings": module.findings(rows),
        "numbers": module.numbers(rows),
        "claims": about,
        "sureness": sureness(figure["rows"], verdicts, developed),
        "files": figure_files(name, figure["rows"]),
        "target": f"results/figures/{name}.svg",
        "chains": chains,
        "steps": scrubber.steps(chains),
    }


def _overview(row: Row) -> Map:
    """Curves of all seeds, images of the first; a classifier makes no images."""
    charts = curves.charts(row)
    images = {} if any(c.title == "Accuracy" for c in charts) else row.arrays("samples")
    return {
        "title": row.title,
        "seed": row.seeds[0],
        "charts": charts,
        "images": [
            {"title": title, "picture": inlining.pixels(mosaic(images[name], COLUMNS))}
            for name, title in PANELS.items()
            if name in images
        ],
    }


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


def provenance(runs: list[Map], results: Path) -> Map:
    """What wrote this page, on what, and when.

    Snakemake reruns whatever other code made, as far as it has a record of that. So
    this is the commit of the results too, but for the trainings in `other_code`.

    Args:
        runs: of a report spec.
    """
    changed = git("status", "--porcelain", "--", *MADE_OF)
    commit = git("rev-parse", "HEAD") or "unknown (no git, or no git checkout)"
    return {
        "commit": commit + (" with uncommitted changes" if changed else ""),
        "other_code": other_code(runs, results),
        "python": platform.python_version(),
        "libraries": {n: importlib.metadata.version(n) for n in LIBRARIES},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
    }
