"""From findings to verdicts: every combination of outcomes, seeds, controls, vetoes."""

import math

import pytest

from vlae.claims.base import Finding
from vlae.claims.verdicts import MIN_SEEDS, Verdict, decide
from vlae.statistics.thresholds import Outcome

PASSES, FAILS, OPEN, UNMEASURED, UNTESTED = Outcome
NAN = float("nan")
SEEDS = tuple(range(31, 39))


def finding(seed, outcome=PASSES, **facts):
    return Finding("part", "data", facts.pop("run", "run"), seed, outcome, **facts)


def findings(*outcomes, **facts):
    return [finding(31 + i, o, **facts) for i, o in enumerate(outcomes)]


def mixed(passes, fails=None, other=OPEN, seeds=8, **facts):
    """Return findings of so many passes and fails; without fails, all others fail."""
    fails = seeds - passes if fails is None else fails
    rest = [other] * (seeds - passes - fails)
    return findings(*[PASSES] * passes, *[FAILS] * fails, *rest, **facts)


# Verdicts


@pytest.mark.parametrize("other", [OPEN, UNMEASURED, UNTESTED])
@pytest.mark.parametrize(
    ("passes", "fails"), [(k, f) for k in range(9) for f in range(9 - k)]
)
def test_eight_seeds(passes, fails, other):
    """Seven or eight of either kind decide; the others count for neither."""
    found = decide(mixed(passes, fails, other))
    if passes >= 7:
        assert found.verdict is Verdict.SUPPORTED
    elif fails >= 7:
        assert found.verdict is Verdict.NOT_SUPPORTED
    elif other is UNMEASURED and passes == fails == 0:
        assert found.verdict is Verdict.NOT_MEASURED
    else:
        assert found.verdict is Verdict.INCONCLUSIVE
    untested = other is not OPEN and passes == fails == 0
    assert found.passed == ("" if untested else f"{passes} of 8")


@pytest.mark.parametrize(
    ("seeds", "least"), [(8, 7), (9, 8), (10, 9), (11, 9), (12, 10), (20, 15)]
)
def test_more_seeds_allow_more_exceptions(seeds, least):
    """The sign test's critical values at one-sided 5 %."""
    for passes in range(seeds + 1):
        verdict = decide(mixed(passes, seeds=seeds)).verdict
        assert (verdict is Verdict.SUPPORTED) == (passes >= least)
        assert (verdict is Verdict.NOT_SUPPORTED) == (passes <= seeds - least)


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ([PASSES] * 8, "8 of 8 pass"),
        ([PASSES] * 7 + [FAILS], "7 of 8 pass, 1 fails"),
        ([PASSES] + [FAILS] * 7, "1 of 8 passes, 7 fail"),
        (
            [PASSES] * 4 + [FAILS] * 2 + [OPEN, UNMEASURED],
            "4 of 8 pass, 2 fail, 1 open, 1 not measured",
        ),
    ],
)
def test_the_reason_counts_outcomes(outcomes, reason):
    assert decide(findings(*outcomes)).reason == reason


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("outcome", [PASSES, FAILS, OPEN])
def test_a_verdict_takes_eight_seeds(count, outcome):
    found = decide(findings(*[outcome] * count))
    few = count < MIN_SEEDS == 8
    assert (found.verdict is Verdict.SHOWN) == few
    assert (found.reason == f"{count} of 8 fresh seeds") == few
    assert found.passed == f"{count if outcome is PASSES else 0} of {count}"


@pytest.mark.parametrize("outcome", [PASSES, FAILS])
def test_seeds_used_while_developing_do_not_count(outcome):
    fresh = findings(*[outcome] * 8)
    other = {PASSES: FAILS, FAILS: PASSES}[outcome]
    expected = decide(fresh)
    found = decide([finding(0, other), *fresh], development_seeds=[0, 1])
    assert found == expected
    assert found.seeds == SEEDS
    found = decide([finding(0, outcome), *fresh[:7]], development_seeds=[0, 1])
    assert found.verdict is Verdict.SHOWN
    assert found.reason == "7 of 8 fresh seeds"
    assert found.seeds == SEEDS[:7]


