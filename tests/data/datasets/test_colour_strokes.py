import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import label

from vlae.data.datasets import colour_strokes, strokes
from vlae.data.datasets._sequence import CHUNK

HANDWRITING = ["thickness", "slant", "width", "shift_x", "shift_y"]
PALETTE = ["background_lightness", "background_tint", "ink_tint", "contrast"]


@pytest.fixture(scope="module")
def drawn():
    return colour_strokes.draw(5_000, seed=0)


@pytest.fixture(scope="module")
def colours(drawn):
    """Colours (N, 3) of ground and ink."""
    return [
        drawn[1][colour_strokes.COLOURS[p]].to_numpy() for p in ("background", "ink")
    ]


@pytest.fixture(scope="module")
def covers(drawn, colours):
    """Share of ink (N, 32, 32), recovered from images and true colours."""
    ground, ink = colours
    above = drawn[0] / 255 - ground[:, :, None, None]
    along = np.einsum("nchw,nc->nhw", above, ink - ground)
    return along / ((ink - ground) ** 2).sum(1)[:, None, None]


def test_shapes_and_types(drawn):
    images, table = drawn
    assert images.shape == (5_000, 3, 32, 32)
    assert images.dtype == np.uint8
    assert tuple(table.columns) == colour_strokes.COLUMNS
    assert list(table.index) == list(range(5_000))
    assert table["label"].dtype == table["variant"].dtype == np.int64
    assert table["has_left"].dtype == table["has_right"].dtype == bool
    assert (table.drop(columns=table.columns[[0, 1, 7, 8]]).dtypes == np.float64).all()


def test_same_seed_same_images_and_other_seed_others():
    images, table = colour_strokes.draw(50, seed=3)
    again, table_again = colour_strokes.draw(50, seed=3)
    np.testing.assert_array_equal(images, again)
    pd.testing.assert_frame_equal(table, table_again)
    other, table_other = colour_strokes.draw(50, seed=4)
    assert (images != other).any(axis=(1, 2, 3)).all()
    assert (table["contrast"] != table_other["contrast"]).all()


@pytest.mark.parametrize(("start", "count"), [(0, 7), (1_990, 20), (3_000, 1)])
def test_an_image_does_not_depend_on_how_many_are_drawn(drawn, start, count):
    images, table = colour_strokes.draw(count, seed=0, start=start)
    np.testing.assert_array_equal(images, drawn[0][start : start + count])
    expected = drawn[1][start : start + count].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)


def test_splits_follow_each_other_in_the_sequence(drawn, tmp_path):
    definition = {"train": CHUNK + 100, "test": 150, "seed": 0}
    done = 0
    for split in colour_strokes.splits(definition, tmp_path):
        assert split.count == definition[split.name]
        first = done
        for images in split.chunks(0, 1):
            stop = done + len(images)
            np.testing.assert_array_equal(images, drawn[0][done:stop])
            done = stop
        expected = drawn[1][first:done].reset_index(drop=True)
        pd.testing.assert_frame_equal(split.table(), expected)
    assert done == CHUNK + 250


def test_no_images():
    images, table = colour_strokes.draw(0, seed=0)
    assert images.shape == (0, 3, 32, 32)
    assert tuple(table.columns) == colour_strokes.COLUMNS


def test_handwriting_is_that_of_strokes(drawn):
    columns = ["label", "variant", *HANDWRITING]
    grey = strokes.draw(5_000, seed=0)[1]
    pd.testing.assert_frame_equal(drawn[1][columns], grey[columns])


