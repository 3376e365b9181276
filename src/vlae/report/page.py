"""The report: one self-contained page from figures, tables and specs."""

import json
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures.overview import COLUMNS, PANELS
from vlae.figures.plotting import Row, mosaic
from vlae.report import chain_slider, training_curves
from vlae.report import images as page_images
from vlae.report.claims_section import claims, summary
from vlae.report.evidence import figure_files, sureness
from vlae.report.html import environment, script, style
from vlae.report.provenance import criteria
from vlae.report.reference_section import against
from vlae.report.teaser import teaser
from vlae.results.run_results import read_table
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import read_json
from vlae.system.progress import clock

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
    decided = claims(spec, results)
    found = [_figure(f, spec, decided, template, results) for f in spec["figures"]]
    verdicts = [row["verdict"] for claim in decided for row in claim["verdicts"]]
    return (
        environment(template)
        .get_template("report.html.j2")
        .render(
            spec=spec,
            style=style(template),
            script=script(template),
            claims=decided,
            criteria=criteria(spec["claims"]) if spec["claims"] else None,
            summary=summary(verdicts, len(decided)),
            teaser=teaser(spec["figures"], results),
            figures=found,
            overviews=[_overview(row) for row in rows],
            size=training_curves.BOX,
            references=against(spec, results, ROOT / "reference"),
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
    return Row(RunRow.of(row), ResultsFolder(results))


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
    chains = chain_slider.chains(rows) if name == "figure2" else []
    return {
        "name": name,
        "image": page_images.file(results / "figures" / f"{name}.png"),
        "alt": (module.__doc__ or "").split("\n")[0],
        "findings": module.findings(rows),
        "numbers": module.numbers(rows),
        "claims": about,
        "sureness": sureness(figure["rows"], verdicts, developed),
        "files": figure_files(name, figure["rows"]),
        "target": f"results/figures/{name}.svg",
        "chains": chains,
        "steps": chain_slider.steps(chains),
    }


def _overview(row: Row) -> Map:
    """Curves of all seeds, images of the first; a classifier makes no images."""
    charts = training_curves.charts(row)
    images = {} if any(c.title == "Accuracy" for c in charts) else row.arrays("samples")
    return {
        "title": row.title,
        "seed": row.seeds[0],
        "charts": charts,
        "images": [
            {
                "title": title,
                "picture": page_images.pixels(mosaic(images[name], COLUMNS)),
            }
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
