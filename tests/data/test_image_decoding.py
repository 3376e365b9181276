"""Framing, decoding and streaming of encoded images; arrays that grow."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from vlae.data import image_decoding
from vlae.data.image_decoding import BrokenImages, Framing, decode
from vlae.data.npy_writer import GrowingArray
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import sha256


def encoded(pixels, form="PNG", **settings):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **settings)
    return out.getvalue()


def noise(height, width, channels=3, seed=0):
    shape = (height, width, channels)[: 2 if channels == 1 else 3]
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


class Memory(dict):
    """A source of encoded images in memory."""

    path = "mine.zip"

    def read(self, name):
        return self[name]


# Framing


def test_the_centre_is_kept():
    image = np.zeros((218, 178, 3), np.uint8)
    image[55:163, 35:143] = 9  # the centre 108 x 108 of CelebA
    part = Framing((3, 64, 64), 108).cut(image)
    assert part.shape == (108, 108, 3)
    assert (part == 9).all()


@pytest.mark.parametrize(
    ("size", "shape", "crop", "top", "left", "tall", "wide"),
    [
        ((10, 7), (1, 4, 4), 4, 3, 1, 4, 4),  # the odd pixel goes right
        ((10, 7), (1, 4, 4), None, 1, 0, 7, 7),
        ((7, 10), (1, 4, 4), None, 0, 1, 7, 7),
        ((10, 10), (1, 4, 8), None, 2, 0, 5, 10),
        ((10, 10), (1, 8, 4), None, 0, 2, 10, 5),
        ((6, 9), (1, 4, 6), None, 0, 0, 6, 9),
    ],
)
def test_part_that_is_kept(size, shape, crop, top, left, tall, wide):
    image = np.arange(size[0] * size[1]).reshape(*size, 1)
    part = Framing(shape, crop).cut(image)
    np.testing.assert_array_equal(part, image[top : top + tall, left : left + wide])


def test_image_smaller_than_the_crop():
    with pytest.raises(ValueError, match="9x20 px, smaller than crop: 10"):
        Framing((3, 8, 8), 10).cut(np.zeros((20, 9, 3), np.uint8))


@pytest.mark.parametrize(
    ("shape", "crop", "expected"),
    [((2, 8, 8), None, "2 channels; expected 1"), ((3, 8, 9), 8, "Set crop: null")],
)
def test_framing_that_cannot_be(shape, crop, expected):
    with pytest.raises(UserError, match=expected):
        Framing(shape, crop)


def test_resizing_is_that_of_pillow_to_a_level():
    image = noise(108, 108)
    ours = Framing((3, 64, 64), None).resize([image, image[::-1]])
    pillow = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
    expected = np.asarray(pillow).transpose(2, 0, 1).astype(int)
    assert ours.shape == (2, 3, 64, 64)
    assert np.abs(ours[0] - expected).max() <= 1
    # The company that an image is resized in makes no difference.
    alone = Framing((3, 64, 64), None).resize([image])
    np.testing.assert_array_equal(alone[0], ours[0])


def test_an_image_of_the_right_size_is_left_alone():
    image = noise(8, 8)
    (ours,) = Framing((3, 8, 8), None).resize([image])
    np.testing.assert_array_equal(ours.transpose(1, 2, 0), image)


def test_the_card_says_what_was_done():
    assert str(Framing((3, 64, 64), 108)).startswith("centre 108x108 px, resized to 64")
    assert "proportions 48:64" in str(Framing((1, 64, 48), None))


# Decoding


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM"])
def test_formats(form):
    image = np.full((5, 7, 3), (10, 200, 90), np.uint8)
    settings = {"lossless": True} if form == "WEBP" else {}
    pixels = decode(encoded(image, form, **settings), 3)
    np.testing.assert_array_equal(pixels, image)


@pytest.mark.parametrize("settings", [{}, {"subsampling": 0}, {"progressive": True}])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_decoded_as_pillow_does(channels, settings):
    data = encoded(noise(31, 45, channels), "JPEG", **settings)
    expected = np.asarray(Image.open(io.BytesIO(data))).reshape(31, 45, channels)
    np.testing.assert_array_equal(decode(data, channels), expected)


def test_grey_and_colour_become_each_other():
    grey = noise(4, 5, 1)
    np.testing.assert_array_equal(
        decode(encoded(grey), 3), np.repeat(grey[..., None], 3, axis=2)
    )
    colour = np.full((4, 5, 3), 77, np.uint8)
    assert (decode(encoded(colour), 1) == 77).all()


def test_jpeg_that_its_exif_data_turn():
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, :8] = 255
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned clockwise
    pixels = decode(encoded(image, "JPEG", exif=exif), 3)
    assert pixels.shape == (16, 8, 3)
    assert pixels[:8].min() > 200 > 50 > pixels[8:].max()


def test_transparent_parts_are_white():
    image = np.zeros((4, 4, 4), np.uint8)
    image[:2, :, 3] = 255
    pixels = decode(encoded(image), 3)
    assert (pixels[:2] == 0).all() and (pixels[2:] == 255).all()


def test_sixteen_bits_become_eight():
    levels = np.array([[0, 65535], [32768, 257]], np.uint16)
    assert decode(encoded(levels), 1)[..., 0].tolist() == [[0, 255], [128, 1]]


def test_truncated_jpeg_is_broken():
    data = encoded(noise(40, 40), "JPEG")
    with pytest.raises(OSError, match="truncated"):
        decode(data[: len(data) // 2], 3)


# Streams


def members(count=100, size=(12, 10)):
    names = [f"{i}.png" for i in range(count)]
    return Memory(
        {n: encoded(noise(size[0], size[1], 3, i)) for i, n in enumerate(names)}
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_images_come_in_order(threads):
    source, framing = members(), Framing((3, 6, 6), 8)
    chunks = image_decoding.stream(source, list(source), framing, 0, threads)
    images = np.concatenate(list(chunks))
    expected = [image_decoding.read(source, [name], framing)[0] for name in source]
    np.testing.assert_array_equal(images, expected)
    rest = list(image_decoding.stream(source, list(source), framing, 64, threads))
    np.testing.assert_array_equal(np.concatenate(rest), images[64:])


def test_images_of_several_sizes():
    sizes = [(9, 9), (20, 30), (30, 20), (9, 9)]
    source = Memory({str(s): encoded(np.full((*s, 3), 50, np.uint8)) for s in sizes})
    images = image_decoding.read(source, list(source), Framing((3, 6, 6), None))
    assert images.shape == (3, 3, 6, 6)
    assert (images == 50).all()


def test_broken_images_are_all_named():
    source = members()
    for name in ("3.png", "50.png", "99.png"):
        source[name] = source[name][:60]
    source["70.png"] = b"no image"
    framing = Framing((3, 6, 6), None)
    with pytest.raises(UserError) as caught:
        list(image_decoding.stream(source, list(source), framing, 0, 2))
    said = str(caught.value)
    assert said.startswith("mine.zip: 4 images that cannot be used:\n  3.png: ")
    assert all(f"  {n}.png: " in said for n in (50, 70, 99))
    assert "cannot identify image file it" in said
    with pytest.raises(BrokenImages):
        image_decoding.read(source, ["70.png"], framing)


def test_ten_broken_images_are_enough():
    source = Memory({str(i): b"" for i in range(100)})
    with pytest.raises(UserError, match="at least 10 images") as caught:
        list(
            image_decoding.stream(source, list(source), Framing((3, 6, 6), None), 0, 2)
        )
    assert len(str(caught.value).splitlines()) == 12


# Arrays that grow


@pytest.fixture
def rows():
    return noise(100, 6).reshape(100, 6, 3)


def grow(path, rows, key="k", stop=None, saved=None):
    """Append `rows`; give up after `stop` of them, the first `saved` on the disk."""
    with GrowingArray(path, rows.shape, key) as array:
        start = array.done
        for i in range(start, len(rows)):
            if i == saved:
                array.save()
            if i == stop:
                raise InterruptedError
            array.append(rows[i : i + 1])
    return start, array.finish()


def test_grown_array_is_what_numpy_writes(tmp_path, rows):
    start, checksum = grow(tmp_path / "a.npy", rows)
    np.save(tmp_path / "b.npy", rows)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert (start, checksum) == (0, sha256(tmp_path / "b.npy"))
    assert {p.name for p in tmp_path.iterdir()} == {"a.npy", "b.npy"}


def test_growth_continues(tmp_path, rows):
    with pytest.raises(InterruptedError):
        grow(tmp_path / "a.npy", rows, stop=60)
    assert not (tmp_path / "a.npy").exists()
    with (tmp_path / ".a.npy.part").open("ab") as part:
        part.write(b"half a row, not saved")
    start, checksum = grow(tmp_path / "a.npy", rows)
    assert start == 60
    assert checksum == sha256(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


def truncated(tmp_path):
    with (tmp_path / ".a.npy.part").open("r+b") as part:
        part.truncate(200)


def garbled(tmp_path):
    (tmp_path / ".a.npy.part.json").write_text("{")


@pytest.mark.parametrize(
    ("key", "spoil"),
    [("other", lambda _: None), ("", lambda _: None), ("k", truncated), ("k", garbled)],
)
def test_growth_starts_again(tmp_path, rows, key, spoil):
    with pytest.raises(InterruptedError):
        grow(tmp_path / "a.npy", rows, stop=60)
    spoil(tmp_path)
    start, _ = grow(tmp_path / "a.npy", rows, key=key)
    assert start == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


def test_too_many_rows(tmp_path, rows):
    with (
        pytest.raises(UserError, match=r"a\.npy: more than 100 images"),
        GrowingArray(tmp_path / "a.npy", rows.shape, "") as array,
    ):
        array.append(np.concatenate([rows, rows]))
    assert list(tmp_path.iterdir()) == []


# The whole command, killed


def archive(path, count, size=(40, 40)):
    with zipfile.ZipFile(path, "w") as out:
        for i in range(count):
            out.writestr(
                f"{i}.jpg", encoded(noise(size[0], size[1], 3, i % 50), "JPEG")
            )


def prepare_words(tmp_path, out, side=32):
    spec = {
        "name": "mine",
        "module": "images",
        "title": "t",
        "source": "s",
        "licence": "l",
        "shape": [3, side, side],
        "crop": None,
        "classes": 0,
        "test": 10,
        "seed": 0,
        "files": {"images": {"name": "mine.zip"}},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    words = ["--spec", tmp_path / "spec.json", "--raw", tmp_path / "mine.zip"]
    words += ["--card", out / "card.json"]
    return ["prepare", *map(str, words), "--threads", "2"]


# Saves often, and has little time to be killed in without a rest.
SLOW = """
import sys, time
from vlae.__main__ import main
from vlae.data import image_decoding, npy_writer
npy_writer.SAVE_BYTES, read = 1, image_decoding.read
def slow(*words):
    time.sleep(0.02)
    return read(*words)
