"""Measuring published pictures: pictures of known effects, and the kept table."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from experiments_helpers import random_classifier, run, trained
from pictures import framed, picture, save

from vlae.__main__ import main
from vlae.config.published_pictures import (
    FIRST_ORDER,
    FOLDER,
    NUMBERS_FILE,
    PICTURES,
    PICTURES_FILE,
    SHARE_OF_CLASS,
    SHARE_OF_LARGEST,
    VARIANCE,
)
from vlae.experiments import published
from vlae.experiments.published import measured, our_panels, published_panels
from vlae.statistics.panels import Grid
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import sha256
from vlae.training.trained_run import load_classifier

MNIST, SVHN = PICTURES["vlae_mnist"], PICTURES["vlae_svhn"]
DIGITS = PICTURES["hvae_mnist"]
SMALL = dataclasses.replace(MNIST, side=10)
"""As the grids of Figure 5, with a quarter of the images."""
AT_HAND = Path(os.environ.get("VLAE_PUBLISHED", ROOT.parent / "shared" / "reference"))
"""Folder of the published pictures, which are not in the repository."""
CLASSIFIER = os.environ.get("VLAE_PUBLISHED_CLASSIFIER", "")
"""Folder of a classifier's run on MNIST, which takes minutes to train."""


def bars(levels, thickness):
    """Grey images (N, 1, 28, 28) of an upright bar of given level and width in px."""
    columns = np.arange(28) + 0.5
    ends = np.asarray(thickness)[:, None] / 2
    across = np.clip(ends - np.abs(columns - 14) + 0.5, 0, 1)
    images = np.zeros((len(levels), 1, 28, 28))
    images[:, 0, 5:23] = (np.asarray(levels)[:, None] * across)[:, None]
    return images


def a_picture(path, panels, like=SMALL):
    """The panels as a picture of the size of a published one, and what is in it."""
    side = like.side
    pixels = round(side * like.pixels)
    save(picture([framed(p, side, pixels) for p in panels]), path)
    return dataclasses.replace(like, sha256=sha256(path))


def number(table, layer, name, quantity, column="value"):
    rows = table[(table["layer"] == layer) & (table["property"] == name)]
    (found,) = rows.loc[rows["quantity"] == quantity, column]
    return found


def test_first_order_effects_of_a_picture_are_those_that_were_drawn(tmp_path):
    first, second = Grid.square(10, 2.0).codes.T
    noise = np.random.default_rng(0).normal(size=(3, 100))
    widths = [  # layer 1 decides, layer 2 by half, layer 3 does nothing
        6 + first,
        6 + (second + noise[1]) / np.sqrt(2),
        6 + noise[2],
    ]
    path = tmp_path / "picture.png"
    asked = a_picture(path, [bars(np.full(100, 0.9), w.clip(2, 10)) for w in widths])
    table = measured(asked, published_panels(asked, path), None)
    effects = [number(table, n, "width", FIRST_ORDER) for n in (1, 2, 3)]
    assert effects[0] > 0.95
    assert effects[1] == pytest.approx(0.48, abs=0.15)
    assert abs(effects[2]) < 0.1
    assert number(table, 1, "width", FIRST_ORDER, "lead_low") > 0.2
    for layer, effect in enumerate(effects, 1):
        ends = [
            number(table, layer, "width", FIRST_ORDER, end) for end in ("low", "high")
        ]
        assert ends[0] <= effect <= ends[1]


def test_first_order_effects_follow_the_extent(tmp_path):
    first = Grid.square(10, 2.0).codes[:, 0]
    first = first + 2 * np.random.default_rng(0).normal(size=100)
    path = tmp_path / "picture.png"
    asked = a_picture(path, [bars(np.full(100, 0.9), (8 + first).clip(1, 15))] * 3)
    panels = published_panels(asked, path)
    near, far = (
        number(measured(asked, panels, None, extent), 1, "width", FIRST_ORDER)
        for extent in (1.0, 4.0)
    )
    assert near > far + 0.05  # in a wider grid the same change is a smaller one


