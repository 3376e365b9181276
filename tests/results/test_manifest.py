"""Results that a run cut off are not taken for those of their report."""

import pytest
from results_helpers import write_results, write_seed

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.results.manifest import changed, demand, stamp
from vlae.system.errors import UserError
from vlae.system.files import read_json, write_json

SEEDS = (1, 2)
TRAINED = "runs/strokes/vlae/2"


@pytest.fixture
def results(tmp_path):
    """A results folder whose report was written from what lies there."""
    root = write_results(tmp_path / "results", ("vlae",), SEEDS)
    folder = ResultsFolder(root)
    made = read_json(folder.provenance, "provenance")
    files = stamp(ReportSpec.read(folder.report_spec), folder)
    write_json(folder.provenance, {**made, "files": files})
    return folder


def test_what_the_report_was_made_of(results):
    files = read_json(results.provenance, "provenance")["files"]
    assert {
        "report.spec.json",
        "claims/F5.spec.json",
        "claims/F5.findings.parquet",
        "claims/F5.verdicts.parquet",
        "tables/claims.parquet",
        f"{TRAINED}/spec.json",
        f"{TRAINED}/history.parquet",
        f"{TRAINED}/training.json",
        "experiments/strokes/vlae/2/effects.parquet",
    } <= set(files)
    assert changed(results) == []
    demand(results)


def test_a_run_beside_it_changes_nothing(results):
    write_seed(results.root, "other", 1)
    assert changed(results) == []


def test_what_the_report_does_not_read_is_not_stamped(results):
    """Files of an earlier configuration: nothing will make them again."""
    left = (
        *("claims/L.spec.json", "claims/L.verdicts.parquet", "tables/old.parquet"),
        "experiments/strokes/vlae/2/gibbs.parquet",
    )
    for name in left:
        (results.root / name).write_text("old")
    spec = ReportSpec.read(results.report_spec)
    files = stamp(spec, results)
    assert not {*left} & {*files}
    assert files == read_json(results.provenance, "provenance")["files"]
    without_claims = ReportSpec.of({**spec.as_dict(), "claims": []})
    assert "tables/claims.parquet" not in stamp(without_claims, results)


@pytest.mark.parametrize("end", [False, True], ids=["begun", "trained"])
def test_a_rerun_that_was_cut_off_is_refused(results, tmp_path, capsys, end):
    if end:
        write_seed(results.root, "vlae", 2, elbo=-40)
    else:
        (results.root / TRAINED / "history.parquet").unlink()
    assert f"{TRAINED}/history.parquet" in changed(results)
    with pytest.raises(UserError, match="as when a run was cut off"):
        demand(results)
    out = tmp_path / "kept"
    words = ["--results", str(results.root)]
    assert main(["save-reference", *words, "--out", str(out)]) == 1 and not out.exists()
    assert main(["crate", *words]) == 1
    assert f"{results.root}: changed since report.html" in capsys.readouterr().err


def test_a_comparison_says_so(results, tmp_path):
    other = write_results(tmp_path / "other", ("vlae",), SEEDS)
    write_seed(results.root, "vlae", 2, elbo=-40)
    page = tmp_path / "c.html"
    words = ["compare", str(results.root), str(other), "--out", str(page)]
    assert main(words) == 0
    assert "Changed in A since its report was written" in page.read_text()
    assert "Changed in B" not in page.read_text()
