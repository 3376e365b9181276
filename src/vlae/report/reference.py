"""A reference: small tables and pictures of a full run, kept in the repository.

A folder of `reference/` holds

    reference.json          title, overlays, seeds, commit, date, versions, machine
    runs.csv                a row a run: label, seeds, parameters, device, time
    settings.csv            dataset, run, key, value: of the first seed
    held_out.csv            dataset, run, term; over seeds: count, mean, ... range
    verdicts.csv            verdicts, each with what its test depends on, as hashes
    figures/NAME.csv, .png  what a figure's table says; the picture where it may be kept

as text with six digits that count, so that git shows what a new reference changes.
"""

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.claims.base import numbers
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures.plotting import Row
from vlae.report.images import LARGEST, small
from vlae.results.manifest import demand
from vlae.results.run_results import read_table
from vlae.results.settings_diff import texts
from vlae.statistics.seed_spread import Seeds
from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.files import digest, read_json, write_json

FACTS = "reference.json"
DIGITS = "%.6g"
PICTURES = ("mnist", "strokes", "strokes-colour")
"""Data sets whose images may be in the repository: no photographs, nobody's face."""
MACHINE = ("seed", "device", "threads", "compile")
"""Keys of a run spec that change bits, and numbers by less than seeds do."""
Map = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """A reference as it was read; see the top of this module."""

    name: str
    facts: Map
    runs: pd.DataFrame
    settings: pd.DataFrame
    held_out: pd.DataFrame
    verdicts: pd.DataFrame
    figures: dict[str, pd.DataFrame]
    pictures: dict[str, bytes]

    def settings_of(self, dataset: str, run: str) -> dict[str, str]:
        """Its settings by key; empty where it has no such run."""
        chosen = self.settings.query("dataset == @dataset and run == @run")
        return dict(zip(chosen["key"], chosen["value"], strict=True))


# Of results


def settings(row: Row, results: Path) -> dict[str, str]:
    """All that decides the numbers of a run but its seed and machine, by key.

    Settings are those of the first seed; the data are told by their hash.
    """
    folder = results / "runs" / row.dataset / row.run / str(row.seeds[0])
    spec = read_json(folder / "spec.json", "run spec")
    own = {key: value for key, value in spec.items() if key not in MACHINE}
    return texts({**own, "data_sha256": row.facts(row.seeds[0])["data_sha256"]})


def held_out(row: Row) -> dict[str, Seeds]:
    """Every held-out term at the end of training, over seeds."""
    found = row.held_out()
    return {str(term): Seeds.of(found[term].dropna().tolist()) for term in found}


def dependences(claim: Map, dataset: str, spec: Map, results: Path) -> dict[str, str]:
    """What the tests of a claim on one data set depend on, as short hashes.

    `criterion`: its module and its numbers, without their reasons. `experiments`: the
    settings of those that it reads. `runs`: settings of its runs and controls there.
    """
    needed = registry.constant("claims", claim["kind"], "EXPERIMENTS")
    rows = [
        Row(RunRow.of(row), ResultsFolder(results))
        for row in [*claim["runs"], *claim["controls"]]
        if row["dataset"] == dataset
    ]
    parts = {
        "criterion": [claim["kind"], numbers(claim["criterion"])],
        "experiments": [spec["experiments"][name] for name in needed],
        "runs": {row.run: settings(row, results) for row in rows},
    }
    return {name: digest(part)[:12] for name, part in parts.items()}


def verdicts(spec: Map, results: Path) -> pd.DataFrame:
    """The table of verdicts with `dependences`; empty where nothing was judged.

    Args:
        spec: of the report, see `Configuration.report_spec`.
    """
    if not spec["claims"]:
        return pd.DataFrame(columns=VERDICT)
    table = read_table(results / "tables" / "claims.parquet")
    claims = {claim["id"]: claim for claim in spec["claims"]}
    keys = dict.fromkeys(zip(table["id"], table["dataset"], strict=True))
    found = {
        key: dependences(claims[key[0]], key[1], spec, results)
        for key in keys
        if key[0] in claims
    }
    rows = [
        {**row, **found[row["id"], row["dataset"]]}
        for row in table.to_dict("records")
        if row["id"] in claims
    ]
    return pd.DataFrame(rows, columns=VERDICT)


VERDICT = [
    *("id", "part", "dataset", "run", "label", "verdict", "reason"),
    *("number", "low", "high", "seeds", "criterion", "experiments", "runs"),
]


# Writing and reading


