"""Claim equal-budget: models of one budget, ELBOs image by image, units in use."""

import numpy as np
import pandas as pd
import pytest
from claims_helpers import FRESH, decided, row, write_table
from effects_of_claims import HVAE_ALL, VLAE, write_all

LVAE_RUN, HVAE_RUN = "lvae-equal-budget", "hvae-equal-budget"
VLAE_RUN, FLAT_RUN = "vlae-equal-budget", "vae-equal-budget"


def budget(root, models, lvae=None):
    """Return verdicts on runs with these effects, and findings.

    Args:
        lvae: facts of the LVAE, for `write_run`.
    """
    for name, effects in models.items():
        facts = lvae or {} if name == LVAE_RUN else {}
        write_all(root, effects, run=name, **facts)
    runs = [row(name) for name in models if name != FLAT_RUN]
    verdicts, findings = decided(root, "equal-budget", runs, [row(FLAT_RUN)])
    keys = zip(verdicts["run"], verdicts["part"], strict=True)
    return dict(zip(keys, verdicts["verdict"], strict=True)), verdicts, findings


FLAT = {name: [0.4, 0.4, 0.4] for name in VLAE}
MODELS = {
    LVAE_RUN: HVAE_ALL,
    HVAE_RUN: HVAE_ALL,
    VLAE_RUN: VLAE,
    FLAT_RUN: FLAT,
}
ALL = {
    (LVAE_RUN, "one layer carries almost everything"): "supported",
    (LVAE_RUN, "not each property in its layer"): "supported",
    (HVAE_RUN, "one layer carries almost everything"): "supported",
    (HVAE_RUN, "not each property in its layer"): "supported",
    (VLAE_RUN, "no layer carries almost everything"): "supported",
    (VLAE_RUN, "each property in its layer"): "supported",
}


def test_lvae_and_hvae_have_the_problem_and_the_vlae_has_not(tmp_path):
    found, _, findings = budget(tmp_path, MODELS)
    assert found == ALL
    assert set(findings[findings["control"]]["run"]) == {FLAT_RUN}
    own = findings[
        (findings["run"] == LVAE_RUN) & findings["part"].str.startswith("not")
    ]
    note = own["note"].iloc[0]
    assert note.startswith(
        "thickness S 0.10 / 0.30 / 0.80, slant within the class S 0.10"
    )
    assert own["number"].iloc[0] == 0.25


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"parameters": 1210}, "1,210 parameters against 1,000"),
        ({"parameters": 790}, "790 parameters against 1,000"),
        ({"elbo": -55.1}, "ELBO perhaps 5 nats below that of 'vae-equal-budget'"),
    ],
)
def test_another_budget_or_a_worse_bound_does_not_count(tmp_path, facts, words):
    found, verdicts, _ = budget(tmp_path, MODELS, lvae=facts)
    for key, verdict in found.items():
        assert verdict == ("inconclusive" if key[0] == LVAE_RUN else "supported")
    reason = verdicts[verdicts["run"] == LVAE_RUN]["reason"].iloc[0]
    assert "8 open; does not count" in reason and words in reason


@pytest.mark.parametrize(("lower", "counts"), [(4.7, True), (4.9, False)])
def test_a_bound_that_is_surely_near_counts(tmp_path, lower, counts):
    """Two standard errors of 100 images with a standard deviation of 1 nat are 0.2."""
    for name, effects in MODELS.items():
        write_all(tmp_path, effects, run=name)
    for seed in FRESH:
        noise = np.random.default_rng(seed).standard_normal(100)
        elbo = -50 + (noise - noise.mean()) / noise.std(ddof=1) - lower
        table = {"image": range(100), "elbo": elbo}
        write_table(tmp_path, "bounds", pd.DataFrame(table), seed, run=LVAE_RUN)
        flat = {"image": range(120), "elbo": -50.0}  # of more images than the other
        write_table(tmp_path, "bounds", pd.DataFrame(flat), seed, run=FLAT_RUN)
    runs = [row(name) for name in MODELS if name != FLAT_RUN]
    verdicts, findings = decided(tmp_path, "equal-budget", runs, [row(FLAT_RUN)])
    found = set(verdicts.loc[verdicts["run"] == LVAE_RUN, "verdict"])
    assert found == {"supported" if counts else "inconclusive"}
    notes = findings.loc[findings["run"] == LVAE_RUN, "note"]
    assert notes.str.contains(rf"ELBO .* -{lower:.2f} nats \(-").all()


@pytest.mark.parametrize("facts", [{"parameters": 1190}, {"parameters": 810}])
def test_a_fifth_of_the_parameters_is_within_the_budget(tmp_path, facts):
    assert budget(tmp_path, MODELS, lvae=facts)[0] == ALL


def test_an_untrained_lvae_shows_no_problem(tmp_path):
    """Neither of the tests, nor the opposite of one."""
    found, _, _ = budget(tmp_path, MODELS, lvae={"rise": 0})
    assert {v for (run, _), v in found.items() if run == LVAE_RUN} == {"not supported"}


def test_models_that_change_places_are_not_supported(tmp_path):
    swapped = {
        LVAE_RUN: VLAE,
        HVAE_RUN: VLAE,
        VLAE_RUN: HVAE_ALL,
        FLAT_RUN: FLAT,
    }
    assert set(budget(tmp_path, swapped)[0].values()) == {"not supported"}


def test_a_flat_code_that_passes_invalidates_the_test(tmp_path):
    found, _, _ = budget(tmp_path, {**MODELS, FLAT_RUN: VLAE})
    assert found[VLAE_RUN, "each property in its layer"] == "inconclusive"
    assert found[LVAE_RUN, "one layer carries almost everything"] == "supported"


@pytest.mark.parametrize(
    ("runs", "controls", "words"),
    [
        ([LVAE_RUN], [], "no 'data/vae-equal-budget'"),
        (["other"], [FLAT_RUN], "criterion: data/other is named neither in"),
    ],
)
def test_what_an_equal_budget_needs(tmp_path, capsys, runs, controls, words):
    for name in (LVAE_RUN, "other", FLAT_RUN):
        write_all(tmp_path, FLAT, run=name)
    with pytest.raises(AssertionError):
        decided(tmp_path, "equal-budget", [*map(row, runs)], [*map(row, controls)])
    assert words in capsys.readouterr().err
