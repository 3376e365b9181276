"""Importance-weighted bounds of log p(x) from draws of q(z | x) (Burda et al. 2016).

The weight of a draw z is w = p(x, z) / q(z | x), and the bound of K draws is::

    L_K = E log (w_1 + ... + w_K) / K,

the ELBO at K = 1. It does not decrease in K, and it converges to log p(x).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from vlae.statistics._checks import Floats, finite, require_count


def importance_bound(log_weights: ArrayLike, draws: int) -> Floats:
    """Return an unbiased estimate of L_K per image, in nats; (n,).

    It is the mean over disjoint groups of K draws, so that all draws are used at every
    K. Estimates from the same draws do not decrease in K wherever one K divides the
    next: the logarithm of a mean of groups is at least the mean of their logarithms.

    Args:
        log_weights: log w of the draws of each image, (n, m).
        draws: K, at most m; draws beyond the last whole group are not used.

    Raises:
        UserError: if there are fewer than K draws.
        ValueError: if the weights do not have two axes or are not finite.
    """
    found: Floats = logsumexp(_groups(log_weights, draws), axis=2).mean(1)
    return found - np.log(draws)


def effective_draws(log_weights: ArrayLike, draws: int) -> Floats:
    """Return Kish's effective number of K draws per image, from 1 to K; (n,).

    It is (sum w)^2 / sum w^2, averaged over the groups of `importance_bound`, whose
    arguments and exceptions it has. Where it is near 1 a single draw decides, and L_K
    may still be far below log p(x).
    """
    groups = _groups(log_weights, draws)
    logarithm = 2 * logsumexp(groups, axis=2) - logsumexp(2 * groups, axis=2)
    found: Floats = np.exp(logarithm).mean(1)
    return found


def _groups(log_weights: ArrayLike, draws: int) -> Floats:
    """Return the draws in groups, (n, groups, draws)."""
    weights = finite("log weights", log_weights, 2)
    require_count("importance-weighted bound: draws", weights.shape[1], draws)
    groups = weights.shape[1] // draws
    return weights[:, : groups * draws].reshape(len(weights), groups, draws)
