"""Figure 1: parts suffice for a confident classification, not for generation.

Four images make four others: image k takes its part p from image (k + p) mod 4. So the
recomposed images hold the very parts of the intact ones, each once and in its place,
and only their combination is new. The four are of one class, or, as a control, of
several.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.run_spec import DataFacts
from vlae.data.noise import observe
from vlae.data.prepared import targets
from vlae.experiments.base import Context, Result
from vlae.statistics.intervals import bootstrap
from vlae.system.errors import UserError
from vlae.system.random_streams import derive
from vlae.training.trained_run import classify, in_batches

CLASSIFIER = "any"
PARTS = 4
UNLIKELY = 0.05
"""Share of the intact images that count as unlikely: those of lowest ELBO."""

ARMS = ["intact", "one_class", "several_classes"]
COLUMNS = [
    *("images", "measure", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "count"),
]

Values = dict[str, np.ndarray]
Places = list[tuple[slice, slice]]


def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per kind of images (`ARMS`) and measure.

    Measures are `confidence` (mean of the classifier's largest probability), `confident`
    (share from the configured probability on), `accuracy` (share whose class it names;
    not of `several_classes`, which have none), `elbo`, `reconstruction` and `kl_1` ...
    `kl_L` (means in nats an image, one draw of z each), and `unlikely` (share with an
    ELBO below that of all but `UNLIKELY` of the intact images). `difference` is that to
    the same images before they were cut, nan for `intact`; `count` the number of
    images. Intervals are of 95 %, by a bootstrap over groups of four: a group's images
    share their parts, groups share nothing.

    There are as many images of each class. Where the data have attributes and no
    classes, a class is a value of the attribute that is most evenly split.

    Arrays: `intact`, `one_class`, `several_classes`, each (shown, C, H, W) uint8, in
    groups of four (one of each class, then a second of each); and for each of these
    names `confidence_NAME` and `elbo_NAME` of all images, float32.
    """
    classifier, settings = context.classifier, context.settings
    assert classifier is not None
    facts = classifier.spec.data
    truth, output = classes(targets(context.data.table("test"), facts), facts)
    rows = grouped(truth, settings["images"], derive(context.run.spec.seed, "parts"))
    rows = rows.flatten()
    intact, named = context.data.images("test")[rows], truth[rows]
    kind = settings["parts"]
    if kind == "auto":
        kind = "quarters" if output is None else "bands"
    places = parts(kind, *intact.shape[2:])
    groups = np.arange(len(rows)).reshape(-1, PARTS)
    several = crossed(groups, len(np.unique(named)))

    values = {"intact": _measured(context, intact, named, output)}
    arrays = {"intact": intact}
    table = _rows("intact", values["intact"], values["intact"])
    for arm, group in (("one_class", groups), ("several_classes", several)):
        arrays[arm] = recomposed(intact[group], places).reshape(intact.shape)
        known = named if arm == "one_class" else None
        values[arm] = _measured(context, arrays[arm], known, output)
        before = {name: v[group.flatten()] for name, v in values["intact"].items()}
        table += _rows(arm, values[arm], before)
    shown = settings["shown"] // PARTS * PARTS
    arrays = {name: images[:shown] for name, images in arrays.items()}
    for name in ("confidence", "elbo"):
        arrays |= {f"{name}_{arm}": np.float32(values[arm][name]) for arm in ARMS}
    return Result(pd.DataFrame(table, columns=COLUMNS), arrays)


def classes(truth: np.ndarray, facts: DataFacts) -> tuple[np.ndarray, int | None]:
    """Classes (N,) of what a classifier of `facts` learns, and which attribute they are.

    None for data of classes; else the attribute nearest to one half of the images.
    """
    if facts.classes:
        return truth, None
    output = int(np.abs(truth.mean(0) - 0.5).argmin())
    return truth[:, output], output


