"""An RO-Crate: what a results folder holds and what made it, as JSON-LD.

`ro-crate-metadata.json` makes the folder a crate of RO-Crate 1.1 and of the profile
Process Run Crate. (Workflow Run Crate would want the Snakefile in the folder.)
"""

from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, Entity
from rocrate.model.computerlanguage import get_lang
from rocrate.rocrate import ROCrate

from vlae.config.paths import ResultsFolder
from vlae.results.inventory import Inventory, Name
from vlae.results.manifest import demand
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import read_json, write_json

NAME = "ro-crate-metadata.json"
CITATION = ROOT / "CITATION.cff"
WORKFLOW = "SoftwareSourceCode", "ComputationalWorkflow"
LICENCES = "https://spdx.org/licenses"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SHOWN = ("*.html", "report.*.json", "tables/*.parquet", "figures/**/*.[ps][nv]g")
MEDIA = {".html": "text/html", ".json": "application/json", ".png": "image/png"}
MEDIA |= {".svg": "image/svg+xml", ".parquet": "application/vnd.apache.parquet"}


def write(results: Path) -> int:
    """Write `ro-crate-metadata.json` into a results folder; the number of trainings.

    Raises:
        UserError: if there is no report or no run, if they changed since the report,
            or a file of theirs is no JSON.
    """
    inventory = Inventory(results)
    folder = ResultsFolder(results)
    if not folder.provenance.is_file():
        raise UserError(f"{folder.provenance}: no such file; run the pipeline first.")
    demand(folder)
    crate = _Crate(results)
    crate.files(*(path for what in SHOWN for path in sorted(results.glob(what))))
    data = {str(name): crate.data(str(name)) for name in inventory.data_cards()}
    trainings = [crate.training(name, data) for name in inventory.finished()]
    crate.root_dataset["mentions"] = [crate.workflow, *trainings]
    write_json(results / NAME, crate.metadata.generate())
    return len(trainings)


class _Crate(ROCrate):
    """A crate that begins with what holds for all of a results folder."""

    def __init__(self, results: Path) -> None:
        super().__init__(version="1.1")
        # RO-Crate itself has this term since version 1.2.
        self.metadata.extra_terms["sha256"] = "http://schema.org/sha256"
        self.results = results
        made_by = read_json(
            ResultsFolder(results).provenance, "provenance of the report"
        )
        spec = read_json(results / "report.spec.json", "report spec")
        own = yaml.safe_load(CITATION.read_text())
        choice = f"{', '.join(spec['overlays']) or 'the paper'}; seeds {spec['seeds']}"
        licence = self.note(f"{LICENCES}/{own['license']}", own["license"])
        self.workflow = self.note(
            *("#Snakefile", own["title"], *WORKFLOW),
            version=made_by["commit"],
            license=licence,
            programmingLanguage=self.add(get_lang(self, "snakemake")),
            runtimePlatform=f"Python {made_by['python']}, {made_by['machine']}",
            softwareRequirements=[" ".join(p) for p in made_by["libraries"].items()],
        )
        self.name = spec["title"]
        self.description = f"{own['abstract']} Configuration: {choice}."
        self.datePublished, self.license = made_by["date"], licence
        self.root_dataset["conformsTo"] = self.note(PROFILE, "Process Run Crate")
        self.root_dataset["citation"] = self.paper(own["preferred-citation"])

    def note(self, at: str, name: str, *types: str, **about: Any) -> Entity:
        """Add what is no file: a licence (a CreativeWork, without `types`), ..."""
        content = {"@type": [*types] or "CreativeWork", "name": name, **about}
        return self.add(ContextEntity(self, at.replace(" ", "-"), content))

    def paper(self, cited: dict[str, Any]) -> Entity:
        names = [f"{a['given-names']} {a['family-names']}" for a in cited["authors"]]
        authors = [self.note(f"#{name}", name, "Person") for name in names]
        about = {"author": authors, "datePublished": str(cited["year"])}
        return self.note(cited["url"], cited["title"], "ScholarlyArticle", **about)

    def files(self, *paths: Path, **about: str) -> list[Entity]:
        """Add those of these files that are still there."""
        found = []
        for path in filter(Path.is_file, paths):
            name = path.relative_to(self.results)
            about |= {"name": str(name), "contentSize": str(path.stat().st_size)}
            about["encodingFormat"] = MEDIA.get(path.suffix, "application/octet-stream")
            found.append(self.add_file(path, name, properties=about))
        return found

    def data(self, name: str) -> Entity:
        """Add a data set: its card, and of its arrays and labels what is there."""
        folder = self.results / "data" / name
        card = read_json(folder / "card.json", "data card")
        parts = self.files(folder / "card.json")
        for file, sha256 in card["sha256"].items():
            parts += self.files(folder / file, sha256=sha256)
        about = {"name": card["title"], "creditText": card["source"], "hasPart": parts}
        about["license"] = self.note(f"#licence-{name}", card["licence"])
        return self.add_dataset(folder, f"data/{name}", properties=about)

    def training(self, run: Name, data: dict[str, Entity]) -> Entity:
        """Add the action of a finished training, with its weights."""
        left = ResultsFolder(self.results).run(run.dataset, run.run, str(run.seed))
        facts = read_json(left.facts, "training facts")
        versions = ", ".join(f"{name} {v}" for name, v in facts["versions"].items())
        how = f"{facts['steps']} steps, {facts['seconds']:.0f} s, {facts['device']}"
        about = {"name": f"Training of {run}", "description": f"{how}, {versions}"}
        used = [data[run.dataset]] if run.dataset in data else []
        used += self.files(left.spec)
        made = self.files(left.weights, left.facts, left.history)
        at = f"#training/{run.label}/{run.seed}"
        return self.add_action(self.workflow, at, used, made, about)
