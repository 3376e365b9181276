"""The first screen: one line per claim, whatever the claim consists of."""

from typing import Any

import pandas as pd
import pytest
from claims_helpers import FRESH, SHIPPED, decided, row
from effects_of_claims import HVAE, VLAE, permuted, write_all

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report.claims_section import MEANING, _number, claims_section
from vlae.statistics.thresholds import Outcome


def shown(root, name, runs, controls=None, shown_runs=None):
    """What the report shows of one claim on results in `root`."""
    folder = root / "results"
    (folder / "tables").mkdir(parents=True)
    (folder / "claims").mkdir()
    verdicts, findings = decided(root, name, runs, controls)
    verdicts.to_parquet(folder / "tables" / "claims.parquet")
    findings.to_parquet(folder / "claims" / f"{name}.findings.parquet")
    claim = {**SHIPPED[name], "id": name, "runs": runs, "controls": controls or []}
    claim["needs_control"] = False
    claim.pop("depicts", None)
    claim["development_seeds"] = [0]
    report: dict[str, Any] = {
        "title": "",
        "overlays": [],
        "config": {},
        "seeds": [],
        "runs": runs if shown_runs is None else shown_runs,
    }
    report |= {"experiments": {}, "figures": [], "datasets": [], "explorer": False}
    spec = ReportSpec.of({**report, "claims": [claim]})
    (found,) = claims_section(spec, ResultsFolder(folder)).claims
    return found


SLANT = "slant_within_class"


def test_what_decides_nothing_is_shown_only(tmp_path):
    write_all(tmp_path, VLAE)
    found = shown(tmp_path, "layer-order", [row()])
    assert {verdict.verdict for verdict in found.verdicts} == {"shown only"}
    assert {v.seeds for v in found.verdicts} == {f"{FRESH[0]} to {FRESH[-1]}"}


def test_every_part_has_its_verdict(tmp_path):
    write_all(tmp_path, {**VLAE, SLANT: permuted(VLAE, (1, 0, 2))[SLANT]})
    found = shown(tmp_path, "F5", [row()])
    assert all(len(verdicts) == 1 for verdicts in found.parts.values())
    against = [v for v in found.verdicts if v.verdict != "supported"]
    assert (len(found.verdicts), len(against)) == (5, 1)
    assert against[0].css_class == "not-supported"
    assert against[0].passed == "0 of 8"
    assert found.meaning == MEANING[found.outcome]
    assert found.outcome == "partly supported and partly not"


def test_the_number_of_a_test_names_every_seed(tmp_path):
    write_all(tmp_path, HVAE, run="hvae-network-scale")
    found = shown(tmp_path, "F3", [row("hvae-network-scale")])
    numbers = [verdict.number for verdict in found.verdicts]
    assert numbers == [f"0.95 ({' / '.join(['0.95'] * 8)})"]


@pytest.mark.parametrize("others", [[], [row(dataset="other")]])
def test_a_data_set_that_all_runs_share_is_not_repeated(tmp_path, others):
    write_all(tmp_path, VLAE)
    found = shown(tmp_path, "F5", [row()], shown_runs=[row(), *others])
    titles = {verdict.label for verdict in found.verdicts}
    assert titles == ({"data: hvae"} if others else {"hvae"})


def test_where_seeds_are_too_few_it_says_how_they_ended(tmp_path):
    other = permuted(VLAE, (1, 0, 2))[SLANT]
    write_all(tmp_path, {**VLAE, SLANT: other}, seeds=(0, 31, 32))
    found = shown(tmp_path, "F5", [row(seeds=(0, 31, 32))])
    assert sorted(v.passed for v in found.verdicts) == ["0 of 2"] + ["2 of 2"] * 4
    assert sorted(v.counted_outcomes for v in found.verdicts) == [
        "2 fail",
        *["2 pass"] * 4,
    ]
    assert found.meaning.endswith("concluded from these runs (2 of 8 fresh seeds).")


def test_one_seed_has_the_interval_of_its_draws(tmp_path):
    write_all(tmp_path, HVAE, seeds=(0,))
    found = shown(tmp_path, "F3", [row(seeds=(0,))])
    (verdict,) = found.verdicts
    assert (verdict.passed, verdict.number) == ("1 of 1", "0.95 (0.93–0.97)")


def test_each_seed_is_printed_behind_the_mean():
    numbers = pd.Series([0.16, float("nan"), 0.83, 9.0])
    outcomes = [Outcome.FAILS, Outcome.OPEN, Outcome.FAILS, Outcome.UNMEASURED]
    table = pd.DataFrame({"number": numbers, "outcome": map(str, outcomes)})
    assert _number(table) == "0.50 (0.16 / – / 0.83 / –)"
    assert _number(table.assign(number=float("nan"))) == ""


def test_controls_are_counted_once(tmp_path):
    write_all(tmp_path, VLAE)
    write_all(tmp_path, {**VLAE, "class": [0.9, 0.3, 0.1]}, run="vae")
    found = shown(tmp_path, "F5", [row()], [{**row("vae"), "label": "Flat VAE, cut"}])
    controls = {verdict.controls for verdict in found.verdicts}
    assert controls == {"Flat VAE, cut 8 of 8", "Flat VAE, cut 0 of 8"}
    (supported,) = [v for v in found.verdicts if v.verdict == "supported"]
    assert supported.part == "class in layer 3"
    assert supported.controls == "Flat VAE, cut 0 of 8"