def grouped(truth: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Rows of the images that are used, (groups of a class, classes, PARTS).

    Drawn at random, none twice, as many of every class: `images` in all, or as many as
    the rarest class allows.

    Raises:
        UserError: fewer than two classes, or fewer than PARTS images of one.
    """
    names, counts = np.unique(truth, return_counts=True)
    groups = min(int(counts.min()), max(images // len(names), PARTS)) // PARTS
    if len(names) < 2 or not groups:
        found = ", ".join(f"{n} of {c}" for n, c in zip(counts, names, strict=True))
        raise UserError(
            f"experiment recomposed: expected two classes or more and {PARTS} held-out "
            f"images of each, got {found} (images of class). Hold out more."
        )
    stream = np.random.default_rng(seed)
    chosen = [
        stream.permutation(np.flatnonzero(truth == name))[: groups * PARTS]
        for name in names
    ]
    return np.stack(chosen).reshape(len(names), groups, PARTS).swapaxes(0, 1)


def crossed(groups: np.ndarray, count: int) -> np.ndarray:
    """The images of `groups` (G, PARTS) in groups of several classes, each used once.

    Args:
        groups: one of each of `count` classes, then a second of each, and so on.

    Returns:
        (G, PARTS): place k of a group is of the k-th class after that of place 0, so
        of PARTS different classes if there are so many.
    """
    rounds = groups.reshape(-1, count, PARTS)
    shifted = [np.roll(rounds[..., place], -place, 1) for place in range(PARTS)]
    return np.stack(shifted, 2).reshape(-1, PARTS)


def parts(kind: str, height: int, width: int) -> Places:
    """Rows and columns of each part: quarters, row by row, or bands, top to bottom."""
    if kind == "bands":
        cuts = [height * part // PARTS for part in range(PARTS + 1)]
        return [(slice(*cuts[p : p + 2]), slice(None)) for p in range(PARTS)]
    down = (slice(0, height // 2), slice(height // 2, None))
    across = (slice(0, width // 2), slice(width // 2, None))
    return [(rows, columns) for rows in down for columns in across]


def recomposed(images: np.ndarray, places: Places) -> np.ndarray:
    """Groups (G, PARTS, C, H, W): image k with part p of image (k + p) mod PARTS."""
    found = np.empty_like(images)
    for part, (rows, columns) in enumerate(places):
        moved = np.roll(images, -part, 1)
        found[..., rows, columns] = moved[..., rows, columns]
    return found


@torch.no_grad()
def _measured(
    context: Context, images: np.ndarray, named: np.ndarray | None, output: int | None
) -> Values:
    """Every measure of each image, (N,). All kinds of images see the same noise."""
    trained, classifier = context.run, context.classifier
    assert classifier is not None
    pixels = torch.tensor(images)
    probabilities = classify(classifier, pixels.float() / 255)
    if output is not None:
        of_one = probabilities[:, output]
        probabilities = np.stack([1 - of_one, of_one], 1)
    confidence = probabilities.max(1)
    found = {
        "confidence": confidence,
        "confident": confidence >= context.settings["confident"],
    }
    if named is not None:
        found["accuracy"] = probabilities.argmax(1) == named
    model, stream = trained.model, trained.stream("recomposed")
    x, target = observe(pixels.to(trained.device), trained.spec.data_noise, stream)
    noise = model.draw_noise(len(x), stream)
    names: list[str] = []

    def bound(x: Tensor, target: Tensor, *noise: Tensor) -> Tensor:
        terms = model.summary(model.terms(x, target, None, list(noise)))
        names[:] = ["elbo", *(term for term in terms if term != "elbo")]
        return torch.stack([terms[name] for name in names], 1)

    terms = in_batches(bound, x, target, *noise).cpu().numpy()
    return found | dict(zip(names, terms.T.astype(float), strict=True))


def _rows(arm: str, after: Values, before: Values) -> list[tuple[Any, ...]]:
    """Lines of the table; `after` and `before` are of the same groups of images."""
    nothing = (float("nan"),) * 3
    rows: list[tuple[Any, ...]] = []
    for name, statistic in {
        **dict.fromkeys(after, _mean),
        "unlikely": _unlikely,
    }.items():
        column = "elbo" if name == "unlikely" else name
        pair = [values[column].reshape(-1, PARTS) for values in (after, before)]
        value = bootstrap(statistic, *pair)
        line = (value.value, value.low, value.high)
        gap = nothing
        if arm != "intact":
            found = bootstrap(_change(statistic), *pair)
            gap = (found.value, found.low, found.high)
        rows.append((arm, name, *line, *gap, after[column].size))
    return rows


def _mean(after: np.ndarray, before: np.ndarray) -> float:
    del before
    return float(after.mean())


def _unlikely(after: np.ndarray, before: np.ndarray) -> float:
    return float((after < np.quantile(before, UNLIKELY)).mean())


def _change(statistic: Callable[..., float]) -> Callable[..., float]:
    return lambda after, before: statistic(after, before) - statistic(before, before)
