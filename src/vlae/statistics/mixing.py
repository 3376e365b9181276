"""How well Markov chains mix, from one scalar per chain and step.

R-hat and effective sample size are ArviZ's, after Vehtari et al. 2021. They see only
the scalar they are given, and only differences between the chains at hand: a small
R-hat cannot show that the chains converged, a large one that they did not.
"""

from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import ArrayLike

from vlae.statistics._checks import Floats, enough, finite

LEAST = 4
"""Steps that have to be left for R-hat: it halves the chains and takes variances."""


@dataclass(frozen=True)
class Mixing:
    """Diagnostics of one scalar; nan if it never changes."""

    r_hat: float
    """Rank-normalised split R-hat, the larger of bulk and folded; 1 if mixed."""
    effective_size: float
    """Bulk effective sample size, of all chains together."""
    draws: int
    """Chains times the steps that were kept."""


def mixing(chains: ArrayLike, discard: float = 0.5) -> Mixing:
    """R-hat and effective sample size of the last steps of `chains`.

    Args:
        chains: (chains, steps), at least two chains. A class or another nominal
            variable is no scalar.
        discard: share of the steps dropped at the start, in [0, 1).

    Raises:
        UserError: fewer than 2 chains, or than `LEAST` steps kept.
        ValueError: not two axes, or not finite.
    """
    kept = _kept(chains, discard)
    enough("mixing: chains", len(kept), 2)
    if np.ptp(kept) == 0:
        return Mixing(float("nan"), float("nan"), kept.size)
    if not np.ptp(kept, axis=1).any():
        # Chains that stand still, each at its own place: nothing within to divide by.
        return Mixing(float("inf"), float(len(kept)), kept.size)
    r_hat = array_stats.rhat(kept, method="rank")
    effective = array_stats.ess(kept, method="bulk")
    return Mixing(float(r_hat), float(effective), kept.size)


def autocorrelation(chains: ArrayLike, lags: int, discard: float = 0.5) -> Floats:
    """Mean over chains of the autocorrelation at lag 0 to `lags` steps.

    Each chain is centred on its own mean, so it is about 1 / steps too small, and
    chains that never meet do not show: look at R-hat.

    Args:
        chains, discard: as of `mixing`, one chain is enough.
        lags: at least 0, less than the steps that are kept.

    Returns:
        (lags + 1,), from -1 to 1, the first 1. Chains that stand still do not count;
        nan if all do.

    Raises:
        UserError: fewer than `LEAST` or than lags + 1 steps kept.
        ValueError: not two axes, or not finite.
    """
    kept = _kept(chains, discard)
    enough("autocorrelation: steps kept", kept.shape[1], lags + 1)
    moving = kept[np.ptp(kept, axis=1) > 0]
    if not len(moving):
        return np.full(lags + 1, np.nan)
    found: Floats = array_stats.autocorr(moving, axis=-1).mean(0)[: lags + 1]
    return found


def _kept(chains: ArrayLike, discard: float) -> Floats:
    array = finite("chains", chains, 2)
    if not 0 <= discard < 1:
        raise ValueError(f"discard is a share from 0 to below 1, got {discard}")
    kept = array[:, int(array.shape[1] * discard) :]
    enough("mixing: steps kept", kept.shape[1], LEAST)
    return kept
