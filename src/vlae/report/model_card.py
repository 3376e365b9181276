"""A model card: what a released run is, what it was trained on, how to load it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from vlae.config.paths import ResultsFolder
from vlae.config.run_spec import RunSpec
from vlae.config.term_names import ELBO, RECONSTRUCTION, kl_terms
from vlae.report.html import environment
from vlae.report.provenance import Provenance
from vlae.report.reference import held_out
from vlae.report.ro_crate import CITATION
from vlae.results.run_results import RunResults
from vlae.system.files import read_json

TEMPLATE = "release/model_card.md.j2"
CLASSIFIER = "classifier"
"""Name of the model that generates no images."""


def render(
    run: RunResults,
    results: ResultsFolder,
    made_by: Provenance,
    archives: Sequence[str],
    templates: Path,
) -> str:
    """Return the card of a run with all its seeds, in Markdown.

    Args:
        run: the run.
        results: the folder that it lies in.
        made_by: what wrote the report.
        archives: names of the zips with its weights, one per seed.
        templates: the folder `report/` of the repository.

    Raises:
        UserError: if a file of the run, or the card of its data, is missing or broken.
    """
    seed = run.seeds[0]
    spec = RunSpec.read(run.files(seed).spec)
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    paper = citation["preferred-citation"]
    sizes: list[Any] = spec.network.get("latents", [])
    template = environment(templates).overlay(autoescape=False).get_template(TEMPLATE)
    generative = spec.model != CLASSIFIER
    numbers = held_out(run)
    if generative:  # residuals have moments, which are not in nats
        terms = [RECONSTRUCTION, *kl_terms(numbers), ELBO]
        numbers = {term: numbers[term] for term in terms if term in numbers}
    card = template.render(
        run=run,
        title=run.title,
        spec=spec,
        facts=run.facts(seed),
        card=read_json(results.data(run.dataset).card, "data card"),
        numbers=numbers,
        latents=" + ".join(map(str, sizes)),
        generative=generative,
        made_by=made_by,
        archives=archives,
        paper=paper,
        authors=", ".join(
            f"{author['given-names']} {author['family-names']}"
            for author in paper["authors"]
        ),
        licence=citation["license"],
    )
    return f"{card.rstrip()}\n"
