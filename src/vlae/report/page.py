"""The report: one self-contained page from figures, tables and specs."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import FigureSpec, ReportSpec
from vlae.figures.plotting import mosaic, mostly_black
from vlae.report import chain_slider, images, training_curves
from vlae.report.chain_slider import Chains
from vlae.report.claims_section import ClaimsSection, ShownClaim, claims_section
from vlae.report.evidence import figure_files, sureness
from vlae.report.html import environment, script, style
from vlae.report.provenance import Provenance
from vlae.report.reference_section import ReferenceComparison, compare_with_references
from vlae.report.runs_section import RunSettings, runs_table, settings_of_runs
from vlae.report.sweeps_section import SweepSection, sweep_section
from vlae.report.teaser import TeaserLine, teaser
from vlae.report.training_curves import Chart
from vlae.results.data_card import Remark, count_left_out, remarks
from vlae.results.run_results import RunResults
from vlae.system import registry
from vlae.system.checkout import ROOT, snakefile_elsewhere
from vlae.system.errors import UserError
from vlae.system.files import read_json

COLUMNS = 8
"""Images side by side in a panel of one run."""
PANELS = {
    "data": "held-out images",
    "reconstructions": "their reconstructions",
    "samples": "ancestral samples",
}
"""Arrays of `generation` that are shown of one run, with their titles."""


@dataclass(frozen=True)
class FigureSection:
    """One figure as the report shows it."""

    name: str
    image: str
    """Data URL of the picture."""
    alt: str
    findings: list[str]
    numbers: pd.DataFrame
    claims: list[ShownClaim]
    """Claims that the figure is about."""
    sureness: list[str]
    files: list[str]
    target: str
    """Path that makes Snakemake draw this figure."""
    chains: list[Chains]
    """Chains to move step by step; empty for figures that show none."""
    steps: list[int]
    """Every step at which some chain was recorded."""


@dataclass(frozen=True)
class Overview:
    """One run at a glance: curves of all seeds, and images of the first."""

    title: str
    seed: int
    charts: list[Chart]
    images: list[images.Picture]


@dataclass(frozen=True)
class ShownData:
    """A data set as the report shows it."""

    name: str
    card: dict[str, Any]
    left_out: int
    """Number of files that were left out."""
    remarks: list[Remark]


@dataclass(frozen=True)
class Page:
    """What the template `page/report.html.j2` shows, besides the report's spec."""

    style: str
    script: str
    command: str
    """Shell command that makes everything again."""
    claims: ClaimsSection
    teaser: list[TeaserLine]
    figures: list[FigureSection]
    sweeps: list[SweepSection]
    references: list[ReferenceComparison]
    runs: pd.DataFrame
    overviews: list[Overview]
    chart_box: dict[str, int]
    """Size of a chart, and the box of its curves."""
    settings: list[RunSettings]
    data: list[ShownData]
    provenance: Provenance
    own_study: bool
    """Whether it shows none of the paper's figures and decides none of its claims."""


def render(
    spec: ReportSpec, templates: Path, results: ResultsFolder, made_by: Provenance
) -> str:
    """Return the page of a report.

    Args:
        spec: what it shows.
        templates: the folder `report/` of the repository.
        results: the results folder.
        made_by: what writes the page.

    Raises:
        UserError: if the templates have no text for a figure, or results cannot be
            read.
    """
    runs = [RunResults(row, results) for row in spec.runs]
    claims = claims_section(spec, results)
    figures = [_figure(f, spec, claims, templates, results) for f in spec.figures]
    page = Page(
        style=style(templates),
        script=script(templates),
        command=command(spec.overlays, spec.config, snakefile_elsewhere()),
        claims=claims,
        teaser=teaser(spec.figures, results),
        figures=figures,
        sweeps=[sweep_section(sweep, results) for sweep in spec.sweeps],
        references=compare_with_references(spec, results, ROOT / "reference"),
        runs=runs_table(runs),
        overviews=[_overview(RunResults(r, results)) for r in spec.overviewed()],
        chart_box=training_curves.BOX,
        settings=settings_of_runs(runs),
        data=[_data(d, results) for d in spec.datasets],
        provenance=made_by,
        own_study=not spec.claims and not any(map(_of_paper, spec.figures)),
    )
    template = environment(templates).get_template("page/report.html.j2")
    return template.render(spec=spec, page=page)


def _of_paper(figure: FigureSpec) -> bool:
    """Return whether a figure is one of the paper's, which have its numbers."""
    return re.fullmatch(r"figure\d", figure.figure) is not None


def _data(dataset: str, results: ResultsFolder) -> ShownData:
    card = read_json(results.data(dataset).card, "data card")
    return ShownData(dataset, card, count_left_out(card), remarks(card))


def command(
    overlays: Sequence[str], config: dict[str, Any], snakefile: str = ""
) -> str:
    """Return the shell command that makes everything; ` -- TARGET` may follow it.

    Args:
        overlays: configuration files.
        config: what `--config` sets on top of them.
        snakefile: path of the Snakefile; empty if it is in the working folder.
    """
    words = ["snakemake", *(["-s", snakefile] if snakefile else []), "--cores", "2"]
    if overlays:
        words += ["--configfile", *overlays]
    if config:
        words += ["--config", *(f"{key}={_word(config[key])}" for key in config)]
    return shlex.join(words)


def _word(value: Any) -> str:
    """Return a value as `--config` reads it, which takes containers as YAML or JSON."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _figure(
    figure: FigureSpec,
    spec: ReportSpec,
    claims: ClaimsSection,
    templates: Path,
    results: ResultsFolder,
) -> FigureSection:
    name = figure.figure
    text = templates / "figures" / f"{name}.html.j2"
    if not text.is_file():
        raise UserError(
            f"{text}: no such file. Every figure needs a template there that says what "
            "the paper claims; write one."
        )
    module = registry.load("figures", name)
    runs = [RunResults(row, results) for row in figure.rows]
    about = claims.about(name)
    verdicts = [verdict for claim in about for verdict in claim.verdicts]
    development = {s for claim in spec.claims for s in claim.development_seeds}
    has_chains = "chains" in registry.constant("figures", name, "TABLES")
    chains = chain_slider.chains(runs) if has_chains else []
    return FigureSection(
        name=name,
        image=images.file(results.figure(name).png),
        alt=(module.__doc__ or "").split("\n")[0],
        findings=module.findings(runs),
        numbers=module.numbers(runs),
        claims=about,
        sureness=sureness(figure.rows, verdicts, development),
        files=figure_files(name, figure.rows),
        target=str(ResultsFolder().figure(name).svg),
        chains=chains,
        steps=chain_slider.steps(chains),
    )


def _overview(run: RunResults) -> Overview:
    """Return one run at a glance; a classifier, which makes no images, has none."""
    charts = training_curves.charts(run.history())
    makes_images = not any(chart.title == "Accuracy" for chart in charts)
    arrays = run.arrays("generation") if makes_images else {}
    pictures = []
    for name, title in PANELS.items():
        if name in arrays:
            ink = mostly_black(arrays["data"])
            picture = mosaic(arrays[name], COLUMNS, ink=ink)
            pictures.append(images.Picture(title, images.pixels(picture)))
    return Overview(run.title, run.seeds[0], charts, pictures)
