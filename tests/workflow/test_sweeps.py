"""The example of docs/sweeps.md: what it would run and, made tiny, what it gives."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from workflow_helpers import copied_tree, edit, jobs, planned, snakemake

from vlae.system.checkout import ROOT

PAGE = (ROOT / "docs" / "sweeps.md").read_text()
FILES = dict(
    re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
EXAMPLE = "my/start.yaml"
TINY = {
    "defaults": {
        "training": {"steps": 12},
        "evaluation": {"every": 6, "images": 100},
    },
    "datasets": {"strokes": {"train": 400, "test": 200}},
    "networks": {"classifier-conv": {"width": 0.1}},
    "presets": {
        "classifier": {"training": {"steps": 8}, "evaluation": {"every": 4}},
    },
    "runs": {"strokes": {"pilot": {"network_settings": {"width": 0.05}}}},
    "experiments": {"generation": {"draws": 32}},
}
SMALL = ["--configfile", EXAMPLE, "my/tiny.yaml"]
CELLS = [
    f"strokes/start-codes_start-{start}_codes-{codes}"
    for start in ("authors", "normal-everywhere")
    for codes in ("2-in-each", "1-at-the-bottom")
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = copied_tree(tmp_path_factory.mktemp("tree"))
    (tree / "my").mkdir()
    for name, content in FILES.items():
        (tree / name).write_text(content)
    (tree / "my" / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return tree


def work(printed):
    """The jobs that are more than the writing of a spec."""
    return {job for job in printed if not job.split()[0].endswith(("_spec", "sources"))}


def test_the_page_has_the_files_that_are_tried():
    assert [*FILES] == [EXAMPLE, "my/means.py"]
    assert PAGE.count("```") == 2 * len(FILES)


def test_what_would_run_are_the_cells_and_nothing_else(tree):
    trainings = [f"{cell}/{seed}" for cell in CELLS for seed in (1, 2)]
    assert work(planned(tree, config=EXAMPLE)) == {
        "prepare strokes",
        "train strokes/classifier/0",
        *(f"train {training}" for training in trainings),
        *(f"experiment {training}/generation" for training in trainings),
        "sweep start-codes",
        "verdicts",
        "report",
    }
    assert CELLS[0] in PAGE


@pytest.mark.slow
def test_a_whole_sweep(tree):
    """Last, as it leaves results: all of it takes two minutes on two cores."""
    printed = snakemake(tree, config=SMALL)
    assert "sweep start-codes" in jobs(printed)
    assert "sweeps 1 of 1" in printed
    folder = tree / "results" / "sweeps"
    table = pd.read_parquet(folder / "start-codes.parquet")
    assert table.groupby(["start", "codes", "seed"]).ngroups == 8
    assert (folder / "start-codes.png").read_bytes().startswith(b"\x89PNG")
    text = (tree / "results" / "report.html").read_text()
    assert 'id="sweep-start-codes"' in text
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    subprocess.run(
        [sys.executable, "my/means.py"], cwd=tree, env=environment, check=True
    )
    # Nothing is left to do, and what changes reaches what it concerns.
    assert not work(planned(tree, config=SMALL))
    (tree / "my" / "more.yaml").write_text(
        "sweeps: {start-codes: {seeds: [1, 2, 3]}}\n"
    )
    more = work(planned(tree, config=[*SMALL, "my/more.yaml"]))
    trained = {job for job in more if job.startswith("train")}
    assert trained == {f"train {cell}/3" for cell in CELLS}
    edit(tree, "statistics/variance_shares.py", "\nEDITED = True\n")
    assert work(planned(tree, config=SMALL)) == {"sweep start-codes", "report"}