def keep(results: Path, out: Path) -> list[str]:
    """Write the reference `out` from a results folder whose report is finished.

    Returns:
        what a person should know: pictures that were left out, uncommitted changes,
        runs of other code.

    Raises:
        UserError: if a file of the results is missing, broken or newer than the
            report, or `out` is something else than a reference.
    """
    if out.exists() and not (out / FACTS).is_file():
        raise UserError(
            f"{out}: exists and is no reference (it has no {FACTS}); choose another "
            "folder, such as reference/NAME."
        )
    spec = read_json(results / "report.spec.json", "report spec")
    provenance = ResultsFolder(results).provenance
    made_by = read_json(provenance, "provenance of the report")
    demand(ResultsFolder(results))
    rows = [Row(RunRow.of(row), ResultsFolder(results)) for row in spec["runs"]]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        folder = Path(name) / "new"
        facts = {key: spec[key] for key in ("title", "overlays", "seeds")}
        facts |= {key: made_by[key] for key in made_by if key != "files"}
        write_json(folder / FACTS, facts)
        _write(folder / "runs.csv", [_facts(row) for row in rows])
        _write(folder / "settings.csv", _long(rows, lambda r: settings(r, results)))
        terms = [
            {"dataset": row.dataset, "run": row.run, "term": term, **asdict(seeds)}
            for row in rows
            for term, seeds in held_out(row).items()
        ]
        _write(folder / "held_out.csv", terms)
        _write(folder / "verdicts.csv", verdicts(spec, results))
        left_out = [
            remark
            for figure in spec["figures"]
            if (remark := _figure(figure, results, folder / "figures"))
        ]
        if out.exists():
            shutil.rmtree(out)
        folder.replace(out)
    changed = "uncommitted" in made_by["commit"]
    others = made_by.get("other_code", [])
    return [
        *left_out,
        *(["the report was written by code not committed"] * changed),
        *(
            [f"trained by other code than the commit's: {'; '.join(others)}"]
            * bool(others)
        ),
    ]


def read(folder: Path) -> list[Reference]:
    """The references in a folder, by name.

    Raises:
        UserError: if a file is missing or broken.
    """
    return [_read(path.parent) for path in sorted(folder.glob(f"*/{FACTS}"))]


def _read(folder: Path) -> Reference:
    ends = ("mean", "deviation", "low", "high")
    return Reference(
        folder.name,
        read_json(folder / FACTS, "facts of the reference"),
        _csv(folder / "runs.csv"),
        _csv(folder / "settings.csv"),
        _csv(folder / "held_out.csv", ("count", *ends)),
        _csv(folder / "verdicts.csv", ("number", "low", "high")),
        {path.stem: _csv(path) for path in sorted(folder.glob("figures/*.csv"))},
        {path.stem: path.read_bytes() for path in folder.glob("figures/*.png")},
    )


def _csv(path: Path, numbers: tuple[str, ...] = ()) -> pd.DataFrame:
    """A table whose columns `numbers` are numbers, and all others text.

    A hash of digits stays one so, and an empty cell of text is an empty text.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Get it back from git, or write the "
            "reference again: python -m vlae save-reference --out reference/NAME"
        ) from None


def _write(path: Path, table: pd.DataFrame | list[Map]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(path, index=False, float_format=DIGITS)


def _facts(row: Row) -> Map:
    facts = [row.facts(seed) for seed in row.seeds]
    return {
        "dataset": row.dataset,
        "run": row.run,
        "label": row.title,
        "seeds": " ".join(map(str, row.seeds)),
        "parameters": facts[0]["parameters"],
        "steps": facts[0]["steps"],
        "seconds": round(sum(fact["seconds"] for fact in facts) / len(facts)),
        "device": facts[0]["device"],
        "torch": facts[0]["versions"]["torch"],
        "code": facts[0]["code"],
    }


def _long(rows: list[Row], read: Any) -> list[Map]:
    return [
        {"dataset": row.dataset, "run": row.run, "key": key, "value": value}
        for row in rows
        for key, value in read(row).items()
    ]


def _figure(spec: Map, results: Path, folder: Path) -> str:
    """Write the table and the picture of a figure; why there is no picture, or ''."""
    name = spec["figure"]
    rows = [Row(RunRow.of(row), ResultsFolder(results)) for row in spec["rows"]]
    _write(folder / f"{name}.csv", registry.load("figures", name).numbers(rows))
    photographs = {row.dataset for row in rows} - {*PICTURES}
    if photographs:
        return f"{name}.png left out: it may show images of {', '.join(photographs)}"
    picture = small(results / "figures" / f"{name}.png")
    if picture is None:
        return f"{name}.png left out: larger than {LARGEST // 1000} kB"
    (folder / f"{name}.png").write_bytes(picture)
    return ""