def test_variances_of_a_picture(tmp_path):
    random = np.random.default_rng(0)
    levels = [0.6 + scale * random.uniform(-1, 1, 64) for scale in (0.1, 0.3, 0.0, 0.2)]
    images = [np.broadcast_to(v[:, None, None, None], (64, 3, 32, 32)) for v in levels]
    path = tmp_path / "picture.png"
    asked = a_picture(path, images, SVHN)
    table = measured(asked, published_panels(asked, path), None)
    shares = [
        number(table, n, "mean_luminance", SHARE_OF_LARGEST) for n in (1, 2, 3, 4)
    ]
    truth = np.array([v.var() for v in levels])
    # Where cells meet, interpolation mixes them, which takes a little of the variance.
    assert shares == pytest.approx(truth / truth[1], abs=0.01)
    assert number(table, 2, "mean_luminance", VARIANCE) == pytest.approx(
        levels[1].var(ddof=1), rel=0.05
    )
    assert number(table, 1, "mean_chromaticity", VARIANCE) < 1e-6
    assert {*table["property"]} == {
        *("pixels", "mean_colour", "mean_luminance", "mean_chromaticity", "contrast")
    }
    assert (table["images"] == 64).all()


def test_classes_count_by_their_probabilities(monkeypatch):
    seen = []

    def classify(classifier, images):
        seen.append(images)
        return np.eye(10)[(images[:, 0, 14, 14].numpy() * 9.999).astype(int)]

    monkeypatch.setattr(published, "classify", classify)
    random = np.random.default_rng(0)
    levels = random.permuted(np.tile(np.arange(0.05, 1, 0.1), (3, 40)), axis=1)
    levels[0] = 0.75
    panels = [bars(row, np.full(400, 6.0)) for row in levels]
    facts = {"shape": [1, 28, 28], "classes": 10}
    table = measured(DIGITS, panels, random_classifier(**facts))
    assert seen[0].dtype == torch.float32 and seen[0].shape == (1200, 1, 28, 28)
    shares = [number(table, n, "class", SHARE_OF_CLASS) for n in (1, 2, 3)]
    assert shares == pytest.approx([0, 400 / 399, 400 / 399])
    # All of `ink` lies between the classes, and all measures within are of few kinds.
    within = {name for name in table["property"] if name.endswith("_within_class")}
    assert within == {f"{n}_within_class" for n in ("thickness", "slant", "width")}
    assert number(table, 2, "thickness_within_class", VARIANCE) < 1e-9


@pytest.mark.parametrize(
    "facts",
    [{"shape": [1, 28, 28], "classes": 0, "attributes": ["a"]}, {"classes": 4}],
)
def test_a_classifier_of_other_images_is_refused(facts):
    panels = [bars(np.full(100, 0.5), np.full(100, 5.0))] * 3
    classifier = random_classifier(**{"shape": [1, 20, 20], **facts})
    with pytest.raises(UserError, match=r"vlae_mnist needs one for the classes of im"):
        measured(MNIST, panels, classifier)


def test_a_picture_with_other_bytes_is_refused(tmp_path):
    path = tmp_path / "picture.png"
    asked = a_picture(path, [bars(np.full(100, 0.5), np.full(100, 5.0))] * 3)
    published_panels(asked, path)
    with pytest.raises(
        UserError, match=rf"picture\.png: its SHA-256 is .*{MNIST.path}"
    ):
        published_panels(dataclasses.replace(SMALL, sha256=MNIST.sha256), path)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """Arrays of a tiny run with images of the shape of MNIST."""
    random = np.random.default_rng(0)
    levels = {
        **{f"grid_{n}": (100, 1, 28, 28) for n in (1, 2, 3)},
        **{f"redrawn_{n}": (70, 1, 28, 28) for n in (1, 2, 3)},
        "kept_1": (70, 1, 28, 28),
    }
    path = tmp_path_factory.mktemp("arrays") / "generation.npz"
    found = {
        name: np.round(255 * bars(random.uniform(0.3, 1, s[0]), np.full(s[0], 6.0)))
        for name, s in levels.items()
    }
    np.savez(path, **{name: values.astype(np.uint8) for name, values in found.items()})
    return path


@pytest.mark.parametrize(("asked", "count"), [(MNIST, 100), (DIGITS, 64)])
def test_arrays_of_a_run_are_measured_as_a_picture(asked, count, arrays):
    panels = our_panels(asked, arrays)
    assert [panel.shape for panel in panels] == [(count, 1, 28, 28)] * 3
    table = measured(asked, panels, None)
    assert [*table.columns] == published.COLUMNS
    assert (table["images"] == count).all()
    prefix = "grid" if asked is MNIST else "redrawn"
    with np.load(arrays) as stored:
        before = stored[f"{prefix}_2"][:count].mean(axis=(1, 2, 3)) / 255
    assert panels[1].mean(axis=(1, 2, 3)) == pytest.approx(before, abs=0.02)


