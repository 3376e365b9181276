"""A release: finished results, packed into a flat folder of files to give to others.

    report.html, explorer.html   the pages, unless they may show images of people
    ro-crate.zip                 the RO-Crate: tables, figures, specs, facts, histories
    DATASET.RUN.SEED.zip         a trained model: weights, spec, facts, history, tables
    DATASET.RUN.md               the model card of a run
    weights.json                 the manifest, which `vlae fetch-weights` reads
    SHA256SUMS                   checksums of all of them, for `sha256sum -c`

The folder is flat, since GitHub's releases are. The same results give the same bytes.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from vlae import __version__
from vlae.config.experiment_tables import tables
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ExplorerSpec, ReportSpec, RunRow
from vlae.config.run_spec import RunSpec
from vlae.report import model_card, ro_crate
from vlae.report.provenance import Provenance, cautions
from vlae.report.reference import PUBLISHABLE
from vlae.results.manifest import demand
from vlae.results.released import (
    CARD,
    CHECKSUMS,
    MANIFEST,
    Manifest,
    ReleasedFile,
    ReleasedRun,
)
from vlae.results.run_results import RunResults
from vlae.results.text import first_of
from vlae.system.checkout import of_repository
from vlae.system.errors import UserError
from vlae.system.files import sha256, write_json

CRATE = "ro-crate.zip"
NOTE = "Weights lie beside this archive; images that the models saw are not in it."
PACKING_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of everything in a zip, so that the same results give the same bytes."""
MAX_NAMED_RUNS = 3
"""A message names this many runs and counts the others."""


def pack(results: ResultsFolder, out: Path) -> list[str]:
    """Pack the results of a finished report for a release.

    Pages and figures that may show images of other data sets than `PUBLISHABLE` are
    left out, since those may be photographs of people. Weights are packed for all data.

    Args:
        results: the results folder.
        out: folder to write; it must not exist.

    Returns:
        remarks for the user: what was left out, and what to mend before others get it.

    Raises:
        UserError: if the results are not finished, or changed since their report was
            written; if `out` exists; or if a file is missing or broken.
    """
    if out.exists():
        raise UserError(
            f"{out}: exists already; a release is packed into a new folder. Choose "
            "another one, or remove it."
        )
    spec = ReportSpec.read(results.report_spec)
    made_by = Provenance.read(results.provenance)
    demand(results)
    rows = spec.overviewed()
    _demand_trainings(rows, results)
    templates = of_repository("report")
    pages, remarks = _pages(spec, results)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        folder = Path(name) / "new"
        folder.mkdir()
        for page in pages:
            shutil.copyfile(page, folder / page.name)
        runs = []
        for row in rows:
            packed = [
                _pack_seed(row, seed, spec.experiments, results, folder)
                for seed in row.seeds
            ]
            names = [entry.archive.path for entry in packed]
            run = RunResults(row, results)
            card = model_card.render(run, results, made_by, names, templates)
            _write_text(folder / f"{row.dataset}.{row.run}{CARD}", card)
            runs += packed
        _pack_crate(spec, rows, pages, results, folder / CRATE)
        _write_manifest(spec, made_by, runs, folder)
        folder.replace(out)
    left = len(spec.runs) - len(rows)
    if left:
        remarks.append(f"weights of {left} cells of sweeps left out")
    return remarks + cautions(made_by)


def _demand_trainings(rows: Sequence[RunRow], results: ResultsFolder) -> None:
    """Raise UserError unless the report and all trainings in it are finished."""
    if not results.report.is_file():
        raise UserError(f"{results.report}: no such file; run the pipeline first.")
    missing = []
    for row in rows:
        for seed in row.seeds:
            files = results.run_of(row, seed)
            needed = (files.spec, files.weights, files.facts, files.history)
            if not all(path.is_file() for path in needed):
                missing.append(f"{row.dataset}/{row.run}/{seed}")
    if missing:
        raise UserError(
            f"{results.root}: not finished: no complete training of "
            f"{first_of(missing, MAX_NAMED_RUNS)}. Run the same snakemake "
            "command again until it is finished."
        )


def _pages(spec: ReportSpec, results: ResultsFolder) -> tuple[list[Path], list[str]]:
    """Return the pages to pack, and remarks about those that are left out."""
    shown = {results.report: {*spec.datasets} | {row.dataset for row in spec.runs}}
    remarks = []
    if spec.explorer and results.explorer.is_file():
        rows = ExplorerSpec.read(results.explorer_spec).runs
        shown[results.explorer] = {row.dataset for row in rows}
    else:
        remarks.append("explorer.html left out: there is none")
    for page, datasets in list(shown.items()):
        private = sorted(datasets - {*PUBLISHABLE})
        if private:
            del shown[page]
            remarks.append(_not_publishable(page.name, private))
    for figure in spec.figures:
        private = sorted({row.dataset for row in figure.rows} - {*PUBLISHABLE})
        if private:
            name = f"pictures of {figure.figure}"
            remarks.append(_not_publishable(name, private))
    return [*shown], remarks