image_decoding.read = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_killed_preparation_continues(tmp_path):
    archive(tmp_path / "mine.zip", 2000)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    killed = tmp_path / "killed"
    words = prepare_words(tmp_path, killed)
    process = subprocess.Popen([sys.executable, "-c", SLOW, *words], env=environment)
    side = killed / ".train.npy.part.json"
    deadline = time.monotonic() + 120
    while not side.exists() or json.loads(side.read_text())["done"] < 300:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = json.loads(side.read_text())["done"]
    assert 300 <= done < 1990
    assert not (killed / "train.npy").exists()
    (killed / f".{side.stem}-killed00.json").touch()  # as in the middle of a write

    command = [sys.executable, "-m", "vlae"]
    said = subprocess.check_output([*command, *words], env=environment, text=True)
    assert f"continues after {done} of 1990 images" in said
    words = prepare_words(tmp_path, tmp_path / "whole")
    said = subprocess.check_output([*command, *words], env=environment, text=True)
    assert "continues" not in said
    names = {p.name for p in (tmp_path / "whole").iterdir()}
    assert {p.name for p in killed.iterdir()} == names
    for name in names:
        other = (tmp_path / "whole" / name).read_bytes()
        assert (killed / name).read_bytes() == other, name


MEMORY = """
import resource, sys
from vlae.__main__ import main
import torch, pandas
from vlae.data import image_decoding, prepared
image_decoding.jpeg_decoder()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert main(sys.argv[1:]) == 0
print("grown", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_memory_does_not_grow_with_the_images(tmp_path):
    archive(tmp_path / "mine.zip", 2000)
    words = prepare_words(tmp_path, tmp_path / "out", side=160)  # 154 MB
    said = subprocess.check_output(
        [sys.executable, "-c", MEMORY, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        text=True,
    )
    assert (tmp_path / "out" / "train.npy").stat().st_size > 150e6
    assert int(said.split("grown")[1]) < 90_000  # KiB
