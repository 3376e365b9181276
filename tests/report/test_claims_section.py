"""The first screen: one line per claim, whatever the claim consists of."""

from typing import Any

from claims_helpers import SHIPPED, decided, row
from effects_of_claims import HVAE, VLAE, permuted, write_all

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report.claims_section import claims_section


def shown(root, name, runs):
    """What the report shows of one claim on results in `root`."""
    folder = root / "results"
    (folder / "tables").mkdir(parents=True)
    (folder / "claims").mkdir()
    verdicts, findings = decided(root, name, runs)
    verdicts.to_parquet(folder / "tables" / "claims.parquet")
    findings.to_parquet(folder / "claims" / f"{name}.findings.parquet")
    claim = {**SHIPPED[name], "id": name, "runs": runs, "controls": []}
    claim.pop("depicts", None)
    claim["development_seeds"] = [0]
    report: dict[str, Any] = {
        "title": "",
        "overlays": [],
        "config": {},
        "seeds": [],
        "runs": [],
    }
    report |= {"experiments": {}, "figures": [], "datasets": [], "explorer": False}
    spec = ReportSpec.of({**report, "claims": [claim]})
    (found,) = claims_section(spec, ResultsFolder(folder)).claims
    return found


def test_what_decides_nothing_has_no_number(tmp_path):
    write_all(tmp_path, VLAE)
    found = shown(tmp_path, "layer-order", [row()])
    assert [tally.verdict for tally in found.tally] == ["shown only"]
    assert (found.number, found.seeds) == ("", "21, 22, 23")


def test_verdicts_are_counted_in_the_order_of_the_best_first(tmp_path):
    write_all(tmp_path, {**VLAE, "slant": permuted(VLAE, (1, 0, 2))["slant"]})
    found = shown(tmp_path, "F5", [row()])
    tally = {one.verdict: one.count for one in found.tally}
    assert tally == {"supported": 4, "not supported": 1}
    assert [*tally] == ["supported", "not supported"]
    assert found.number == "", "several tests decide"
    assert found.tally[1].css_class == "not-supported"


def test_the_number_is_that_of_the_test_that_decides(tmp_path):
    write_all(tmp_path, HVAE)
    found = shown(tmp_path, "F3", [row()])
    assert found.number == ".90 (.88–.92)"
    assert [verdict.number for verdict in found.verdicts] == [found.number]


def test_where_seeds_are_too_few_it_says_how_they_ended(tmp_path):
    other = permuted(VLAE, (1, 0, 2))["slant"]
    write_all(tmp_path, {**VLAE, "slant": other}, seeds=(0, 21))
    found = shown(tmp_path, "F5", [row(seeds=(0, 21))])
    assert found.tally[0].verdict == "too few seeds"
    assert found.tested_so_far == "passes 8, fails 2"


def test_of_a_verdict_it_does_not(tmp_path):
    write_all(tmp_path, HVAE)
    assert shown(tmp_path, "F3", [row()]).tested_so_far == ""
