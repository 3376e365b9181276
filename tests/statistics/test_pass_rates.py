"""Bounds of a rate of passes, and Fisher's test, against closed forms."""

from math import comb

import pytest

from vlae.statistics.pass_rates import lower_bound, p_of_more_passes, upper_bound


def tail(passes, seeds, rate):
    """Return the probability of at least `passes` passes."""
    return sum(
        comb(seeds, k) * rate**k * (1 - rate) ** (seeds - k)
        for k in range(passes, seeds + 1)
    )


@pytest.mark.parametrize("seeds", [1, 3, 8, 20])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_bounds_where_all_or_none_pass(seeds, level):
    root = (1 - level) ** (1 / seeds)
    assert lower_bound(seeds, seeds, level) == pytest.approx(root)
    assert upper_bound(0, seeds, level) == pytest.approx(1 - root)
    assert (lower_bound(0, seeds), upper_bound(seeds, seeds)) == (0, 1)


@pytest.mark.parametrize("seeds", [5, 8, 11])
def test_at_the_lower_bound_so_many_passes_are_rare(seeds):
    for passes in range(1, seeds + 1):
        bound = lower_bound(passes, seeds)
        assert tail(passes, seeds, bound) == pytest.approx(0.05)
        mirrored = upper_bound(seeds - passes, seeds)
        assert mirrored == pytest.approx(1 - bound)


@pytest.mark.parametrize(
    ("passes", "bound"), [(8, 0.05**0.125), (7, 0.5293), (6, 0.4003), (4, 0.1929)]
)
def test_lower_bounds_of_eight_seeds(passes, bound):
    """The tail of 7 is 8 r^7 - 7 r^8, which is .05 at r = .5293."""
    assert lower_bound(passes, 8) == pytest.approx(bound, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "other", "p"),
    [
        ((8, 8), (0, 8), 1 / comb(16, 8)),
        ((8, 8), (3, 8), comb(8, 3) / comb(16, 11)),
        ((7, 8), (3, 8), (8 * comb(8, 3) + comb(8, 2)) / comb(16, 10)),
        ((7, 8), (2, 8), (8 * comb(8, 2) + comb(8, 1)) / comb(16, 9)),
        ((8, 8), (0, 2), 1 / comb(10, 2)),
        ((8, 8), (0, 1), 1 / 9),
        ((8, 8), (8, 8), 1),
        ((0, 8), (5, 8), 1),
        ((8, 8), (0, 0), 1),
    ],
)
def test_fisher(first, other, p):
    assert p_of_more_passes(*first, *other) == pytest.approx(p)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="must not be greater"):
        lower_bound(9, 8)
    with pytest.raises(ValueError, match="nonnegative"):
        p_of_more_passes(9, 8, 0, 8)
