import numpy as np
import pandas as pd
import pytest

from vlae.data import prepared
from vlae.data.datasets import _skeletons, strokes

FACTORS = ["thickness", "slant", "width", "shift_x", "shift_y"]


@pytest.fixture(scope="module")
def drawn():
    return strokes.draw(10_000, seed=0)


def test_shapes_and_types(drawn):
    images, table = drawn
    assert images.shape == (10_000, 1, 28, 28)
    assert images.dtype == np.uint8
    assert tuple(table.columns) == strokes.COLUMNS
    assert list(table.index) == list(range(10_000))
    assert table["label"].dtype == table["variant"].dtype == np.int64
    assert (table.drop(columns=["label", "variant"]).dtypes == np.float64).all()


def test_same_seed_same_images_and_other_seed_others():
    images, table = strokes.draw(50, seed=3)
    again, table_again = strokes.draw(50, seed=3)
    np.testing.assert_array_equal(images, again)
    pd.testing.assert_frame_equal(table, table_again)
    other, table_other = strokes.draw(50, seed=4)
    assert (images != other).any(axis=(1, 2, 3)).all()
    assert (table["slant"] != table_other["slant"]).all()


@pytest.mark.parametrize(("start", "count"), [(0, 7), (1_990, 20), (3_000, 1)])
def test_an_image_does_not_depend_on_how_many_are_drawn(drawn, start, count):
    images, table = strokes.draw(count, seed=0, start=start)
    stop = start + count
    np.testing.assert_array_equal(images, drawn[0][start:stop])
    expected = drawn[1][start:stop].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)


def test_chunks_of_the_sequence_differ(drawn):
    assert (drawn[0][:2_000] != drawn[0][2_000:4_000]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("count", [0, 1, 2_000, 4_500])
def test_chunks_are_what_draw_draws(drawn, count):
    parts = list(strokes.chunks(count, seed=0))
    assert sum(len(images) for images, _ in parts) == count
    assert all(len(images) == len(table) <= strokes.CHUNK for images, table in parts)
    if parts:
        images, tables = zip(*parts, strict=True)
        np.testing.assert_array_equal(np.concatenate(images), drawn[0][:count])
        table = pd.concat(tables, ignore_index=True)
        pd.testing.assert_frame_equal(table, drawn[1][:count])


def test_no_images():
    images, table = strokes.draw(0, seed=0)
    assert images.shape == (0, 1, 28, 28)
    assert tuple(table.columns) == strokes.COLUMNS
    assert len(table) == 0


@pytest.mark.parametrize(("count", "start"), [(-1, 0), (1, -1)])
def test_negative_counts_are_refused(count, start):
    with pytest.raises(ValueError, match=">= 0"):
        strokes.draw(count, seed=0, start=start)


def test_ranges(drawn):
    images, table = drawn
    assert table["thickness"].between(1.5, 4.5).all()
    assert table["slant"].between(-0.35, 0.6).all()
    assert table["width"].between(0.7, 1.3).all()
    assert table[["shift_x", "shift_y"]].abs().le(1).all(axis=None)
    assert (table["thickness_px"] == table["thickness"]).all()
    assert table["width_px"].between(table["thickness_px"], 28).all()
    assert table["slant_geometry"].abs().max() < 1.2
    # A thin pen reaches full ink only where a pixel's centre is near its path.
    assert images.max(axis=(1, 2, 3)).min() > 240
    assert 0.10 < images.mean() / 255 < 0.18  # MNIST: 0.13


def test_every_handwriting_of_every_digit_is_drawn(drawn):
    table = drawn[1]
    assert all(len(variants) >= 3 for variants in strokes.VARIANTS.values())
    counts = table.groupby(["label", "variant"]).size()
    expected = [(d, v) for d in range(10) for v in range(len(strokes.VARIANTS[d]))]
    assert list(counts.index) == expected
    np.testing.assert_allclose(table["label"].value_counts(), 1_000, atol=150)


def test_factors_are_independent_of_the_digit_and_of_each_other(drawn):
    table = drawn[1]
    digits = pd.get_dummies(table["label"], dtype=float)
    correlations = np.corrcoef(pd.concat([table[FACTORS], digits], axis=1).T)
    among = correlations[:5, :5] - np.eye(5)
    assert np.abs(among).max() < 0.05  # 5 standard errors
    assert np.abs(correlations[:5, 5:]).max() < 0.05


def test_ink_stays_off_the_border(drawn):
    border = np.ones((28, 28), bool)
    border[1:-1, 1:-1] = False
    assert (drawn[0][:, 0, border] > 0).any(axis=1).mean() < 0.005


def test_digits_are_about_twenty_pixels_tall(drawn):
    tall = (drawn[0][:, 0] > 127).any(axis=2).sum(axis=1)
    assert 19 < tall.mean() < 21
    assert np.quantile(tall, 0.01) >= 17
    assert tall.max() <= 26


def test_ink_lies_along_the_skeleton():
    # A pen of diameter 3 from (8, 14) to (20, 14): covers rows 13, 14 and 15 fully.
    points = np.stack([np.linspace(8, 20, 80), np.full(80, 14)])[None]
    pens = np.array([3], np.float32)
    image = _skeletons.cover(points.astype(np.float32), pens, 28, 28)[0]
    assert (image[13:16, 8:21] > 0.99).all()
    assert not image[:12].any()
    assert not image[17:].any()


def test_geometry_of_a_slanted_line():
    y = np.linspace(4, 24, 80)
    points = np.stack([20 - 0.3 * y, y])[None].astype(np.float32)
    slant, extent = _skeletons.geometry(points, np.ones((1, 79), bool))
    assert slant == pytest.approx(0.3, abs=1e-4)
    assert extent == pytest.approx(0, abs=1e-3)


def test_a_wider_digit_measures_wider(drawn):
    # Within a digit's variant the applied factors drive the geometry.
    table = drawn[1]
    for applied, measured in [("width", "width_px"), ("slant", "slant_geometry")]:
        within = table[[applied, measured]] - table.groupby(["label", "variant"])[
            [applied, measured]
        ].transform("mean")
        assert within.corr().iloc[0, 1] > 0.6


def test_progress_starts_at_nothing(tmp_path):
    said: list[tuple[str, int, int]] = []
    splits = strokes.splits({"train": 6, "test": 4, "seed": 0}, tmp_path)
    card = {"shape": [1, 28, 28], "classes": 10}
    prepared.write(tmp_path / "data", splits, card, lambda *call: said.append(call))
    assert said == [("train", 0, 6), ("train", 6, 6), ("test", 0, 4), ("test", 4, 4)]
