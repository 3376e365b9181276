"""How well Markov chains mix, from one scalar per chain and step.

R-hat and effective sample size are ArviZ's, after Vehtari et al. 2021. They see only
the given scalar, and only differences between the given chains: a large R-hat shows
that the chains did not converge, but a small one does not show that they did.
"""

from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import ArrayLike

from vlae.statistics._checks import Floats, finite, require_count

MIN_STEPS = 4
"""Steps that R-hat needs: it halves the chains and takes variances."""


@dataclass(frozen=True)
class Mixing:
    """Diagnostics of one scalar; nan if it never changes."""

    r_hat: float
    """Rank-normalised split R-hat, the larger of bulk and folded; 1 if mixed."""
    effective_size: float
    """Bulk effective sample size of all chains together."""
    draws: int
    """Number of chains times the number of steps that were kept."""


def mixing(chains: ArrayLike, discard: float = 0.5) -> Mixing:
    """Return R-hat and effective sample size of the last steps of `chains`.

    Args:
        chains: one scalar, (chains, steps), at least two chains. A class or another
            nominal variable is not a scalar.
        discard: share of the steps that is dropped at the start, in [0, 1).

    Raises:
        UserError: if there are fewer than 2 chains, or fewer than `MIN_STEPS` steps are
            kept.
        ValueError: if there are not two axes, or values are not finite.
    """
    kept = _kept(chains, discard)
    require_count("mixing: chains", len(kept), 2)
    if np.ptp(kept) == 0:
        return Mixing(float("nan"), float("nan"), kept.size)
    if not np.ptp(kept, axis=1).any():
        # Every chain stands still at its own place: R-hat would divide by 0.
        return Mixing(float("inf"), float(len(kept)), kept.size)
    r_hat = array_stats.rhat(kept, method="rank")
    effective = array_stats.ess(kept, method="bulk")
    return Mixing(float(r_hat), float(effective), kept.size)


def autocorrelation(chains: ArrayLike, lags: int, discard: float = 0.5) -> Floats:
    """Return the autocorrelation at lags 0 to `lags` steps, averaged over chains.

    Each chain is centred on its own mean, so the result is about 1 / steps too small
    and does not show chains that never meet; R-hat does.

    Args:
        chains: one scalar, (chains, steps); one chain is enough.
        lags: at least 0, less than the steps that are kept.
        discard: share of the steps that is dropped at the start, in [0, 1).

    Returns:
        (lags + 1,), from -1 to 1, the first 1. Chains that stand still do not
        count; nan if all do.

    Raises:
        UserError: if fewer than `MIN_STEPS` or lags + 1 steps are kept.
        ValueError: if there are not two axes, or values are not finite.
    """
    kept = _kept(chains, discard)
    require_count("autocorrelation: steps kept", kept.shape[1], lags + 1)
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
    require_count("mixing: steps kept", kept.shape[1], MIN_STEPS)
    return kept