def test_seeds_used_while_developing_are_shown_where_there_are_no_others():
    found = decide([finding(0), finding(1, FAILS)], development_seeds=[0, 1])
    assert (found.verdict, found.reason) == (Verdict.SHOWN, "0 of 8 fresh seeds")
    assert (found.passed, found.seeds) == ("1 of 2", (0, 1))


def test_what_decides_nothing_is_shown_whatever_the_seeds():
    found = decide(mixed(8, shown_only="exploratory"))
    assert (found.verdict, found.reason) == (Verdict.SHOWN, "exploratory")
    assert found.passed == "8 of 8"
    untested = decide(findings(*[UNTESTED] * 8, shown_only="exploratory"))
    assert (untested.verdict, untested.passed) == (Verdict.SHOWN, "")


def test_numbers_are_of_the_seeds_that_count():
    old = finding(0, number=9, low=8, high=10)
    ends = [(0.1, 0.0, 0.2), (0.4, 0.3, 0.5), (0.7, NAN, NAN)]
    fresh = [
        finding(s, number=n, low=a, high=b)
        for s, (n, a, b) in zip(SEEDS, ends, strict=False)
    ]
    found = decide([old, *fresh], development_seeds=[0])
    assert found.number == pytest.approx(0.4)
    assert (found.low, found.high) == (0.0, 0.7)
    shown = decide([old], development_seeds=[0])
    assert (shown.number, shown.low, shown.high, shown.seeds) == (9, 8, 10, (0,))
    assert math.isnan(decide(mixed(8)).number)
    unmeasured = decide([*fresh, finding(38, UNMEASURED, number=9, low=9, high=9)])
    assert (unmeasured.number, unmeasured.high) == (pytest.approx(0.4), 0.7)


# Vetoes and invalid tests


@pytest.mark.parametrize(
    ("vetoed", "verdict", "reason"),
    [
        (1, Verdict.SUPPORTED, "7 of 8 pass, 1 open; R-hat 1.2 (seed 31)"),
        (2, Verdict.INCONCLUSIVE, "6 of 8 pass, 2 open; R-hat 1.2 (seed 31, 32)"),
    ],
)
def test_a_vetoed_pass_is_open(vetoed, verdict, reason):
    doubted = [finding(seed, veto="R-hat 1.2") for seed in SEEDS[:vetoed]]
    found = decide([*doubted, *mixed(8)[vetoed:]])
    assert (found.verdict, found.reason) == (verdict, reason)


@pytest.mark.parametrize("outcome", [FAILS, OPEN, UNMEASURED])
def test_a_veto_changes_nothing_but_a_pass(outcome):
    plain, vetoed = (findings(*[outcome] * 8, veto=veto) for veto in ("", "R-hat 1.2"))
    assert decide(vetoed) == decide(plain)


def test_a_veto_in_a_seed_used_while_developing_does_not_count():
    found = [finding(0, veto="R-hat 1.2"), *mixed(8)]
    assert decide(found, development_seeds=[0]) == decide(mixed(8))


@pytest.mark.parametrize("outcome", [PASSES, FAILS])
@pytest.mark.parametrize("invalid", [1, 2, 8])
def test_an_invalid_test_is_neither_passed_nor_failed(outcome, invalid):
    broken = [finding(seed, outcome, invalid="too large") for seed in SEEDS[:invalid]]
    found = decide([*broken, *findings(*[outcome] * 8)[invalid:]])
    decided = {PASSES: Verdict.SUPPORTED, FAILS: Verdict.NOT_SUPPORTED}[outcome]
    assert found.verdict is (decided if invalid == 1 else Verdict.INCONCLUSIVE)
    assert f"{invalid} open; too large (seed 31" in found.reason


# Controls


def control(passes, run="control", **facts):
    return mixed(passes, run=run, control=True, **facts)


@pytest.mark.parametrize("of_control", range(9))
@pytest.mark.parametrize("of_run", range(9))
def test_support_takes_more_passes_than_a_control(of_run, of_control):
    """Fisher's p: 8 against 4 or 5, 0.038 or 0.10; 7 against 2 or 3, 0.020 or 0.059."""
    found = decide(mixed(of_run), control(of_control), needs_control=True)
    if of_run <= 1:
        assert found.verdict is Verdict.NOT_SUPPORTED
    elif (of_run == 8 and of_control <= 4) or (of_run == 7 and of_control <= 2):
        assert found.verdict is Verdict.SUPPORTED
    else:
        assert found.verdict is Verdict.INCONCLUSIVE
    assert ("control" in found.reason) == (of_run >= 7)
    assert found.controls == f"control {of_control} of 8"


