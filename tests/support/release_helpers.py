"""A finished results folder with real weights, and a release packed from it."""

import json
from pathlib import Path

from helpers import SHAPE, save_run, spec
from results_helpers import write_results

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.models import base
from vlae.report import release
from vlae.results.manifest import stamp
from vlae.system.files import write_json

SEEDS = (1, 2)
CARD = {
    "title": "strokes (built in)",
    "source": "Drawn by this project",
    "licence": "That of this project",
    "counts": {"train": 400, "test": 200},
    "shape": list(SHAPE),
    "sha256": {"train.npy": "abc", "test.npy": "abc"},
}


def finished_results(root: Path) -> Path:
    """Write runs `strokes/vlae` with weights, and pages of one byte or two."""
    write_results(root, ("vlae",), SEEDS)
    for seed in SEEDS:
        settings = spec(run="vlae", seed=seed)
        folder = root / "runs" / "strokes" / "vlae" / str(seed)
        save_run(folder, settings, base.build_model(settings))
    write_json(root / "data" / "strokes" / "card.json", CARD)
    for name in ("train.npy", "test.npy", "train.parquet"):
        (root / "data" / "strokes" / name).write_bytes(b"images")
    (root / "experiments" / "strokes" / "vlae" / "1" / "swapping.npz").write_bytes(b"i")
    old = root / "experiments" / "strokes" / "vlae" / "1" / "of_older_code.parquet"
    old.write_bytes(b"old")
    for name in ("figure5.png", "figure5.svg", "of_another_study.png"):
        (root / "figures" / name).write_text("picture")
    rows = json.loads((root / "report.spec.json").read_text())["runs"]
    write_json(root / "explorer.spec.json", {"title": "Tiny", "runs": rows})
    for page in ("report.html", "explorer.html"):
        (root / page).write_text("<!DOCTYPE html>")
    edit(root / "report.spec.json", explorer=True)
    restamp(root)
    return root


def restamp(root: Path) -> None:
    """Make the report one of the results as they are now."""
    results = ResultsFolder(root)
    files = stamp(ReportSpec.read(results.report_spec), results)
    edit(results.provenance, files=files)


def edit(path: Path, **changes: object) -> None:
    """Replace keys of a JSON file."""
    write_json(path, {**json.loads(path.read_text()), **changes})


def packed(root: Path, out: Path) -> Path:
    """Pack a release without a word."""
    release.pack(ResultsFolder(root), out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, but for the lock of `vlae fetch-weights`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
