"""Where results come from, for those who find them in a clone that did not make them.

Snakemake knows what made a file from its record in `.snakemake`, beside `results`. Of
results without that record it only compares times, and takes them as they are.
"""

from pathlib import Path
from typing import Any

from vlae.files import read_json
from vlae.identity import training_code

Map = dict[str, Any]
STATE = Path(".snakemake")
RECORDS = ("metadata/*", "metadata.db")
"""Of `STATE`: what Snakemake has recorded, a file each or (if asked) in a database."""


def unrecorded(folder: Path) -> str:
    """What to say of finished trainings in `folder` without any record; maybe nothing.

    Args:
        folder: that of `results`, where Snakemake runs.
    """
    trained = len(list((folder / "results" / "runs").glob("*/*/*/training.json")))
    recorded = any(any((folder / STATE).glob(what)) for what in RECORDS)
    if recorded or not trained:
        return ""
    return (
        f"results/runs holds {trained} finished trainings, but {STATE}/ no record of "
        "what made them, as when results/ was copied without it. They are taken as "
        "they are: what configuration or code changed since is not seen. Copy "
        f"{STATE}/ too; or delete results/ (or add --forceall) to make all anew; or, "
        "if nothing changed, add --touch --forceall once, which records them."
    )


def other_code(rows: list[Map], results: Path) -> list[str]:
    """Runs that other code trained than this, as 'mnist/vlae, seeds 1, 2'.

    Args:
        rows: of a report spec, its `runs`.
    """
    found = []
    for row in rows:
        folder = results / "runs" / row["dataset"] / row["run"]
        seeds = [str(s) for s in row["seeds"] if not _ours(folder / str(s))]
        if seeds:
            word = "seed" if len(seeds) == 1 else "seeds"
            found.append(f"{row['dataset']}/{row['run']}, {word} {', '.join(seeds)}")
    return found


def _ours(folder: Path) -> bool:
    model = read_json(folder / "spec.json", "run spec")["network"]["model"]
    facts = read_json(folder / "training.json", "training facts")
    return facts["code"] == training_code(model)