@pytest.mark.parametrize(
    ("of_run", "of_control", "seeds", "said"),
    [
        (8, 0, 8, "8 of 8 pass; more than control flat (0 of 8), p < 0.001"),
        (8, 4, 8, "8 of 8 pass; more than control flat (4 of 8), p = 0.038"),
        (
            *(7, 3, 8),
            "7 of 8 pass, 1 fails; not clearly more than control flat (3 of 8), "
            "p = 0.059",
        ),
        (8, 0, 2, "8 of 8 pass; more than control flat (0 of 2), p = 0.022"),
        (
            *(8, 0, 1),
            "8 of 8 pass; control flat has too few seeds: none of 1 passing would be "
            "p = 0.111",
        ),
        (
            *(7, 2, 2),
            "7 of 8 pass, 1 fails; control flat has too few seeds: none of 2 passing "
            "would be p = 0.067",
        ),
    ],
)
def test_the_reason_says_p(of_run, of_control, seeds, said):
    found = decide(mixed(of_run), control(of_control, run="flat", seeds=seeds))
    assert found.reason == said


def test_every_control_must_be_beaten():
    one, other = control(0), control(5, run="other")
    assert decide(mixed(8), one, needs_control=True).verdict is Verdict.SUPPORTED
    found = decide(mixed(8), [*one, *other], needs_control=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.controls == "control 0 of 8, other 5 of 8"
    assert "more than control control (0 of 8), p < 0.001; not clearly" in found.reason


def test_support_of_a_claim_with_controls_takes_one_on_the_same_data():
    found = decide(mixed(8), needs_control=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == "8 of 8 pass; no control has been run on these data"
    assert (found.controls, decide(mixed(8)).verdict) == ("", Verdict.SUPPORTED)


def test_seeds_of_a_control_used_while_developing_do_not_count():
    old = [finding(i, run="control", control=True) for i in range(9)]
    found = decide(mixed(8), [*old, *control(0)], development_seeds=range(9))
    assert (found.verdict, found.controls) == (Verdict.SUPPORTED, "control 0 of 8")
    assert decide(mixed(8), [*old, *control(0)]).controls == "control 9 of 17"
    only_old = decide(mixed(8), old, development_seeds=range(9))
    assert only_old.verdict is Verdict.INCONCLUSIVE
    assert only_old.reason.endswith("control control has no fresh seed with a test")
    shown = decide([finding(0)], old[:2], development_seeds=range(9))
    assert shown.controls == "control 2 of 2"


def test_a_control_that_was_not_measured_shows_nothing():
    found = decide(mixed(8), control(0, fails=0, other=UNMEASURED))
    assert (found.verdict, found.controls) == (
        Verdict.INCONCLUSIVE,
        "control not measured",
    )
    partly = decide(mixed(8), control(0, fails=3, other=UNMEASURED))
    assert (partly.verdict, partly.controls) == (Verdict.SUPPORTED, "control 0 of 3")


@pytest.mark.parametrize("why", ["veto", "invalid"])
def test_a_doubtful_pass_of_a_control_is_none(why):
    doubtful = decide(mixed(8), control(8, **{why: "not mixed"}))
    assert (doubtful.verdict, doubtful.controls) == (
        Verdict.SUPPORTED,
        "control 0 of 8",
    )


def test_a_control_that_decides_nothing_by_itself_is_still_a_control():
    found = decide(mixed(8), control(8, shown_only="does not decide"))
    assert found.verdict is Verdict.INCONCLUSIVE


# Findings


@pytest.mark.parametrize("seeds", [[], [31, 31, 32]])
def test_one_finding_per_seed(seeds):
    with pytest.raises(ValueError, match="one finding per seed"):
        decide([finding(seed) for seed in seeds])


@pytest.mark.parametrize("seeds", [1, 8])
def test_what_was_not_measured_says_why(seeds):
    found = decide(findings(*[UNMEASURED] * seeds, note="no classifier"))
    assert (found.verdict, found.reason) == (Verdict.NOT_MEASURED, "no classifier")
