"""KL weight and learning rate as functions of the step."""

import math

from vlae.config.run_spec import KLWarmup


def kl_weight(warmup: KLWarmup, step: int, steps: int) -> float:
    """Weight of the KL at `step` (from 0) of `steps`; in [0, 1].

    none: always 1, the ELBO itself. linear: from 0 to 1 over `steps`, or over a
    `fraction` of the run. exponential: 1 - exp(-step / steps), as the authors do.
    """
    if warmup.schedule == "none":
        return 1.0
    if warmup.steps is not None:
        length: float = warmup.steps
    else:
        assert warmup.fraction is not None, "the schema asks for one of the two"
        length = warmup.fraction * steps
    if warmup.schedule == "linear":
        return min(1.0, step / length)
    return 1.0 - math.exp(-step / length)


def learning_rate_factor(tail: float, step: int, steps: int) -> float:
    """1, then falling linearly to 0 over the last `tail` of the run; in [0, 1]."""
    return min(1.0, (steps - step) / (tail * steps)) if tail else 1.0
