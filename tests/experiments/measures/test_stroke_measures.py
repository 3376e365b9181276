import warnings

import numpy as np
import pandas as pd
import pytest

from vlae.data.datasets import strokes
from vlae.experiments.measures import strokes as measures

CENTRE = 13.5  # of a 28 x 28 image, in pixels


def bar(thickness, slant=0.0, length=18.0):
    """Image (28, 28) of a bar, `thickness` px wide along rows, leaning by `slant`."""
    fine = (np.arange(28 * 20) + 0.5) / 20 - 0.5
    y, x = np.meshgrid(fine, fine, indexing="ij")
    inside = np.abs(x - CENTRE + slant * (y - CENTRE)) < thickness / 2
    inside &= np.abs(y - CENTRE) < length / 2
    return inside.reshape(28, 20, 28, 20).mean(axis=(1, 3))


def table_of(images):
    return pd.DataFrame(measures.measure(images))


def blurred(images):
    """Images (..., 28, 28) averaged over 3 x 3 pixels (1, 2, 1 weights)."""
    for axis in (-1, -2):
        images = (np.roll(images, 1, axis) + 2 * images + np.roll(images, -1, axis)) / 4
    return images


@pytest.fixture(scope="module")
def drawn():
    images, table = strokes.draw(2_000, seed=7)
    return images / 255, table


@pytest.mark.parametrize(
    ("measure", "geometry"),
    [
        ("thickness", "thickness_px"),
        ("slant", "slant_geometry"),
        ("width", "width_px"),
    ],
)
def test_measures_follow_the_geometry_of_drawn_digits(drawn, measure, geometry):
    images, table = drawn
    measured = getattr(measures, measure)(images)
    assert np.corrcoef(measured, table[geometry])[0, 1] >= 0.98
    assert abs(np.mean(measured - table[geometry])) < 1
    assert np.polyfit(table[geometry], measured, 1)[0] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("measure", ["slant", "width"])
def test_blur_and_haze_hardly_change_slant_and_width(drawn, measure):
    images = drawn[0][:500]
    hazy = 0.9 * blurred(images) + 0.05
    sharp, soft = (getattr(measures, measure)(x) for x in (images, hazy))
    assert np.corrcoef(sharp, soft)[0, 1] > 0.98


def test_thickness_of_blurry_images_keeps_its_order(drawn):
    images, table = drawn
    soft = measures.thickness(0.9 * blurred(images[:500]) + 0.05)
    assert np.corrcoef(soft, table["thickness_px"][:500])[0, 1] > 0.9


@pytest.mark.parametrize("thickness", [2.0, 3.0, 4.0, 5.0])
def test_upright_bar(thickness):
    row = table_of(bar(thickness)[None]).loc[0]
    assert row["thickness"] == pytest.approx(thickness, abs=0.3)
    assert row["slant"] == pytest.approx(0, abs=1e-9)
    assert row["width"] == pytest.approx(thickness, abs=0.3)
    assert row["ink"] == pytest.approx(thickness * 18 / 28**2)


@pytest.mark.parametrize("slant", [-0.5, -0.2, 0.3, 0.6])
def test_slanted_bar(slant):
    row = table_of(bar(3.0, slant)[None]).loc[0]
    assert row["slant"] == pytest.approx(slant, abs=0.02)
    assert row["width"] == pytest.approx(3, abs=0.5)
    perpendicular = 3 / np.hypot(1, slant)
    assert row["thickness"] == pytest.approx(perpendicular, abs=0.3)


def test_mirror_image_leans_the_other_way(drawn):
    images = drawn[0][:100]
    np.testing.assert_allclose(
        measures.slant(images[..., ::-1]), -measures.slant(images), atol=1e-9
    )


def test_shift_and_contrast_change_nothing_but_ink(drawn):
    images = drawn[0][:100]
    moved = np.zeros_like(images)
    moved[..., 1:, :-1] = 0.6 * images[..., :-1, 1:]
    inside = ~(images[..., -1, :].any((1, 2)) | images[..., 0].any((1, 2)))
    table, changed = (table_of(x[inside]) for x in (images, moved))
    columns = ["thickness", "slant", "width"]
    np.testing.assert_allclose(changed[columns], table[columns], rtol=0.02, atol=0.01)
    np.testing.assert_allclose(changed["ink"], 0.6 * table["ink"])


def test_table(drawn):
    images = drawn[0][:30]
    table = table_of(images)
    assert tuple(table.columns) == measures.MEASURES
    for column in measures.MEASURES:
        np.testing.assert_array_equal(
            table[column], getattr(measures, column)(images[:, 0])
        )


def test_images_do_not_influence_each_other(drawn, monkeypatch):
    images = drawn[0][:20]
    together = table_of(images)
    monkeypatch.setattr(measures, "_BATCH_SIZE", 3)
    np.testing.assert_array_equal(measures.thickness(images), together["thickness"])
    alone = table_of(images[4:5])
    np.testing.assert_allclose(alone.loc[0], together.loc[4])


def test_ink_up_to_the_edge_is_measured():
    images = np.ones((2, 28, 28))
    images[1, :, 3:] = 0
    table = table_of(images)
    assert table["width"].tolist() == pytest.approx([28, 3], abs=0.5)
    assert table["thickness"][1] == pytest.approx(3, abs=0.3)


def test_measures_without_ink_are_nan_without_warnings():
    images = np.stack([np.zeros((28, 28)), -np.ones((28, 28)), bar(3.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = table_of(images)
        blank = table_of(images[:1])
    assert table.loc[:1, ["thickness", "slant", "width"]].isna().all(axis=None)
    assert table["ink"].tolist() == pytest.approx([0, -1, bar(3.0).mean()])
    assert table.loc[2].notna().all()
    assert blank.isna().loc[0].tolist() == [True, True, True, False]


def test_smallest_inks_have_finite_measures():
    images = np.zeros((3, 28, 28))
    images[0, 10, 12] = 1  # a pixel
    images[1, 10, 5:15] = 0.5  # a line along one row
    images[2] = 0.3  # no background
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = table_of(images)
    assert table["thickness"][:2].tolist() == pytest.approx([1, 1], abs=0.3)
    assert table["slant"].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert table["width"].tolist() == pytest.approx([1, 10, 28], abs=0.3)
    assert np.isfinite(table["thickness"][2])


def test_no_images_give_an_empty_table():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = table_of(np.empty((0, 1, 28, 28)))
    assert table.shape == (0, 4)


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 28, 28), np.uint8), np.zeros((28, 28)), np.zeros((2, 3, 28, 28))],
)
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match="images must be floats"):
        table_of(images)


def test_single_precision_gives_the_same(drawn):
    images = drawn[0][:50]
    single = table_of(images.astype(np.float32))
    np.testing.assert_allclose(single, table_of(images), rtol=1e-3)
