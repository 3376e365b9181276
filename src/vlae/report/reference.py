"""A reference: small tables and pictures of a full run, saved in the repository.

A folder of `reference/` holds::

    reference.json          title, overlays, seeds, commit, date, versions, machine
    runs.csv                one row per run: label, seeds, parameters, device, time
    settings.csv            dataset, run, key and value, of the first seed
    held_out.csv            dataset, run and term; over seeds: count, mean, ... range
    verdicts.csv            verdicts, each with hashes of what its test depends on
    findings.csv            what each seed says about a claim: outcome, number, note
    numbers.csv             dataset, run, table and name; over seeds: count, ... range
    figures/NAME.csv, .png  the table of a figure; its picture if it may be published
    figures/sweep-NAME.*    the same of a sweep

as text with six significant digits, so that git shows what a new reference changes.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.claims.base import numbers
from vlae.config.experiment_tables import makers
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, FigureSpec, ReportSpec, SweepSpec
from vlae.config.run_spec import RunSpec
from vlae.figures import sweep
from vlae.report.images import MAX_BYTES, small
from vlae.report.provenance import Provenance, cautions
from vlae.results.inventory import Inventory
from vlae.results.manifest import demand
from vlae.results.numbers import numbers as numbers_of
from vlae.results.run_results import RunResults, read_table
from vlae.results.settings_diff import texts
from vlae.statistics.seed_spread import Seeds
from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.files import digest, read_json, write_json

FACTS_FILE = "reference.json"
FLOAT_FORMAT = "%.6g"
HASH_LENGTH = 12
PUBLISHABLE = ("mnist", "strokes", "strokes-colour")
"""Data sets whose images may be in the repository: no photographs of people."""
NUMBER_TABLES = ("chains", "effects", "recomposed", "redundancy", "stability")
"""Tables of experiments whose numbers are kept: those that claims are decided on."""
MACHINE_KEYS = ("seed", "device", "threads", "compile")
"""Keys of a run spec that change bits, and numbers by less than seeds do."""
VERDICT_COLUMNS = [
    *("id", "part", "dataset", "run", "label", "verdict", "reason", "passed"),
    *("controls", "number", "low", "high", "seeds"),
    *("criterion", "experiments", "runs"),
]
FINDING_COLUMNS = [
    *("id", "part", "dataset", "run", "seed", "control", "outcome"),
    *("number", "low", "high", "note"),
]


@dataclass(frozen=True)
class Reference:
    """The content of a reference; the docstring of this module describes its files."""

    name: str
    facts: dict[str, Any]
    runs: pd.DataFrame
    settings: pd.DataFrame
    held_out: pd.DataFrame
    verdicts: pd.DataFrame
    figures: dict[str, pd.DataFrame]
    """Tables by the name of the figure."""
    pictures: dict[str, bytes]
    """Content of png files by the name of the figure."""

    def settings_of(self, run: RunResults) -> dict[str, str]:
        """Return the settings of a run by key; empty if the reference lacks the run."""
        chosen = self._of_run(self.settings, run)
        return dict(zip(chosen["key"], chosen["value"], strict=True))

    def held_out_of(self, run: RunResults) -> dict[str, Seeds]:
        """Return the held-out numbers of a run over seeds, by term."""
        return {
            row["term"]: Seeds(
                int(row["count"]),
                row["mean"],
                row["deviation"],
                row["low"],
                row["high"],
            )
            for row in self._of_run(self.held_out, run).to_dict("records")
        }

    def run_names(self) -> set[str]:
        """Return the names of its runs, `dataset/run`."""
        return set(self.runs["dataset"] + "/" + self.runs["run"])

    @staticmethod
    def _of_run(table: pd.DataFrame, run: RunResults) -> pd.DataFrame:
        return table[(table["dataset"] == run.dataset) & (table["run"] == run.run)]


# What results say


def settings(run: RunResults) -> dict[str, str]:
    """Return all that decides the numbers of a run, by key.

    Settings are those of the first seed, without the seed and the machine; the hash
    `data_sha256` stands for the data.
    """
    seed = run.seeds[0]
    spec = RunSpec.read(run.files(seed).spec).as_dict()
    own = {key: value for key, value in spec.items() if key not in MACHINE_KEYS}
    return texts({**own, "data_sha256": run.facts(seed)["data_sha256"]})


def held_out(run: RunResults) -> dict[str, Seeds]:
    """Return every held-out term at the end of training, over seeds."""
    found = run.held_out()
    return {str(term): Seeds.of(found[term].dropna().tolist()) for term in found}


def dependences(
    claim: ClaimSpec, dataset: str, run: str, spec: ReportSpec, results: ResultsFolder
) -> dict[str, str]:
    """Return short hashes of what the tests of a claim on one run depend on.

    Returns:
        `criterion`: of the claim's kind and its numbers, without their reasons.
        `experiments`: of the settings of the experiments that it reads.
        `runs`: of the settings of the run and of its controls.
    """
    needed = registry.constant("claims", claim.kind, "TABLES")
    itself = [row for row in claim.runs if row.run == run]
    runs = [
        RunResults(row, results)
        for row in [*itself, *claim.controls]
        if row.dataset == dataset
    ]
    parts = {
        "criterion": [claim.kind, numbers(claim.criterion)],
        "experiments": [spec.experiments[name] for name in makers(needed)],
        "runs": {run.run: settings(run) for run in runs},
    }
    return {name: digest(part)[:HASH_LENGTH] for name, part in parts.items()}


def verdicts(spec: ReportSpec, results: ResultsFolder) -> pd.DataFrame:
    """Return the table of verdicts with `dependences`; empty if there are no claims."""
    if not spec.claims:
        return pd.DataFrame(columns=VERDICT_COLUMNS)
    table = read_table(results.verdicts)
    claims = {claim.id: claim for claim in spec.claims}
    table = table[table["id"].isin(claims)]
    subjects = ["id", "dataset", "run"]
    found = {
        (claim, dataset, run): dependences(claims[claim], dataset, run, spec, results)
        for claim, dataset, run in table[subjects].drop_duplicates().to_numpy()
    }
    rows = [
        {**row, **found[row["id"], row["dataset"], row["run"]]}
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=VERDICT_COLUMNS)


def findings(spec: ReportSpec, results: ResultsFolder) -> pd.DataFrame:
    """Return what each seed, those of controls too, says about each claim."""
    tables = [
        read_table(results.claim(claim.id).findings).assign(id=claim.id)
        for claim in spec.claims
    ]
    if not tables:
        return pd.DataFrame(columns=FINDING_COLUMNS)
    return pd.concat(tables)[FINDING_COLUMNS]


def experiment_numbers(
    spec: ReportSpec, results: ResultsFolder
) -> list[dict[str, Any]]:
    """Return the numbers of `NUMBER_TABLES` over seeds, one row per number."""
    seeds = {(row.dataset, row.run): row.seeds for row in spec.runs}
    inventory = Inventory(results.root)
    wanted = [
        name
        for name in inventory.experiments()
        if name.subject in NUMBER_TABLES
        and name.seed in seeds.get((name.dataset, name.run), [])
    ]
    rows = []
    for key, values in numbers_of(inventory, wanted).items():
        found = [value for value in values.values() if isinstance(value, float)]
        if key.table in NUMBER_TABLES and found:
            dataset, run = key.run.split("/")
            row = {"dataset": dataset, "run": run, "table": key.table, "name": key.name}
            rows.append({**row, **asdict(Seeds.of(found))})
    return rows


# Writing


def save(results: ResultsFolder, out: Path) -> list[str]:
    """Write a reference from a results folder whose report is finished.

    An existing reference is replaced when the new one is complete.

    Args:
        results: the results folder.
        out: folder to write, `reference/NAME`.

    Returns:
        remarks for the user: pictures that were left out, uncommitted changes, runs of
        another version of the code.

    Raises:
        UserError: if a file of the results is missing, broken or newer than the
            report, or `out` exists and is not a reference.
    """
    if out.exists() and not (out / FACTS_FILE).is_file():
        raise UserError(
            f"{out}: exists and is not a reference (it has no {FACTS_FILE}); choose "
            "another folder, such as reference/NAME."
        )
    spec = ReportSpec.read(results.report_spec)
    made_by = Provenance.read(results.provenance)
    demand(results)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        folder = Path(name) / "new"
        write_json(folder / FACTS_FILE, _facts(spec, made_by))
        _write_tables(folder, spec, results)
        left_out = _write_figures(folder / "figures", spec.figures, results)
        _write_sweeps(folder / "figures", spec.sweeps, results)
        if out.exists():
            shutil.rmtree(out)
        folder.replace(out)
    return left_out + cautions(made_by)


def _facts(spec: ReportSpec, made_by: Provenance) -> dict[str, Any]:
    made = made_by.as_dict()
    del made["files"]
    return {**made, "title": spec.title, "overlays": spec.overlays, "seeds": spec.seeds}


def _write_tables(folder: Path, spec: ReportSpec, results: ResultsFolder) -> None:
    """Write the tables of runs, settings, held-out terms and verdicts."""
    runs = [RunResults(row, results) for row in spec.runs]
    _write(folder / "runs.csv", [_run_row(run) for run in runs])
    of_runs = [
        {**_identity(run), "key": key, "value": value}
        for run in runs
        for key, value in settings(run).items()
    ]
    _write(folder / "settings.csv", of_runs)
    terms = [
        {**_identity(run), "term": term, **asdict(seeds)}
        for run in runs
        for term, seeds in held_out(run).items()
    ]
    _write(folder / "held_out.csv", terms)
    _write(folder / "verdicts.csv", verdicts(spec, results))
    _write(folder / "findings.csv", findings(spec, results))
    _write(folder / "numbers.csv", experiment_numbers(spec, results))


def _write_figures(
    folder: Path, figures: Sequence[FigureSpec], results: ResultsFolder
) -> list[str]:
    """Write the table of each figure, and its picture if it may be published.

    Returns:
        a remark for each picture that was left out.
    """
    remarks = []
    for figure in figures:
        name = figure.figure
        runs = [RunResults(row, results) for row in figure.rows]
        _write(folder / f"{name}.csv", registry.load("figures", name).numbers(runs))
        photographs = {row.dataset for row in figure.rows} - {*PUBLISHABLE}
        picture = None if photographs else small(results.figure(name).png)
        if picture is not None:
            (folder / f"{name}.png").write_bytes(picture)
        elif photographs:
            names = ", ".join(sorted(photographs))
            remarks.append(f"{name}.png left out: it may show images of {names}")
        else:
            size = MAX_BYTES // 1000
            remarks.append(f"{name}.png left out: larger than {size} kB")
    return remarks


def _write_sweeps(
    folder: Path, sweeps: Sequence[SweepSpec], results: ResultsFolder
) -> None:
    """Write what decides each property of each sweep, and its picture."""
    for spec in sweeps:
        files, name = results.sweep(spec.name), f"sweep-{spec.name}"
        found = sweep.decisions(spec, read_table(files.table))
        _write(folder / f"{name}.csv", sweep.shares_table(spec, found))
        picture = small(files.png)
        if picture is not None:
            (folder / f"{name}.png").write_bytes(picture)


def _write(path: Path, table: pd.DataFrame | list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(path, index=False, float_format=FLOAT_FORMAT)


def _identity(run: RunResults) -> dict[str, str]:
    return {"dataset": run.dataset, "run": run.run}


def _run_row(run: RunResults) -> dict[str, Any]:
    facts = [run.facts(seed) for seed in run.seeds]
    return {
        **_identity(run),
        "label": run.title,
        "seeds": " ".join(map(str, run.seeds)),
        "parameters": facts[0]["parameters"],
        "steps": facts[0]["steps"],
        "seconds": round(sum(fact["seconds"] for fact in facts) / len(facts)),
        "device": facts[0]["device"],
        "torch": facts[0]["versions"]["torch"],
        "code": facts[0]["code"],
    }


# Reading


def read(folder: Path) -> list[Reference]:
    """Return the references in a folder, by name.

    Raises:
        UserError: if a file is missing or broken.
    """
    return [_read(path.parent) for path in sorted(folder.glob(f"*/{FACTS_FILE}"))]


def _read(folder: Path) -> Reference:
    ends = ("mean", "deviation", "low", "high")
    return Reference(
        name=folder.name,
        facts=read_json(folder / FACTS_FILE, "facts of the reference"),
        runs=_csv(folder / "runs.csv"),
        settings=_csv(folder / "settings.csv"),
        held_out=_csv(folder / "held_out.csv", ("count", *ends)),
        verdicts=_csv(folder / "verdicts.csv", ("number", "low", "high")),
        figures={
            path.stem: _csv(path) for path in sorted(folder.glob("figures/*.csv"))
        },
        pictures={p.stem: p.read_bytes() for p in folder.glob("figures/*.png")},
    )


def _csv(path: Path, numeric: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table in which only the columns `numeric` are numbers.

    So a hash of digits stays text, and an empty cell of text is an empty text.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table.assign(**{name: pd.to_numeric(table[name]) for name in numeric})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Get it back from git, or write the "
            "reference again: python -m vlae save-reference --out reference/NAME"
        ) from None
