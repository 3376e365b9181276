"""An RO-Crate: what a results folder holds and what made it, as JSON-LD.

`ro-crate-metadata.json` makes the folder a crate of RO-Crate 1.1 with the profile
Process Run Crate. (Workflow Run Crate would require the Snakefile in the folder.)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, Entity
from rocrate.model.computerlanguage import get_lang
from rocrate.rocrate import ROCrate

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report.provenance import Provenance
from vlae.results.inventory import Inventory, Name
from vlae.results.manifest import demand
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import read_json, write_json

CITATION = ROOT / "CITATION.cff"
WORKFLOW_TYPES = "SoftwareSourceCode", "ComputationalWorkflow"
LICENCES = "https://spdx.org/licenses"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SHOWN = (
    *("*.html", "report.*.json", "tables/*.parquet", "figures/*.[ps][nv]g"),
    *("sweeps/*.parquet", "sweeps/*.[ps][nv]g"),
)
"""Files of the results folder that the crate lists, besides data and trainings."""
MEDIA_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def write(results: ResultsFolder) -> int:
    """Write `ro-crate-metadata.json` into a results folder.

    Returns:
        the number of trainings in it.

    Raises:
        UserError: if there is no report or no run, if they changed since the report
            was written, or if one of their files is not JSON.
    """
    inventory = Inventory(results.root)
    if not results.provenance.is_file():
        raise UserError(f"{results.provenance}: no such file; run the pipeline first.")
    demand(results)
    crate = _described(results, inventory, Path.is_file)
    write_json(results.crate, crate.metadata.generate())
    return len(inventory.finished())


def described(
    results: ResultsFolder, kept: Callable[[Path], bool], note: str
) -> tuple[dict[str, Any], list[Path]]:
    """Describe some files of a results folder as a crate, without writing anything.

    Args:
        results: a results folder with a report.
        kept: tells of a path whether the crate has the file; trainings without their
            spec and data sets without their card are left out.
        note: a sentence about what is left out.

    Returns:
        the content of `ro-crate-metadata.json`, and the files that it describes.
    """
    crate = _described(results, Inventory(results.root), kept)
    crate.description = f"{crate.description} {note}"
    return crate.metadata.generate(), crate.described


def _described(
    results: ResultsFolder, inventory: Inventory, kept: Callable[[Path], bool]
) -> "_Crate":
    crate = _Crate(results, kept)
    for pattern in SHOWN:
        crate.files(*sorted(results.root.glob(pattern)))
    data = {
        name.subject: crate.data(name.subject)
        for name in inventory.data_cards()
        if kept(results.data(name.subject).card)
    }
    trainings = [
        crate.training(name, data)
        for name in inventory.finished()
        if kept(results.run(name.dataset, name.run, str(name.seed)).spec)
    ]
    crate.root_dataset["mentions"] = [crate.workflow, *trainings]
    return crate


class _Crate(ROCrate):
    """A crate that starts with what holds for the whole results folder.

    Args:
        results: the results folder.
        kept: tells of a path whether the crate has the file.
    """

    def __init__(self, results: ResultsFolder, kept: Callable[[Path], bool]) -> None:
        super().__init__(version="1.1")
        self.kept = kept
        self.described: list[Path] = []
        # RO-Crate itself has this term since version 1.2.
        self.metadata.extra_terms["sha256"] = "http://schema.org/sha256"
        self.results = results
        made_by = Provenance.read(results.provenance)
        spec = ReportSpec.read(results.report_spec)
        citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
        licence = self.note(f"{LICENCES}/{citation['license']}", citation["license"])
        self.workflow = self.note(
            *("#Snakefile", citation["title"], *WORKFLOW_TYPES),
            version=made_by.commit,
            license=licence,
            programmingLanguage=self.add(get_lang(self, "snakemake")),
            runtimePlatform=f"Python {made_by.python}, {made_by.machine}",
            softwareRequirements=[" ".join(p) for p in made_by.libraries.items()],
        )
        overlays = ", ".join(spec.overlays) or "the paper"
        choice = f"{overlays}; seeds {list(spec.seeds)}"
        self.name = spec.title
        self.description = f"{citation['abstract']} Configuration: {choice}."
        self.datePublished, self.license = made_by.date, licence
        self.root_dataset["conformsTo"] = self.note(PROFILE, "Process Run Crate")
        self.root_dataset["citation"] = self.paper(citation["preferred-citation"])

    def note(self, at: str, name: str, *types: str, **about: Any) -> Entity:
        """Add something that is not a file: a CreativeWork unless `types` are given."""
        content = {"@type": [*types] or "CreativeWork", "name": name, **about}
        return self.add(ContextEntity(self, at.replace(" ", "-"), content))

    def paper(self, cited: dict[str, Any]) -> Entity:
        """Add the paper that the workflow reproduces, an entry of CITATION.cff."""
        names = [f"{a['given-names']} {a['family-names']}" for a in cited["authors"]]
        authors = [self.note(f"#{name}", name, "Person") for name in names]
        about = {"author": authors, "datePublished": str(cited["year"])}
        return self.note(cited["url"], cited["title"], "ScholarlyArticle", **about)

    def files(self, *paths: Path, **about: str) -> list[Entity]:
        """Add those of the files that the crate has."""
        found = []
        for path in filter(self.kept, paths):
            self.described.append(path)
            name = path.relative_to(self.results.root)
            about |= {"name": str(name), "contentSize": str(path.stat().st_size)}
            media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
            about["encodingFormat"] = media_type
            found.append(self.add_file(path, name, properties=about))
        return found

    def data(self, name: str) -> Entity:
        """Add a data set: its card, and those of its arrays and tables that exist."""
        files = self.results.data(name)
        card = read_json(files.card, "data card")
        parts = self.files(files.card)
        for file, sha256 in card["sha256"].items():
            parts += self.files(files.folder / file, sha256=sha256)
        about = {"name": card["title"], "creditText": card["source"], "hasPart": parts}
        about["license"] = self.note(f"#licence-{name}", card["licence"])
        return self.add_dataset(files.folder, f"data/{name}", properties=about)

    def training(self, run: Name, data: dict[str, Entity]) -> Entity:
        """Add the action of a finished training, with its weights.

        Args:
            run: the run and its seed.
            data: entities of the data sets by name.
        """
        files = self.results.run(run.dataset, run.run, str(run.seed))
        facts = read_json(files.facts, "training facts")
        versions = ", ".join(f"{name} {v}" for name, v in facts["versions"].items())
        how = f"{facts['steps']} steps, {facts['seconds']:.0f} s, {facts['device']}"
        about = {"name": f"Training of {run}", "description": f"{how}, {versions}"}
        used = [data[run.dataset]] if run.dataset in data else []
        used += self.files(files.spec)
        made = self.files(files.weights, files.facts, files.history)
        at = f"#training/{run.label}/{run.seed}"
        return self.add_action(self.workflow, at, used, made, about)
