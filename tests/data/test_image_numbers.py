"""What the numbers in image files mean: by the header, by their range, or as stated."""

import io
import struct
import zlib

import numpy as np
import pytest
from datasets_helpers import OWN, encoded, picture, write_zip
from PIL import Image

from vlae.data.image_decoding import decode
from vlae.data.image_numbers import OutsideLevels, meanings
from vlae.data.levels import FoundRange, Levels
from vlae.system.errors import UserError

GREY = {**OWN, "shape": [1, 4, 4], "test": 1}
RAMP = np.linspace(0, 1, 16).reshape(4, 4)


def masks(count=6, white=1, **settings):
    draw = np.random.default_rng(0)
    return [(draw.random((4, 4)) < 0.5).astype(np.uint8) * white for _ in range(count)]


def prepared_levels(prepare, raw, contents, change=None, ending="png"):
    """All prepared images in the order of their names, and the card's sentence."""
    write_zip(raw / "mine.zip", {f"{i}.{ending}": c for i, c in enumerate(contents)})
    data = prepare({**GREY, **(change or {})}, raw)
    found: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        found |= dict(zip(data.table(split)["file"], data.images(split), strict=True))
    return [found[name] for name in sorted(found)], data.card["levels"]


def refused(prepare, raw, contents, change=None, ending="png"):
    write_zip(raw / "mine.zip", {f"{i}.{ending}": c for i, c in enumerate(contents)})
    return prepare({**GREY, **(change or {})}, raw, fails=True)


# 0 and 1


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_masks_of_zero_and_one_become_black_and_white(raw, prepare, form, channels):
    pixels = masks()
    stored = [np.dstack([m] * 3) if channels == 3 else m for m in pixels]
    contents = [encoded(mask, form) for mask in stored]
    found, sentence = prepared_levels(prepare, raw, contents, ending=form.lower())
    for image, mask in zip(found, pixels, strict=True):
        np.testing.assert_array_equal(image[0], mask * 255)
    assert sentence.startswith("uint8 from 0 to 1, scaled so that 0 becomes level 0")


def test_masks_are_scaled_before_they_are_resized(raw, prepare):
    big = np.zeros((8, 8), np.uint8)
    big[:, 3:] = 1
    found, _ = prepared_levels(prepare, raw, [encoded(big)] * 3)
    assert set(found[0][0, 0]) - {0, 255}, "levels between, at the edge"
    assert found[0].max() == 255


def test_transparent_masks(raw, prepare):
    pixels = np.zeros((4, 4, 2), np.uint8)
    pixels[:2, :, 0] = 1
    pixels[..., 1] = 255
    pixels[3, :, 1] = 0
    found, _ = prepared_levels(prepare, raw, [encoded(pixels)] * 3)
    assert found[0][0, :, 0].tolist() == [255, 255, 0, 255]


def test_one_brighter_file_makes_them_levels(raw, prepare):
    contents = [*map(encoded, masks()), picture(200, mode="L", size=(4, 4))]
    found, sentence = prepared_levels(prepare, raw, contents)
    assert found[0].max() == 1 and found[-1].max() == 200
    assert "uint8 from 0 to 200, taken as levels" in sentence


@pytest.mark.parametrize("white", [2, 15, 63])
def test_dim_levels_are_refused_before_anything_is_written(raw, prepare, white):
    said = refused(prepare, raw, map(encoded, masks(white=white)))
    assert f"mine.zip: uint8 from 0 to {white}, which can mean several" in said
    assert f"datasets.mine.levels: [0, {white}]" in said
    assert not (raw.parent / "data").exists()


def test_dim_levels_that_are_stated(raw, prepare):
    contents = [*map(encoded, masks(white=15))]
    found, sentence = prepared_levels(prepare, raw, contents, {"levels": [0, 15]})
    assert found[0].max() == 255
    assert "scaled so that 0 becomes level 0 and 15 becomes" in sentence
    found, _ = prepared_levels(prepare, raw, contents, {"levels": [0, 255]})
    assert found[0].max() == 15
    found, _ = prepared_levels(prepare, raw, contents, {"levels": [15, 0]})
    assert found[0].tolist() == [(255 - masks()[0] * 255).tolist()]


