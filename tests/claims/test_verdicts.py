"""From findings to verdicts: every combination of outcomes, seeds, controls, vetoes."""

import itertools
import math

import pytest

from vlae.claims.base import Finding
from vlae.claims.verdicts import MIN_SEEDS, Verdict, decide
from vlae.statistics.thresholds import Outcome

PASSES, FAILS, OPEN, UNMEASURED, UNTESTED = Outcome
NAN = float("nan")
SEEDS = (21, 22, 23)


def finding(seed, outcome=PASSES, **facts):
    return Finding("part", "data", facts.pop("run", "run"), seed, outcome, **facts)


def findings(*outcomes, **facts):
    return [finding(20 + i, o, **facts) for i, o in enumerate(outcomes, 1)]


# Verdicts


@pytest.mark.parametrize("outcomes", itertools.product(Outcome, repeat=3))
def test_three_seeds(outcomes):
    found = decide(findings(*outcomes)).verdict
    if set(outcomes) == {PASSES}:
        assert found is Verdict.SUPPORTED
    elif set(outcomes) == {FAILS}:
        assert found is Verdict.NOT_SUPPORTED
    elif set(outcomes) == {UNMEASURED}:
        assert found is Verdict.NOT_MEASURED
    else:
        assert found is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize("outcome", [PASSES, FAILS, OPEN])
def test_a_verdict_takes_three_seeds(count, outcome):
    found = decide(findings(*[outcome] * count))
    assert (found.verdict is Verdict.TOO_FEW_SEEDS) == (count < MIN_SEEDS == 3)


@pytest.mark.parametrize("outcome", [PASSES, FAILS])
def test_seeds_used_while_developing_do_not_count(outcome):
    fresh = findings(*[outcome] * 3)
    other = {PASSES: FAILS, FAILS: PASSES}[outcome]
    expected = decide(fresh).verdict
    found = decide([finding(0, other), *fresh], development_seeds=[0, 1])
    assert found.verdict is expected
    assert found.seeds == SEEDS
    found = decide([finding(0, outcome), *fresh[:2]], development_seeds=[0, 1])
    assert found.verdict is Verdict.TOO_FEW_SEEDS
    ended = f"{outcome} in seed 0, {SEEDS[0]}, {SEEDS[1]}"
    assert found.reason == f"2 of 3; 1 used while developing; {ended}"


def test_numbers_are_of_the_seeds_that_count():
    old = finding(0, number=9, low=8, high=10)
    ends = [(0.1, 0.0, 0.2), (0.4, 0.3, 0.5), (0.7, NAN, NAN)]
    fresh = [
        finding(s, number=n, low=a, high=b)
        for s, (n, a, b) in zip(SEEDS, ends, strict=True)
    ]
    found = decide([old, *fresh], development_seeds=[0])
    assert found.number == pytest.approx(0.4)
    assert (found.low, found.high) == (0.0, 0.7)
    shown = decide([old], development_seeds=[0])
    assert (shown.number, shown.low, shown.high, shown.seeds) == (9, 8, 10, (0,))
    assert math.isnan(decide(findings(PASSES, PASSES, PASSES)).number)
    unmeasured = decide([*fresh, finding(24, UNMEASURED, number=9, low=9, high=9)])
    assert (unmeasured.number, unmeasured.high) == (pytest.approx(0.4), 0.7)


@pytest.mark.parametrize("outcomes", itertools.product(Outcome, repeat=3))
def test_a_veto_turns_support_into_inconclusive_and_nothing_else(outcomes):
    plain = findings(*outcomes)
    vetoed = [*plain[:2], finding(23, outcomes[2], veto="R-hat 1.2")]
    before, after = decide(plain).verdict, decide(vetoed)
    if before is Verdict.SUPPORTED:
        assert after.verdict is Verdict.INCONCLUSIVE
        assert after.reason == "R-hat 1.2 (seed 23)"
    else:
        assert after.verdict is before


def test_a_veto_in_a_seed_used_while_developing_does_not_count():
    found = [finding(0, veto="R-hat 1.2"), *findings(PASSES, PASSES, PASSES)]
    assert decide(found, development_seeds=[0]).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize("outcome", [PASSES, FAILS])
def test_an_invalid_test_decides_nothing(outcome):
    found = [*findings(outcome, outcome), finding(23, outcome, invalid="too large")]
    decision = decide(found)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.reason == "too large (seed 23)"


# Controls


def control(*outcomes, run="control"):
    return findings(*outcomes, run=run, control=True)


@pytest.mark.parametrize("outcome", [PASSES, FAILS])
@pytest.mark.parametrize("controls", itertools.product(Outcome, repeat=3))
def test_controls(outcome, controls):
    found = decide(findings(*[outcome] * 3), control(*controls), needs_control=True)
    if PASSES in controls:
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "the control data/control passed" in found.reason
    elif outcome is FAILS:
        assert found.verdict is Verdict.NOT_SUPPORTED
    elif set(controls) == {FAILS}:
        assert found.verdict is Verdict.SUPPORTED
    else:
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "no control" in found.reason


def test_every_control_must_fail():
    passing = findings(PASSES, PASSES, PASSES)
    one, other = control(FAILS, FAILS, FAILS), control(FAILS, FAILS, OPEN, run="other")
    assert decide(passing, one, needs_control=True).verdict is Verdict.SUPPORTED
    found = decide(passing, [*one, *other], needs_control=True)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_support_of_a_claim_with_controls_takes_one_on_the_same_data():
    passing = findings(PASSES, PASSES, PASSES)
    assert decide(passing, needs_control=True).verdict is Verdict.INCONCLUSIVE
    assert decide(passing).verdict is Verdict.SUPPORTED
    assert (
        decide(passing, control(FAILS, FAILS), needs_control=True).verdict
        is Verdict.INCONCLUSIVE
    )


def test_seeds_of_a_control_used_while_developing_do_not_count():
    passing = findings(PASSES, PASSES, PASSES)
    old = finding(0, PASSES, run="control", control=True)
    against = [old, *control(FAILS, FAILS, FAILS)]
    found = decide(passing, against, development_seeds=[0], needs_control=True)
    assert found.verdict is Verdict.SUPPORTED
    assert decide(passing, against).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("seeds", [[], [21, 21, 22]])
def test_one_finding_per_seed(seeds):
    with pytest.raises(ValueError, match="one finding per seed"):
        decide([finding(seed) for seed in seeds])


def test_what_was_not_measured_says_why():
    found = decide(findings(UNMEASURED, UNMEASURED, UNMEASURED, note="no classifier"))
    assert (found.verdict, found.reason) == (Verdict.NOT_MEASURED, "no classifier")