def _not_publishable(what: str, datasets: Sequence[str]) -> str:
    return (
        f"{what} left out: may show images of {', '.join(datasets)}, which are not "
        f"known to be free to publish (only {', '.join(PUBLISHABLE)} are)"
    )


def _pack_seed(
    row: RunRow,
    seed: int,
    experiments: Iterable[str],
    results: ResultsFolder,
    folder: Path,
) -> ReleasedRun:
    """Pack what belongs to one training, and describe it.

    Args:
        row: the run.
        seed: one of its seeds.
        experiments: names of experiments, whose tables are packed as far as there are
            any; those of an earlier configuration may be of other code.
        results: the results folder.
        folder: folder to write to.
    """
    files = results.run_of(row, seed)
    found = (
        results.table(name, row.dataset, row.run, seed)
        for experiment in experiments
        for name in tables(experiment)
    )
    paths = [files.spec, files.weights, files.facts, files.history]
    paths += filter(Path.is_file, found)
    archive = folder / f"{row.dataset}.{row.run}.{seed}.zip"
    members = {str(path.relative_to(results.root)): path for path in paths}
    _zip(archive, members, {})
    run = RunResults(row, results)
    spec, facts = RunSpec.read(files.spec), run.facts(seed)
    return ReleasedRun(
        dataset=row.dataset,
        run=row.run,
        seed=seed,
        label=row.label,
        model=spec.model,
        network=spec.network_name,
        preset=spec.preset,
        steps=facts["steps"],
        parameters=facts["parameters"],
        archive=_released(archive, archive.name),
        files=tuple(_released(path, name) for name, path in sorted(members.items())),
    )


def _pack_crate(
    spec: ReportSpec,
    rows: Iterable[RunRow],
    pages: Iterable[Path],
    results: ResultsFolder,
    out: Path,
) -> None:
    """Pack the RO-Crate of what may be given to others, without weights and images."""
    kept = {*pages, results.report_spec, results.provenance, results.verdicts}
    for row in rows:
        kept.add(results.data(row.dataset).card)
        for seed in row.seeds:
            files = results.run_of(row, seed)
            kept |= {files.spec, files.facts, files.history}
    for figure in spec.figures:
        if {row.dataset for row in figure.rows} <= {*PUBLISHABLE}:
            drawn = results.figure(figure.figure)
            kept |= {drawn.svg, drawn.png}
    for sweep in spec.sweeps:  # their pictures are maps of numbers
        of_sweep = results.sweep(sweep.name)
        kept |= {of_sweep.table, of_sweep.svg, of_sweep.png}
    there = {path for path in kept if path.is_file()}
    metadata, described = ro_crate.described(results, there.__contains__, NOTE)
    members = {str(path.relative_to(results.root)): path for path in described}
    text = json.dumps(metadata, indent=2, sort_keys=True) + "\n"
    _zip(out, members, {results.crate.name: text.encode()})


def _write_manifest(
    spec: ReportSpec, made_by: Provenance, runs: Sequence[ReleasedRun], folder: Path
) -> None:
    """Write the manifest and the checksums of a packed folder."""
    archives = {run.archive.path for run in runs}
    others = [path for path in sorted(folder.iterdir()) if path.name not in archives]
    manifest = Manifest(
        title=spec.title,
        version=__version__,
        commit=made_by.commit,
        date=made_by.date,
        runs=tuple(runs),
        files=tuple(_released(path, path.name) for path in others),
    )
    write_json(folder / MANIFEST, manifest.as_dict())
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    _write_text(folder / CHECKSUMS, "".join(lines))


def _zip(out: Path, members: dict[str, Path], texts: dict[str, bytes]) -> None:
    """Write a zip of files and contents by name; nothing is compressed.

    Compressed bytes would depend on the version of zlib, and Parquet files, pictures
    and weights hardly shrink.
    """
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted([*members, *texts]):
            entry = zipfile.ZipInfo(name, PACKING_DATE)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, wherever it is packed
            with archive.open(entry, "w", force_zip64=True) as packed:
                if name in texts:
                    packed.write(texts[name])
                else:
                    with members[name].open("rb") as file:
                        shutil.copyfileobj(file, packed)


def _released(path: Path, name: str) -> ReleasedFile:
    return ReleasedFile(path=name, size=path.stat().st_size, sha256=sha256(path))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