def test_levels_outside_of_what_is_stated(raw, prepare):
    contents = [*map(encoded, masks(white=15)), picture(16, mode="L", size=(4, 4))]
    said = refused(prepare, raw, contents, {"levels": [0, 15]})
    assert "mine.zip: 6.png has numbers from 16 to 16, but 0 is black and 15" in said
    said = refused(prepare, raw, contents, {"levels": [0, 8]})
    assert "uint8 from 0 to 15, but datasets.mine.levels is [0, 8]" in said


# What the header says


def ping(bits, rows):
    """A grey PNG of a few bits per pixel; rows are packed bytes."""

    def chunk(kind, content):
        body = kind + content
        return (
            struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
        )

    width = 8 * len(rows[0]) // bits
    head = struct.pack(">IIBBBBB", width, len(rows), bits, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", data),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [
        (1, b"\x55", [0, 255, 0, 255]),
        (2, b"\x1b", [0, 85, 170, 255]),
        (4, b"\x01\x8f", [0, 17, 136, 255]),
    ],
)
def test_png_of_few_bits(raw, prepare, bits, row, expected):
    found, _ = prepared_levels(prepare, raw, [ping(bits, [row] * 4)] * 3)
    assert found[0][0, 0][: len(expected)].tolist() == expected


def test_palettes_and_single_bits_mean_what_they_say(raw, prepare):
    palette = Image.fromarray(masks()[0], "P")
    palette.putpalette([10, 10, 10, 20, 20, 20])
    bit = Image.fromarray(masks()[1] * 255).convert("1")
    contents = []
    for image in (palette, bit, palette):
        out = io.BytesIO()
        image.save(out, "PNG")
        contents.append(out.getvalue())
    found, sentence = prepared_levels(prepare, raw, contents)
    np.testing.assert_array_equal(found[0][0], 10 + 10 * masks()[0])
    np.testing.assert_array_equal(found[1][0], 255 * masks()[1])
    assert sentence == "as the headers of the files say"


@pytest.mark.parametrize(
    ("white", "text"), [(1, "1 0"), (15, "15 0"), (255, "255 0"), (4095, "4095 0")]
)
def test_pgm_says_what_is_white(raw, prepare, white, text):
    content = f"P2 2 2 {white} {text} {text}".encode()
    found, _ = prepared_levels(prepare, raw, [content] * 3, ending="pgm")
    assert found[0][0, 0, 0] == 255 and found[0][0, 0, -1] == 0


def test_sixteen_bits(raw, prepare):
    contents = [encoded(np.rint(RAMP * 65535).astype(np.uint16))] * 3
    found, sentence = prepared_levels(prepare, raw, contents)
    np.testing.assert_array_equal(found[0][0], np.rint(RAMP * 255))
    assert "uint16 from 0 to 65535, scaled" in sentence


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_twelve_bits_in_files_of_sixteen(raw, prepare, form):
    contents = [encoded(np.rint(RAMP * 4095).astype(np.uint16), form)] * 3
    said = refused(prepare, raw, contents, ending=form.lower())
    assert "uint16 from 0 to 4095, which can mean several things" in said
    assert "datasets.mine.levels: [0, 4095]" in said
    stated = {"levels": [0, 4095]}
    found, _ = prepared_levels(prepare, raw, contents, stated, form.lower())
    np.testing.assert_array_equal(found[0][0], np.rint(RAMP * 255))


def twelve_bits():
    """A TIFF of 2 x 1 pixels with 12 bits each: 4095 and 0."""
    entries = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 3}
    body = struct.pack("<H", len(entries))
    for tag, value in entries.items():
        body += struct.pack("<HHII", tag, 3, 1, value)
    return b"II*\0" + struct.pack("<I", 12) + b"\xff\xf0\x00\0" + body + bytes(4)


