"""R-hat, effective sample size and autocorrelation of chains with a known answer."""

import math

import numpy as np
import pytest
import scipy.signal

from vlae.statistics.mixing import autocorrelation, mixing
from vlae.system.errors import UserError

CHAINS, STEPS = 20, 4000


def autoregressive(rho, seed=0, steps=STEPS):
    """Stationary AR(1) chains with unit variance, (CHAINS, steps)."""
    noise = np.random.default_rng(seed).normal(size=(CHAINS, steps))
    noise[:, 1:] *= math.sqrt(1 - rho**2)
    return scipy.signal.lfilter([1], [1, -rho], noise, axis=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, -0.4])
def test_autoregressive_chains_have_their_effective_size(rho):
    found = mixing(autoregressive(rho), discard=0)
    assert found.draws == CHAINS * STEPS
    expected = (1 - rho) / (1 + rho)
    assert found.effective_size / found.draws == pytest.approx(expected, rel=0.12)
    assert found.r_hat == pytest.approx(1, abs=0.01)


def test_autocorrelation_of_autoregressive_chains_falls_as_a_power():
    rho = 0.8
    found = autocorrelation(autoregressive(rho), lags=10, discard=0)
    assert found == pytest.approx(rho ** np.arange(11), abs=0.02)


def test_chains_with_different_means_do_not_mix():
    chains = autoregressive(0.5) + np.arange(CHAINS)[:, None] % 2
    assert mixing(chains).r_hat > 1.05
    assert mixing(chains).effective_size < 200


def test_chains_with_different_spreads_do_not_mix():
    """The folded half of R-hat: all have the same mean."""
    chains = autoregressive(0.5) * np.where(np.arange(CHAINS) % 2, 3, 1)[:, None]
    assert mixing(chains).r_hat > 1.05


def test_a_drift_shared_by_all_chains_is_seen_by_splitting_them():
    chains = autoregressive(0.0) + np.linspace(0, 3, STEPS)
    assert mixing(chains, discard=0).r_hat > 1.05


def test_heavy_tails_do_no_harm():
    """Ranks: Cauchy draws have no mean."""
    chains = np.random.default_rng(0).standard_cauchy((CHAINS, 500))
    assert mixing(chains).r_hat == pytest.approx(1, abs=0.02)


def test_the_first_half_is_dropped():
    chains = autoregressive(0.5)
    chains[:, : STEPS // 2] += 50 * np.arange(CHAINS)[:, None]
    assert mixing(chains).r_hat == pytest.approx(1, abs=0.02)
    assert mixing(chains).draws == CHAINS * STEPS // 2
    assert mixing(chains, discard=0).r_hat > 1.5
    kept = autocorrelation(chains[:, STEPS // 2 :], 5, discard=0)
    assert autocorrelation(chains, 5) == pytest.approx(kept)


def test_chains_that_stand_still_never_count_as_mixed():
    still = np.repeat(np.arange(4.0)[:, None], 50, 1)
    assert mixing(still).r_hat == math.inf
    assert mixing(still).effective_size == 4
    assert np.isnan(autocorrelation(still, 3)).all()


def test_a_scalar_that_never_changes_was_not_measured():
    assert math.isnan(mixing(np.ones((4, 50))).r_hat)
    assert math.isnan(mixing(np.ones((4, 50))).effective_size)


def test_too_little_is_refused():
    with pytest.raises(UserError, match="chains: 1 is too few"):
        mixing(np.zeros((1, 50)))
    with pytest.raises(UserError, match="steps kept: 3 is too few"):
        mixing(np.zeros((4, 6)))
    with pytest.raises(UserError, match="expected at least 11"):
        autocorrelation(autoregressive(0.5, steps=20), 10)
    with pytest.raises(ValueError, match="share"):
        mixing(np.zeros((4, 50)), discard=1)
