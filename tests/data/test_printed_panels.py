"""Cutting pictures of panels: what was drawn comes out, in order, and nothing else."""

import numpy as np
import pytest
from pictures import framed, picture, save

from vlae.data.printed_panels import Layout, cut, reprint
from vlae.system.errors import UserError

GREY, COLOUR = Layout(2, 5, (1, 16, 16)), Layout(2, 5, (3, 16, 16))


def blots(layout, seed=0):
    """Images of a blurred blot each, of its own place and level; grey ones on 0."""
    random = np.random.default_rng(seed)
    channels, height, width = layout.shape
    rows, columns = np.mgrid[:height, :width]
    count = layout.side**2
    y, x = random.uniform(6.5, 8.5, (2, count, 1, 1))
    blot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 12)
    level = random.uniform(0.3, 1, (count, channels, 1, 1))
    return level * blot[:, None]


def drawn(layout, pixels, path):
    images = [blots(layout, seed) for seed in range(layout.panels)]
    panels = [framed(i, layout.side, pixels) for i in images]
    return images, save(picture(panels), path / "picture.png")


@pytest.mark.parametrize("layout", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("pixels", [80, 85, 101, 203])
def test_images_come_out_as_they_were_drawn(layout, pixels, tmp_path):
    images, path = drawn(layout, pixels, tmp_path)
    found = cut(path, layout)
    assert len(found) == 2
    for before, after in zip(images, found, strict=True):
        assert after.shape == before.shape
        # Enlarging by interpolation takes a little of the peaks, and the frame the rim.
        assert np.abs(after - before)[:, :, 2:-2, 2:-2].max() < 0.1
        middle = after.mean(axis=(1, 2, 3)) - before.mean(axis=(1, 2, 3))
        assert np.abs(middle).max() < 0.01


def test_the_same_image_is_the_same_in_every_cell(tmp_path):
    images = np.repeat(blots(GREY)[:1], 25, axis=0)
    path = save(picture([framed(images, 5, 118)] * 2), tmp_path / "same.png")
    found = cut(path, GREY)[0]
    first = np.where(found > 0.2, found, 0)  # the frame hides a little of the haze
    columns = np.arange(16)
    places = (first * columns).sum((1, 2, 3)) / first.sum((1, 2, 3))
    drift = np.polyfit(np.tile(np.arange(5), 5), places, 1)[0]
    assert abs(drift) < 0.01  # pixels of 16 from one cell to the next
    assert np.ptp(places) < 0.1


def test_the_edge_of_a_cell_does_not_mix_with_its_neighbour(tmp_path):
    images = np.zeros((25, 3, 16, 16))
    images[::2] = 1  # like a chessboard
    path = save(picture([framed(images, 5, 320)] * 2), tmp_path / "board.png")
    found = cut(path, COLOUR)[0]
    inner = found.reshape(5, 5, 3, 16, 16)[1:-1, 1:-1]
    light = images.reshape(5, 5, 3, 16, 16)[1:-1, 1:-1]
    assert np.abs(inner - light)[..., 1:-1, 1:-1].max() < 0.005


@pytest.mark.parametrize("layout", [GREY, COLOUR], ids=["grey", "colour"])
def test_our_images_are_taken_through_the_same_drawing(layout, tmp_path):
    levels = np.round(255 * blots(layout)).astype(np.uint8)
    pixels = 118
    path = save(picture([framed(levels / 255, 5, pixels)] * 2), tmp_path / "ours.png")
    drawn_and_cut, taken = cut(path, layout)[0], reprint(levels, layout, pixels)
    assert taken.shape == levels.shape
    assert np.abs(taken - drawn_and_cut)[:, :, 2:-2, 2:-2].max() < 0.02


def test_images_that_do_not_fill_a_panel():
    levels = np.zeros((24, 1, 16, 16), np.uint8)
    with pytest.raises(
        ValueError, match=r"\(24, 1, 16, 16\); expected \(25, 1, 16, 16"
    ):
        reprint(levels, GREY, 118)


def square(value, pixels=118):
    return framed(np.full((25, 1, 16, 16), value), 5, pixels)


@pytest.mark.parametrize(
    ("panels", "expected"),
    [
        ([square(0.5)], "expected 2 panels side by side on white, found 1"),
        ([square(0.5)] * 3, "expected 2 panels side by side on white, found 3"),
        ([square(0.5), square(0.5)[:, :60]], r"panel 2 has 60x120 px; expected a sq"),
        ([square(0.5), np.full((120, 120, 3), 99, np.uint8)], "panel 2 has no frame"),
        ([square(0.5, 10)] * 2, "panel 1 has 12x12 px; expected .* least 16 px"),
    ],
)
def test_pictures_of_another_shape_are_refused(panels, expected, tmp_path):
    height = max(panel.shape[0] for panel in panels)
    pad = [((0, height - len(p)), (0, 0), (0, 0)) for p in panels]
    even = [np.pad(p, w, mode="edge") for p, w in zip(panels, pad, strict=True)]
    path = save(picture(even), tmp_path / "picture.png")
    with pytest.raises(UserError, match=expected) as caught:
        cut(path, GREY)
    assert "picture.png" in str(caught.value)


def test_panels_below_one_another(tmp_path):
    both = picture([square(0.5)] * 2)
    path = save(np.concatenate([both, both]), tmp_path / "picture.png")
    with pytest.raises(UserError, match="2 side by side and 2 below one another"):
        cut(path, GREY)


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_not_a_picture_is_named(content, tmp_path):
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"picture\.png: cannot be read as a picture"):
        cut(path, GREY)


def test_truncated_pictures_are_named(tmp_path):
    _, path = drawn(GREY, 118, tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match="cannot be read as a picture"):
        cut(path, GREY)