def test_twelve_bits_by_the_header(raw, prepare):
    assert decode(twelve_bits(), 1).reshape(-1).tolist() == [255, 0]
    found, sentence = prepared_levels(prepare, raw, [twelve_bits()] * 3, ending="tif")
    assert found[0].max() == 255
    assert sentence == "as the headers of the files say"


# Floats


def test_floats_from_zero_to_one(raw, prepare):
    contents = [encoded(RAMP.astype(np.float32), "TIFF")] * 3
    found, sentence = prepared_levels(prepare, raw, contents, ending="tif")
    np.testing.assert_array_equal(found[0][0], np.rint(RAMP * 255))
    assert "float32 from 0 to 1, scaled" in sentence


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (RAMP * 1000, "float32 from 0 to 1000, which can mean several things"),
        (RAMP * 2 - 1, "float32 from -1 to 1, which can mean several things"),
        (RAMP * np.nan, "holds numbers that are not finite"),
    ],
)
def test_floats_that_can_mean_anything(raw, prepare, numbers, expected):
    contents = [encoded(numbers.astype(np.float32), "TIFF")] * 3
    assert expected in refused(prepare, raw, contents, ending="tif")


def test_floats_that_are_stated(raw, prepare):
    contents = [encoded((RAMP * 2 - 1).astype(np.float32), "TIFF")] * 3
    found, _ = prepared_levels(prepare, raw, contents, {"levels": [-1, 1]}, "tif")
    np.testing.assert_array_equal(found[0][0], np.rint(RAMP * 255))


# Several kinds, and how much is read


def test_stated_levels_are_for_one_kind(raw, prepare):
    contents = [
        encoded(np.rint(RAMP * 4095).astype(np.uint16)),
        *map(encoded, masks(white=200)),
    ]
    said = refused(prepare, raw, contents, {"levels": [0, 4095]})
    assert "uint16 (0.png), uint8 (1.png). Use files of one kind" in said


def test_a_kind_that_was_not_looked_at(raw, prepare):
    contents = [
        picture(200, mode="L", size=(4, 4)),
        picture(200, mode="L", size=(4, 4)),
        encoded(RAMP.astype(np.float32), "TIFF"),
    ]
    said = refused(prepare, raw, contents)
    assert "2.png has numbers of type float32, unlike the files before it" in said


def test_photos_are_not_decoded_twice():
    read = []

    def photos():
        for i in range(100):
            read.append(i)
            yield str(i), picture(10 * i, "JPEG")

    found, sentence = meanings(photos(), None, "mine.zip", "levels")
    assert read == [*range(8)], "the first with a level from 64 on settles it"
    assert found["uint8"].as_they_come
    assert sentence.endswith("from 0 to 255 (found in the first 8 images)")


def test_unreadable_files_settle_nothing():
    files = [("a", b""), ("b", b"<html>"), ("c", picture(200))]
    found, _ = meanings(files, None, "mine.zip", "levels")
    assert found["uint8"].found == FoundRange(np.dtype("uint8"), 200, 200, True)
    assert meanings(files[:2], None, "mine.zip", "levels")[0] == {}


def test_a_level_that_the_others_exclude():
    meant = {"uint8": Levels(0, 1, FoundRange(np.dtype("uint8"), 0, 1, True))}
    jpeg = encoded(np.full((4, 4), 30, np.uint8), "JPEG")
    for content in (jpeg, picture(30)):
        with pytest.raises(OutsideLevels, match="has numbers from 30 to 30, but 0 is"):
            decode(content, 1, meant)


def test_all_black_is_refused():
    with pytest.raises(UserError, match="uint8 from 0 to 0, which can mean several"):
        meanings([("a", picture(0))], None, "mine.zip", "levels")
