"""Which of several choices a result depends on: shares of its variance.

For a full grid of choices with the same number of trainings in every cell, the squared
distances of all results from their mean fall apart exactly into one part per axis (its
main effect), one for what axes do together only, and one for what trainings of the same
cell differ by (Fisher's analysis of variance; for vectors, Anderson 2001).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DRAWS = 1999
"""Exchanges in a test: all where there are fewer, or else this many at random."""


@dataclass(frozen=True)
class Shares:
    """Parts of the variance of a result that add up to 1.

    They are adjusted (epsilon squared, Kelley 1935): what chance alone would give an
    axis is taken from it, so a part can be a little below 0. All are nan if nothing
    varies.
    """

    axes: tuple[float, ...]
    """What each axis decides, whatever the others are."""
    together: float
    """What only combinations of axes decide."""
    trainings: float
    """What trainings of the same cell differ by; nan if each cell has one."""


def variance_shares(results: Floats) -> Shares:
    """Return what decides a result.

    Args:
        results: (values of the first axis, ..., of the last, trainings, parts). The
            result of a training is a vector of parts, such as one per layer.

    Returns:
        with one training per cell, shares without adjustment, in which `together` also
        has what trainings would differ by.
    """
    *sizes, trainings, _ = results.shape
    whole = _squares(results)
    within = _squares(results, results.mean(-2, keepdims=True))
    axes = [_main_effect(results, axis) for axis in range(len(sizes))]
    together = whole - within - sum(axes)
    cells = int(np.prod(sizes))
    freedom = [size - 1 for size in sizes]
    rest = cells - 1 - sum(freedom)
    if trainings > 1:
        noise = within / (cells * (trainings - 1))
        axes = [part - df * noise for part, df in zip(axes, freedom, strict=True)]
        together -= rest * noise
        within += (cells - 1) * noise
    else:
        within = float("nan")
    if not whole > 0:
        whole = float("nan")
    return Shares(
        tuple(part / whole for part in axes), together / whole, within / whole
    )


def chance(results: Floats, axis: int, seed: int = 0) -> float:
    """Return how often an axis that decides nothing would seem to decide as much.

    Trainings that differ on this axis alone are exchanged at random: if the axis
    decides nothing, every exchange is as likely as what was found (a permutation test).
    Where there are few exchanges all are tried, so that p is exact.

    Args:
        results: as of `variance_shares`.
        axis: number of the axis.
        seed: of the exchanges.

    Returns:
        p, from 1 / (DRAWS + 1) to 1. Few trainings have few exchanges, so that p cannot
        be small, whatever was found: .1 for one axis of two values with three trainings
        each.
    """
    size, (*_, trainings, count) = results.shape[axis], results.shape
    exchanged = size * trainings
    parts = np.moveaxis(results, axis, -3).reshape(1, -1, exchanged, count)
    orders = _exchanges(parts.shape[1], size, trainings, seed)
    others = np.arange(parts.shape[1])[:, None]
    found = _spread_of_means(parts, size)
    # Equal sums in another order differ in their last bits.
    as_large = _spread_of_means(parts[0, others, orders], size) >= found * (1 - 1e-9)
    return float(as_large.mean())


def _exchanges(others: int, size: int, trainings: int, seed: int) -> Integers:
    """Return exchanges, the first of which changes nothing.

    Args:
        others: number of cells of the other axes, in each of which trainings are
            exchanged.
        size: number of values of the axis.
        trainings: number of trainings of each value.
        seed: of random exchanges.

    Returns:
        (exchanges, others, size * trainings): all of them if there are at most DRAWS,
        otherwise that many at random.
    """
    places = tuple(range(size * trainings))
    ways = math.factorial(len(places)) // math.factorial(trainings) ** size
    if ways**others <= DRAWS:
        one = _allocations(places, trainings)
        return np.array(list(itertools.product(one, repeat=others)))
    order = np.broadcast_to(places, (DRAWS, others, len(places)))
    drawn = np.random.default_rng(seed).permuted(order, axis=-1)
    return np.concatenate([order[:1], drawn])


def _allocations(places: tuple[int, ...], trainings: int) -> list[tuple[int, ...]]:
    """Return all ways to deal out places in groups of `trainings`, group by group."""
    if len(places) <= trainings:
        return [places]
    found = []
    for first in itertools.combinations(places, trainings):
        left = tuple(place for place in places if place not in first)
        found += [(*first, *rest) for rest in _allocations(left, trainings)]
    return found


def _squares(results: Floats, around: Floats | None = None) -> float:
    """Return the squared distances of results from `around`, or else their mean."""
    center = (
        results.reshape(-1, results.shape[-1]).mean(0) if around is None else around
    )
    return float(((results - center) ** 2).sum())


def _main_effect(results: Floats, axis: int) -> float:
    """Return the squared distances of an axis's means from the mean of all results."""
    parts = np.moveaxis(results, axis, 0).reshape(
        results.shape[axis], -1, results.shape[-1]
    )
    return parts.shape[1] * _squares(parts.mean(1))


def _spread_of_means(parts: Floats, size: int) -> Floats:
    """Return the squared distances of the means of an axis's values, (draws,).

    Args:
        parts: (draws, cells of the other axes, values of the axis times trainings,
            parts).
        size: number of values.
    """
    draws, others, _, count = parts.shape
    means = parts.reshape(draws, others, size, -1, count).mean((1, 3))
    found: Floats = ((means - means.mean(1, keepdims=True)) ** 2).sum((1, 2))
    return found
