"""How often a test passes, from its outcomes in independent trainings."""


def lower_bound(passes: int, seeds: int, level: float = 0.95) -> float:
    """Return the one-sided lower bound of the rate of passes (Clopper-Pearson 1934).

    Args:
        passes: how many of the seeds passed.
        seeds: number of independent seeds, at least 1.
        level: of the bound, in (0, 1).

    Returns:
        the rate at which `passes` or more passes have the probability 1 - level; 0 for
        no passes.

    Raises:
        ValueError: if `passes` is not from 0 to `seeds`, or there are no seeds.
    """
    from scipy.stats import binomtest  # takes 0.7 s; reports import this module

    found = binomtest(passes, seeds, alternative="greater")
    return float(found.proportion_ci(level, method="exact").low)


def upper_bound(passes: int, seeds: int, level: float = 0.95) -> float:
    """Return the one-sided upper bound of the rate of passes, see `lower_bound`."""
    from scipy.stats import binomtest  # as above

    found = binomtest(passes, seeds, alternative="less")
    return float(found.proportion_ci(level, method="exact").high)


def p_of_more_passes(
    passes: int, seeds: int, other_passes: int, other_seeds: int
) -> float:
    """Return the p of Fisher's exact test that one rate of passes exceeds the other.

    Args:
        passes: how many of `seeds` passed.
        seeds: number of seeds of the run that should pass more often.
        other_passes: how many of `other_seeds` passed.
        other_seeds: number of seeds of the run that it is compared with.

    Returns:
        the probability that `passes` or more of all passes fall on the first run, if
        both have the same rate; 1 if the second has no seeds.

    Raises:
        ValueError: if there are more passes than seeds.
    """
    from scipy.stats import fisher_exact  # as above

    table = [
        [passes, seeds - passes],
        [other_passes, other_seeds - other_passes],
    ]
    return float(fisher_exact(table, alternative="greater").pvalue)