def test_ranges_of_the_palette(drawn, colours):
    table = drawn[1]
    for column, (low, high) in {
        "background_lightness": (0.15, 0.85),
        "background_tint": (-1, 1),
        "ink_tint": (-1, 1),
        "contrast": (0.3, 0.6),
    }.items():
        expected = np.linspace(low, high, 5)
        quantiles = table[column].quantile([0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quantiles, expected, atol=0.03 * (high - low))
        assert table[column].between(low, high).all()
    for colour in colours:
        assert ((colour >= 0) & (colour <= 1)).all()


def test_polarity_follows_the_ground_and_both_are_frequent(drawn, colours):
    ground, ink = colours
    is_light_ink = (ink > ground).all(1)
    dark_ground = drawn[1]["background_lightness"] < 0.5
    assert 0.45 < dark_ground.mean() < 0.55
    # The tints can outweigh the contrast in one channel of a few images.
    assert (is_light_ink == dark_ground).mean() > 0.9
    assert ((ink - ground).mean(1) > 0)[dark_ground].all()
    assert ((ink - ground).mean(1) < 0)[~dark_ground].all()


def test_little_of_the_ink_is_clipped(drawn, colours):
    table = drawn[1]
    sign = np.where(table["background_lightness"] < 0.5, 1, -1)
    lightness = table["background_lightness"] + sign * table["contrast"]
    unclipped = lightness.to_numpy()[:, None] + np.outer(
        table["ink_tint"], colour_strokes.WARM
    )
    excess = np.abs(unclipped - colours[1])
    assert (excess > 1e-9).mean(0).max() < 0.1
    assert (excess > 0.05).mean(0).max() < 0.05


def test_known_colours():
    lightness, tint = np.array([0.5, 0.5, 0.95]), np.array([0.0, -1.0, 1.0])
    expected = [[0.5, 0.5, 0.5], [0.35, 0.485, 0.65], [1, 0.965, 0.8]]
    np.testing.assert_allclose(colour_strokes._colour(lightness, tint), expected)


def test_factors_are_independent_of_the_digit_and_of_each_other(drawn):
    table = drawn[1]
    columns = [*HANDWRITING, *PALETTE, "has_left", "has_right"]
    digits = pd.get_dummies(table["label"], dtype=float)
    both = pd.concat([table[columns].astype(float), digits], axis=1)
    correlations = np.corrcoef(both.T)
    factors = len(columns)
    among = correlations[:factors, :factors] - np.eye(factors)
    assert np.abs(among).max() < 0.07  # 5 standard errors
    assert np.abs(correlations[:factors, factors:]).max() < 0.07


def test_pixels_are_ink_over_ground(drawn, colours, covers):
    images = drawn[0] / 255
    ground, ink = (c[:, :, None, None] for c in colours)
    assert covers.min() > -0.02  # rounding, at the least contrast
    assert covers.max() < 1.02
    blend = ground + covers[:, None] * (ink - ground)
    np.testing.assert_allclose(images, blend, atol=1.01 / 255)
    assert (covers > 0.98).any(axis=(1, 2)).mean() > 0.99
    assert ((covers > 0.5).mean(axis=(1, 2)) < 0.5).all()  # the ink is the smaller part


def test_digits_are_about_22_pixels_tall_and_central(drawn, covers):
    alone = ~(drawn[1]["has_left"] | drawn[1]["has_right"]).to_numpy()
    inked = covers[alone] > 0.5
    tall = inked.any(2).sum(1)
    assert 21 < tall.mean() < 23.5
    assert tall.max() <= 28
    middle = [np.nonzero(i.any(0))[0][[0, -1]].mean() for i in inked]
    np.testing.assert_allclose(middle, 15.5, atol=2)


def test_neighbours_are_cut_off_at_their_side(drawn, covers):
    table, inked = drawn[1], covers > 0.5
    for side, column in (("left", 0), ("right", 31)):
        has = table[f"has_{side}"].to_numpy()
        assert 0.57 < has.mean() < 0.63
        at_edge = inked[:, :, column].any(1)
        assert at_edge[has].mean() > 0.85
        assert at_edge[~has].mean() < 0.05  # the widest digits


def test_neighbours_stand_apart_from_the_digit(drawn, covers):
    """Ink at the left edge and ink in the middle are hardly ever one piece."""
    table = drawn[1]
    # Others can reach the edge themselves.
    slim = (table["width"] < 1) & (table["slant"].abs() < 0.2)

    def is_one_piece(inked):
        pieces = label(inked, np.ones((3, 3)))[0]
        return bool({*pieces[:, :2].flat} & {*pieces[:, 15:17].flat} - {0})

    chosen = covers[slim & table["has_left"]] > 0.5
    assert np.mean([is_one_piece(inked) for inked in chosen]) < 0.02
