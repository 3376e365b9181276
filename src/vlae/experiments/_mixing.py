"""Do chains from different images forget where they started?

R-hat and effective sample size cannot show that chains converged, only that they did
not. Claim P1 therefore uses them as a veto.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.data.prepared import targets
from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments._properties import measured, parts
from vlae.experiments.base import Context
from vlae.statistics.mixing import MIN_STEPS, autocorrelation, mixing
from vlae.system.errors import UserError
from vlae.system.progress import Progress
from vlae.training.trained_run import describe, grey_levels

DISCARDED_SHARE = 0.5
"""Share of the steps that is dropped at the start."""
SHOWN_IMAGES = 10
"""Images of each chain that are kept, at most."""

COLUMNS = ["scalar", "measure", "lag", "value", "chains", "draws", "undefined"]

Scalars = dict[str, NDArray[np.float64]]


@torch.no_grad()
def mixed(context: Context) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    """Return a table of `COLUMNS`, one row per scalar, measure and lag; and images.

    Settings are those of `mixing` in the settings of `chains`. The state of a chain is
    recorded at every `every`-th step.

    `scalar`:
        `feature_I`, fixed random projections of the classifier's features of the mean
        of p(x | z), and the measures of the data set (`NAME_I` for a vector), without
        those that are a part of another one.

    `measure`:
        `r_hat`, the rank-normalised split R-hat, 1 if mixed; `effective_size`, in bulk,
        of all chains together; `autocorrelation`, from -1 to 1, at `lag` steps (0 in
        other rows). `value` is nan if the scalar never changes or is undefined at some
        step. `undefined` is the share of recorded images at which it is undefined.

    `chains`, `draws`:
        Number of chains, and of recorded states of all of them that are kept: the first
        half of the steps is dropped.

    Chains start at held-out images, equally many of every class.

    The images are means (chains * shown, C, H, W), uint8, chain by chain, at up to
    `SHOWN_IMAGES` steps from the first recorded one to the last.

    Raises:
        UserError: if too few recorded states are kept.
    """
    settings = context.settings["mixing"]
    every, states = settings["every"], settings["steps"] // settings["every"]
    kept = _kept(states, settings["lags"])
    series: dict[str, list[NDArray[np.float64]]] = {}
    frames = []
    shown = set(np.linspace(0, states - 1, SHOWN_IMAGES).round().astype(int).tolist())
    for state, mean in enumerate(_means(context, every, states)):
        for name, column in _scalars(context, mean).items():
            series.setdefault(name, []).append(column)
        if state in shown:
            frames.append(grey_levels(mean))
    rows = []
    for name, columns in series.items():
        chains = np.stack(columns, 1)
        undefined = float(np.isnan(chains).mean())
        facts = (len(chains), len(chains) * kept, undefined)
        for measure, lag, value in _diagnose(chains, every, settings["lags"]):
            rows.append((name, measure, lag, value, *facts))
    panel = np.stack(frames, 1).reshape(-1, *frames[0].shape[1:])
    return pd.DataFrame(rows, columns=COLUMNS), panel


def _kept(states: int, lags: int) -> int:
    """Return how many recorded states of a chain are kept.

    Raises:
        UserError: if they are too few.
    """
    kept = states - int(states * DISCARDED_SHARE)
    if kept < max(MIN_STEPS, lags + 1):
        raise UserError(
            f"experiments.chains.mixing: {states} samples per chain leave {kept} after "
            f"discarding the first half; expected at least {MIN_STEPS}, and more than "
            f"lags ({lags}). Set more steps, or a smaller every."
        )
    return kept


def _diagnose(
    chains: NDArray[np.float64], every: int, lags: int
) -> Iterator[tuple[str, int, float]]:
    """Yield measure, lag in steps, and value of one scalar, (chains, states)."""
    if np.isnan(chains).any():
        r_hat = effective = float("nan")
        correlation = np.full(lags + 1, np.nan)
    else:
        found = mixing(chains, DISCARDED_SHARE)
        r_hat, effective = found.r_hat, found.effective_size
        correlation = autocorrelation(chains, lags, DISCARDED_SHARE)
    yield "r_hat", 0, r_hat
    yield "effective_size", 0, effective
    for lag, value in enumerate(correlation[1:], 1):
        yield "autocorrelation", lag * every, float(value)


def _means(context: Context, every: int, states: int) -> Iterator[Tensor]:
    """Yield means of p(x | z) of all chains, (chains, C, H, W), at recorded steps."""
    trained = context.run
    stream = trained.stream("mixing")
    x, _ = context.observe(context.images("test", starts(context)), stream)
    name = f"{trained.spec.dataset}/{trained.spec.run} mixing"
    progress = Progress(name, every * states, "steps")
    for step in range(1, every * states + 1):
        mean, x = gibbs_step(trained.model, x, stream)
        progress.update(step)
        if step % every == 0:
            yield mean


def starts(context: Context) -> NDArray[np.intp]:
    """Return rows of held-out images, equally many of every class.

    They are as many as the setting `chains`, rounded up to a multiple of the number of
    classes. Images of a class with too few of them are repeated; the random numbers of
    the chains are independent all the same.
    """
    facts = context.required_classifier().spec.data
    classes = targets(context.data.table("test"), facts)
    names = np.unique(classes)
    each = -(-context.settings["mixing"]["chains"] // len(names))
    rows = [np.resize(np.flatnonzero(classes == name), each) for name in names]
    return np.concatenate(rows)


def _scalars(context: Context, images: Tensor) -> Scalars:
    """Return continuous scalars (n,) of images (n, C, H, W), by name."""
    classifier = context.required_classifier()
    features = describe(classifier, images)[0].astype(np.float64)
    count = context.settings["mixing"]["projections"]
    # All runs share the directions: they do not follow from the seed of the run.
    directions = np.random.default_rng(0).normal(size=(features.shape[1], count))
    projected = features @ directions / np.sqrt(features.shape[1])
    found = {f"feature_{i + 1}": column for i, column in enumerate(projected.T)}
    of_images, skipped = measured(context, images.cpu().numpy()), parts(context)
    for name, values in of_images.items():
        if name in skipped:
            continue
        if values.ndim == 1:
            found[name] = values
        else:
            for i, column in enumerate(values.T):
                found[f"{name}_{i + 1}"] = column
    return found
