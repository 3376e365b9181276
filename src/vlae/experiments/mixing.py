"""Do chains from different images forget where they started?

R-hat and effective sample size cannot show that chains converged, only that they did
not: P1 uses them as a veto.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.data.noise import observe
from vlae.data.prepared import targets
from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments.base import Context, Result
from vlae.statistics.mixing import LEAST, autocorrelation, mixing
from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.progress import Progress
from vlae.training.trained_run import describe, grey_levels

CLASSIFIER = "required"
MEASURES_IMAGES = True
DISCARD = 0.5
"""Share of the steps that is dropped at the start."""
SHOWN = 10
"""Images of each chain that are kept."""

COLUMNS = ["scalar", "measure", "lag", "value", "chains", "draws", "undefined"]

Scalars = dict[str, NDArray[np.float64]]


@torch.no_grad()
def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per scalar and measure, for autocorrelation per lag.

    `scalar`:
        of the mean of p(x | z): `feature_I`, fixed random projections of the classifier's
        features, and the measures of the data set (`NAME_I` of a vector).

    `measure`:
        `r_hat`, rank-normalised split R-hat: 1 if mixed; `effective_size`, in bulk, of
        all chains together; `autocorrelation`, from -1 to 1, at `lag` steps (0 in
        other rows). `value` is nan where the scalar never changes or is undefined at
        some step; `undefined` is the share of such images.

    `chains`, `draws`:
        number of chains, and of looks at all of them that are kept: the first half of
        the steps is dropped.

    Chains start at held-out images, equally many of every class.

    Array: `chains`, means (chains * looks, C, H, W) uint8, chain by chain, at up to 10
    looks from the first to the last.
    """
    settings = context.settings
    every, looks = settings["every"], settings["steps"] // settings["every"]
    kept = looks - int(looks * DISCARD)
    if kept < max(LEAST, settings["lags"] + 1):
        raise UserError(
            f"experiments.mixing: {looks} looks at the chains leave {kept} after the "
            f"first half; expected at least {LEAST}, and more than lags "
            f"({settings['lags']}). Set more steps, or a smaller every."
        )
    series: dict[str, list[NDArray[np.float64]]] = {}
    frames = []
    shown = set(np.linspace(0, looks - 1, SHOWN).round().astype(int).tolist())
    for look, mean in enumerate(_means(context, every, looks)):
        for name, column in _scalars(context, mean).items():
            series.setdefault(name, []).append(column)
        if look in shown:
            frames.append(grey_levels(mean))
    rows = []
    for name, columns in series.items():
        chains = np.stack(columns, 1)
        undefined = float(np.isnan(chains).mean())
        facts = (len(chains), len(chains) * kept, undefined)
        for measure, lag, value in _diagnose(chains, every, settings["lags"]):
            rows.append((name, measure, lag, value, *facts))
    panel = np.stack(frames, 1).reshape(-1, *frames[0].shape[1:])
    return Result(pd.DataFrame(rows, columns=COLUMNS), {"chains": panel})


def _diagnose(
    chains: NDArray[np.float64], every: int, lags: int
) -> Iterator[tuple[str, int, float]]:
    """Measure, lag in steps, value of one scalar, (chains, looks)."""
    if np.isnan(chains).any():
        r_hat = effective = float("nan")
        correlation = np.full(lags + 1, np.nan)
    else:
        found = mixing(chains, DISCARD)
        r_hat, effective = found.r_hat, found.effective_size
        correlation = autocorrelation(chains, lags, DISCARD)
    yield "r_hat", 0, r_hat
    yield "effective_size", 0, effective
    for lag, value in enumerate(correlation[1:], 1):
        yield "autocorrelation", lag * every, float(value)


def _means(context: Context, every: int, looks: int) -> Iterator[Tensor]:
    """Means of p(x | z) of all chains, (chains, C, H, W), at every look."""
    trained = context.run
    stream = trained.stream("mixing")
    images = context.data.images("test")[starts(context)]
    pixels = torch.tensor(images, device=trained.device)
    x, _ = observe(pixels, trained.spec.data_noise, stream)
    name = f"{trained.spec.dataset}/{trained.spec.run} mixing"
    progress = Progress(name, every * looks, "step")
    for step in range(1, every * looks + 1):
        mean, x = gibbs_step(trained.model, x, stream)
        progress.update(step)
        if step % every == 0:
            yield mean


def starts(context: Context) -> NDArray[np.intp]:
    """Rows of held-out images: equally many of every class, `chains` or just above.

    A class with too few images gives some of them again; the chains' random numbers
    are independent all the same.
    """
    assert context.classifier is not None
    classes = targets(context.data.table("test"), context.classifier.spec.data)
    names = np.unique(classes)
    each = -(-context.settings["chains"] // len(names))
    rows = [np.resize(np.flatnonzero(classes == name), each) for name in names]
    return np.concatenate(rows)


def _scalars(context: Context, images: Tensor) -> Scalars:
    """Continuous scalars (n,) of images (n, C, H, W), by name."""
    assert context.classifier is not None
    features = describe(context.classifier, images)[0].astype(np.float64)
    count = context.settings["projections"]
    # The same directions for every run: those of a seed of their own.
    directions = np.random.default_rng(0).normal(size=(features.shape[1], count))
    projected = features @ directions / np.sqrt(features.shape[1])
    found = {f"feature_{i + 1}": column for i, column in enumerate(projected.T)}
    pixels = images.cpu().numpy()
    for module in context.spec.measures:
        for name, values in registry.load("measures", module).measure(pixels).items():
            if values.ndim == 1:
                found[name] = values
            else:
                for i, column in enumerate(values.T):
                    found[f"{name}_{i + 1}"] = column
    return found
