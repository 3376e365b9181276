"""Measures of colour: whole images, pen and ground, faces."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vlae.data.datasets import colour_strokes
from vlae.experiments.measures import colour, faces, pen

ORANGE, NAVY = np.array([0.9, 0.6, 0.2]), np.array([0.1, 0.1, 0.4])
PARTS = {"background_colour": "background", "ink_colour": "ink"}


@pytest.fixture(scope="module")
def drawn():
    images, table = colour_strokes.draw(1_000, seed=7)
    return images / 255, table


def plain(rgb, size=32):
    """An image (1, 3, size, size) of one colour."""
    return np.broadcast_to(
        np.array(rgb, float)[None, :, None, None], (1, 3, size, size)
    )


def bar(ground, ink, columns=slice(12, 17)):
    """An image (1, 3, 32, 32) with an upright bar."""
    image = plain(ground).copy()
    image[:, :, :, columns] = ink[:, None, None]
    return image


def correlations(first, second):
    """Of each channel."""
    return [np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)]


# Whole images


def test_mean_colour_and_contrast_of_two_colours():
    image = bar(NAVY, ORANGE, columns=slice(0, 8))  # a quarter
    found = colour.measure(image)
    np.testing.assert_allclose(found["mean_colour"], [(ORANGE + 3 * NAVY) / 4])
    difference = (ORANGE - NAVY) @ [0.2126, 0.7152, 0.0722]
    np.testing.assert_allclose(found["contrast"], [difference * np.sqrt(3) / 4])


def test_contrast_of_one_colour_and_of_a_chequerboard():
    board = np.indices((32, 32)).sum(0) % 2
    images = np.concatenate([plain(ORANGE), np.repeat(board[None, None], 3, axis=1)])
    contrast = colour.measure(images)["contrast"]
    np.testing.assert_allclose(contrast, [0, 0.5], atol=1e-9)


def test_grey_images_have_one_channel():
    grey = np.full((2, 1, 28, 28), 0.3)
    grey[1, :, :14] = 0.7
    found = colour.measure(grey)
    np.testing.assert_allclose(found["mean_colour"], [[0.3], [0.5]])
    np.testing.assert_allclose(found["contrast"], [0, 0.2], atol=1e-9)
    np.testing.assert_allclose(found["mean_luminance"], [0.3, 0.5])
    assert not found["mean_chromaticity"].any()


def test_luminance_and_chromaticity_of_the_mean_colour():
    images = np.concatenate([plain(rgb) for rgb in ([0.2, 0.6, 0.1], [0.5] * 3)])
    found = colour.measure(images)
    expected = [0.2126 * 0.2 + 0.7152 * 0.6 + 0.0722 * 0.1, 0.5]
    np.testing.assert_allclose(found["mean_luminance"], expected)
    opponent = np.array([[0.2 - 0.6, 0.1 - 0.4], [0, 0]])
    np.testing.assert_allclose(found["mean_chromaticity"], opponent, atol=1e-12)


def test_luminance_and_chromaticity_move_apart():
    """Grey that is added moves the one, an exchange of equal luminance the other."""
    start = np.array([0.3, 0.4, 0.5])
    lighter = start + 0.2
    tinted = start + np.array([0.1, -0.1 * 0.2126 / 0.7152, 0.0])
    images = np.concatenate([plain(rgb) for rgb in (start, lighter, tinted)])
    found = colour.measure(images)
    luminance, hue = found["mean_luminance"], found["mean_chromaticity"]
    np.testing.assert_allclose(luminance - luminance[0], [0, 0.2, 0], atol=1e-12)
    np.testing.assert_allclose(hue[1], hue[0])
    assert np.abs(hue[2] - hue[0]).max() > 0.1


def test_opponent_axes_end_at_one():
    ends = ([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0])
    found = colour.measure(np.concatenate([plain(rgb) for rgb in ends]))
    expected = np.array([[1, -0.5], [-1, -0.5], [0, 1], [0, -1]])
    np.testing.assert_allclose(found["mean_chromaticity"], expected, atol=1e-12)


# Pen and ground


@pytest.mark.parametrize(("ground", "ink"), [(ORANGE, NAVY), (NAVY, ORANGE)])
def test_two_colours_are_told_apart(ground, ink):
    found = pen.measure(bar(ground, ink))
    np.testing.assert_allclose(found["background_colour"], [ground])
    np.testing.assert_allclose(found["ink_colour"], [ink])


def test_colours_of_equal_luminance_are_told_apart():
    ground, ink = np.array([0.7, 0.4, 0.5]), np.array([0.4, 0.4, 0.5])
    ink[1] += 0.3 * 0.2126 / 0.7152
    found = pen.measure(bar(ground, ink))
    np.testing.assert_allclose(found["ink_colour"], [ink])


@pytest.mark.parametrize("blur", [0, 1])
@pytest.mark.parametrize("name", PARTS)
def test_colours_follow_the_truth(drawn, name, blur):
    images, table = drawn
    found = pen.measure(gaussian_filter(images, (0, 0, blur, blur)))[name]
    truth = table[colour_strokes.COLOURS[PARTS[name]]].to_numpy()
    assert min(correlations(found, truth)) > (0.95 if blur else 0.999)
    # With the pairing permuted nothing is left: 1,000 pairs, 5 standard errors.
    mixed = np.random.default_rng(0).permutation(truth)
    assert np.abs(correlations(found, mixed)).max() < 0.16


def test_noise_hardly_matters(drawn):
    images, table = drawn
    noisy = images + np.random.default_rng(0).normal(0, 0.03, images.shape)
    for name, part in PARTS.items():
        truth = table[colour_strokes.COLOURS[part]].to_numpy()
        np.testing.assert_allclose(pen.measure(noisy)[name], truth, atol=0.1)


def test_polarity_is_whether_the_ink_is_lighter(drawn):
    both = np.concatenate([bar(ORANGE, NAVY), bar(NAVY, ORANGE)])
    assert list(pen.measure(both)["polarity"]) == [0, 1]
    images, table = drawn
    lighter = table["background_lightness"] < 0.5  # how the palette is made
    right = pen.measure(images)["polarity"] == lighter.to_numpy()
    assert right.mean() > 0.99


def test_a_flat_image_has_no_colours():
    faint = plain([0.5, 0.5, 0.5]) + 0.001 * np.random.default_rng(0).random((32, 32))
    images = np.concatenate([plain(ORANGE), faint, bar(ORANGE, NAVY)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pen.measure(images)
    for values in found.values():
        assert np.isnan(values[:2]).all()
        assert np.isfinite(values[2]).all()


def test_batches_do_not_influence_each_other(drawn, monkeypatch):
    images = drawn[0][:20]
    together = pen.measure(images)
    monkeypatch.setattr(pen, "_BATCH_SIZE", 3)
    for name, values in pen.measure(images).items():
        np.testing.assert_allclose(values, together[name])


# Faces


@pytest.mark.parametrize("size", [64, 128])
def test_boxes_of_a_face(size):
    """A face in flat colours: hair above, skin in the middle, corners of a wall."""
    skin, hair, wall = np.array([0.8, 0.6, 0.5]), NAVY, ORANGE
    image = plain([0.0, 1.0, 0.0], size).copy()  # green belongs to no box

    def paint(rgb, top, bottom, left, right):
        rows, columns = np.array([[top, bottom], [left, right]]) * size // 64
        image[0, :, slice(*rows), slice(*columns)] = rgb[:, None, None]

    paint(hair, 0, 5, 12, 52)
    paint(wall, 0, 8, 0, 8)
    paint(wall, 0, 8, 56, 64)
    paint(skin, 36, 50, 10, 54)
    found = faces.measure(image)
    np.testing.assert_allclose(found["face_colour"], [skin])
    np.testing.assert_allclose(found["hair_colour"], [hair])
    np.testing.assert_allclose(found["corner_colour"], [wall])
    weights = [0.2126, 0.7152, 0.0722]
    np.testing.assert_allclose(found["face_luminance"], [skin @ weights])
    np.testing.assert_allclose(found["hair_luminance"], [hair @ weights])
    hue = [[wall[0] - wall[1], wall[2] - wall[:2].mean()]]
    np.testing.assert_allclose(found["corner_chromaticity"], hue)


def test_corners_are_averaged():
    image = plain([0.0, 0.0, 0.0], 64).copy()
    image[:, :, :8, :8] = 1
    np.testing.assert_allclose(faces.measure(image)["corner_colour"], 0.5)