def test_our_grids_are_those_of_the_experiment(data, tmp_path):
    """Names and shapes that the experiment gives are those that are looked for."""
    found = run("generation", trained(), data, settings={"redraws": 9})
    path = tmp_path / "generation.npz"
    np.savez(path, **found.arrays)
    small = dataclasses.replace(MNIST, shape=found.arrays["grid_1"].shape[1:])
    assert [len(panel) for panel in our_panels(small, path)] == [9, 9]
    still = dataclasses.replace(small, extent=None)
    assert [len(panel) for panel in our_panels(still, path)] == [9, 9]


def test_arrays_without_panels_are_refused(tmp_path):
    path = tmp_path / "generation.npz"
    np.savez(path, samples=np.zeros((4, 1, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"no arrays grid_1, grid_2"):
        our_panels(MNIST, path)
    for content in (b"PK no", path.read_bytes()[:-30], b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"generation\.npz: cannot be read"):
            our_panels(MNIST, path)


def test_arrays_of_other_images_are_refused(arrays):
    expected = r"grid_1 has images of shape \[1, 28, 28\]; those of vlae_svhn have"
    with pytest.raises(UserError, match=expected):
        our_panels(dataclasses.replace(SVHN, extent=2.0), arrays)


# The command


def words(*parts):
    return main(["published", *map(str, parts)])


def test_a_run_by_hand(arrays, tmp_path, capsys):
    out = tmp_path / "ours.csv"
    assert words("--arrays", arrays, "--like", "hvae_mnist", "--out", out) == 0
    assert [*pd.read_csv(out).columns] == published.COLUMNS
    assert "classes were not measured in hvae_mnist" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], "--arrays needs --like"),
        (["--like", "vlae_mnist"], "--arrays needs --like"),
        (["--like", "vlae_mnist", "--out", "x.csv", "--extent", "0"], "not above 0"),
    ],
)
def test_options_that_do_not_fit(arrays, changes, expected, capsys):
    assert words("--arrays", arrays, *changes) == 1
    assert expected in capsys.readouterr().err


def test_missing_pictures_are_named(tmp_path, capsys):
    assert words("--pictures", tmp_path, "--out", tmp_path / "out") == 1
    assert "hvae_mnist.png: cannot be read as a picture" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# The kept tables


def kept(name):
    return pd.read_csv(ROOT.joinpath(*FOLDER, name))


def test_the_kept_table_of_pictures_is_that_of_the_code():
    pd.testing.assert_frame_equal(
        kept(PICTURES_FILE), published.pictures_table(), check_dtype=False
    )


def test_the_kept_table_has_every_picture_and_no_number_twice():
    table = kept(NUMBERS_FILE)
    assert [*table.columns] == published.COLUMNS
    assert [*table["picture"].unique()] == [*PICTURES]
    assert not table.duplicated(["picture", "layer", "property", "quantity"]).any()
    assert table.groupby("picture")["layer"].max().to_dict() == {
        name: p.panels for name, p in PICTURES.items()
    }
    assert (table["value"] >= table["low"]).all()
    assert (table["value"] <= table["high"]).all()


def depends_on_classes(name):
    return name == "class" or name.endswith("_within_class")


@pytest.mark.parametrize("name", PICTURES)
def test_the_kept_numbers_are_those_of_the_pictures(name):
    asked, path = PICTURES[name], AT_HAND / f"{name}.png"
    if not path.exists():
        pytest.skip(
            f"{path}: the authors' picture is not in the repository, as it has no "
            "licence. VLAE_PUBLISHED names a folder with the pictures."
        )
    found = measured(asked, published_panels(asked, path), None)
    table = kept(NUMBERS_FILE)
    rows = table[
        (table["picture"] == name) & ~table["property"].map(depends_on_classes)
    ]
    compare(rows, found)


@pytest.mark.parametrize("name", ["hvae_mnist", "vlae_mnist"])
def test_the_kept_numbers_of_classes_are_those_of_the_pictures(name):
    if not CLASSIFIER:
        pytest.skip(
            "VLAE_PUBLISHED_CLASSIFIER is not set: it names the folder of a run of "
            "the classifier of mnist, which takes minutes to train."
        )
    asked = PICTURES[name]
    panels = published_panels(asked, AT_HAND / f"{name}.png")
    found = measured(asked, panels, load_classifier(Path(CLASSIFIER)))
    table = kept(NUMBERS_FILE)
    compare(table[table["picture"] == name], found)


def compare(rows, found):
    """Numbers are kept with four digits, and another machine may round otherwise."""
    places = ["layer", "property", "quantity", "images"]
    pd.testing.assert_frame_equal(
        rows[places].reset_index(drop=True), found[places].reset_index(drop=True)
    )
    for column in published.NUMBERS:
        ours, theirs = rows[column].to_numpy(), found[column].to_numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=1e-6 + 0.003)
