"""A sweep in the report, in a reference, and in what belongs to a report."""

import json
from html.parser import HTMLParser

import pandas as pd
import pytest
from report_helpers import write_report
from sweeps_helpers import effects, sweep_spec, write_sweep

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report import reference
from vlae.results import manifest

SPEC = sweep_spec()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("project") / "results"
    write_report(root)
    write_sweep(root, SPEC, effects(SPEC))
    files = ResultsFolder(root).sweep("x")
    words = ["--spec", files.spec, "--table", files.table, "--out", files.svg]
    assert main(["sweep", *map(str, words)]) == 0
    path = root / "report.spec.json"
    spec = json.loads(path.read_text())
    spec["sweeps"] = [SPEC.as_dict()]
    path.write_text(json.dumps(spec))
    words = ["--spec", path, "--out", root / "report.html"]
    words += ["--provenance", root / "report.provenance.json"]
    assert main(["report", *map(str, words)]) == 0
    return ResultsFolder(root)


@pytest.fixture(scope="module")
def text(results):
    whole = results.report.read_text()
    return whole.split('<section id="sweep-x">')[1].split("</section>")[0]


def test_the_command_writes_table_and_pictures(results):
    files = results.sweep("x")
    assert len(pd.read_parquet(files.table)) == 72
    assert files.png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in files.svg.read_text()


def test_the_section_has_question_figure_and_what_decides(text):
    for words in (
        "<h2>Sweep x: Which?</h2>",
        "<code>strokes/pilot</code>",
        "thickness depends most on start.",
        "18 trainings on Strokes only: 6 cells, each with seeds 1, 2, 3.",
        "4 tests were made",
        "-- results/sweeps/x.svg",
        "results/sweeps/x.{parquet,svg,png,spec.json}",
        'vlae.load_results().sweep("x")',
        'src="data:image/',
    ):
        assert words in text, words


def test_the_section_says_what_each_value_sets(text):
    rows = text.split('data-name="sweep-x-values"')[1]
    cells = [cell.partition("</td>")[0] for cell in rows.split("<td")[1:]]
    words = [cell.partition(">")[2] for cell in cells]
    assert words[:3] == ["start", "authors", "as strokes/pilot"]
    assert words[3:6] == ["start", "normal", "training.steps: normal"]


def test_the_page_leads_to_the_section(results):
    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name == "href")

    found: list[str | None] = []
    Links().feed(results.report.read_text())
    assert found.count("#sweep-x") == 2


def test_what_the_report_is_made_from_has_the_sweep(results):
    stamped = manifest.stamp(ReportSpec.read(results.report_spec), results)
    assert {"sweeps/x.spec.json", "sweeps/x.parquet"} <= stamped.keys()


def test_a_reference_keeps_what_decides(results, tmp_path):
    reference.save(results, tmp_path / "made")
    folder = tmp_path / "made" / "figures"
    table = pd.read_csv(folder / "sweep-x.csv")
    assert [*table.columns] == ["property", "start", "gate", "combinations", "seeds"]
    assert (folder / "sweep-x.png").is_file()
    (found,) = reference.read(tmp_path)
    assert "sweep-x" in found.figures and "sweep-x" in found.pictures
