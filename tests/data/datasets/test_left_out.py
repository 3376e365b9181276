"""Files that cannot be used as images: counted by reason, and an error if too many."""

import json
import sys
import zipfile

import numpy as np
import pytest
from datasets_helpers import OWN, encoded, picture, pictures, write_own, write_zip
from PIL import Image

from vlae.data import image_decoding, image_formats
from vlae.data.compression import pack
from vlae.data.datasets import _unreadable, images
from vlae.data.datasets.base import FilesLeftOut
from vlae.system.errors import UserError

BROKEN = {
    "empty.png": b"",
    "page.jpg": b"<!doctype html><html>404</html>",
    "cut.png": picture(90, size=(50, 40))[:80],
    "cut.jpg": picture(90, "JPEG", size=(50, 40))[:200],
    "text.gif": b"GIF89a but no more",
    "wrong.webp": b"RIFF....WEBP",
}
READ = {"max_left_out": 0.9}


@pytest.fixture
def without_heif(monkeypatch):
    """As if the plugin were not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    caches = (image_formats.formats, image_formats.endings)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_left_out_by_reason(raw, prepare, without_heif):
    content = pictures(200) | {
        "top/IMG_1.HEIC": b"x",
        "top/IMG_2.heif": b"x",
        "top/raw.dng": b"x",
        "top/notes": b"words",
        "top/film.MOV": b"x",
        "top/.DS_Store": b"x",
        "top/._1.png": picture(255),
        "__MACOSX/top/._2.png": b"x",
        "top/Thumbs.db": b"x",
        "readme.md": b"x",
    }
    write_own(raw, content=content)
    card = prepare(OWN, raw).card
    assert sum(card["counts"].values()) == 200
    assert card["left_out"] == {
        ".heic files (pillow-heif is not installed)": 1,
        ".heif files (pillow-heif is not installed)": 1,
        ".dng files": 1,
        "files without an ending that are not images": 1,
        ".mov files": 1,
        ".md files": 1,
        "hidden files": 4,
    }


@pytest.mark.parametrize("name", ["IMG_0", "IMG_0.1", "photo 12.30", "a.very_long_end"])
def test_files_without_an_ending_are_tried(raw, prepare, name):
    write_own(raw, content=pictures(2) | {f"top/{name}": picture(200)})
    data = prepare({**OWN, "test": 1}, raw)
    assert name in {*data.table("train")["file"], *data.table("test")["file"]}
    assert "left_out" not in data.card


def test_two_photos_in_one_file(raw, prepare):
    write_own(raw, content=pictures(7) | {"top/8.mpo": picture(80, "MPO")})
    assert sum(prepare(OWN, raw).card["counts"].values()) == 8


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.HEIC", "2.heic"], "1.HEIC: pillow-heif is not installed"),
        (["1.HEIC", "2.heic"], "Install pillow-heif"),
        (["1.nef", "2.nef"], "1.nef: an ending .nef that is not of a known"),
        (["one", "two"], "one: not an image"),
    ],
)
def test_too_many_are_an_error(raw, prepare, without_heif, names, expected):
    write_own(raw, content=pictures() | {f"top/{name}": b"x" for name in names})
    said = prepare(OWN, raw, fails=True)
    assert "mine.zip: 2 of 10 images cannot be used:" in said
    assert expected in said and "datasets.mine.max_left_out: 0.2 (now 0.05)" in said
    assert sum(prepare({**OWN, "max_left_out": 0.2}, raw).card["counts"].values()) == 8


def test_what_the_table_does_not_name_is_not_missed(raw, prepare, without_heif):
    write_own(raw, [["file"], *([f"{i}.png"] for i in range(3, 9))])
    with zipfile.ZipFile(raw / "mine.zip", "a") as archive:
        for name in ("top/1.heic", "top/2.heic", "top/3.xyz"):
            archive.writestr(name, b"x")
    card = prepare(OWN, raw).card
    assert card["left_out"] == {
        ".heic files (pillow-heif is not installed)": 2,
        ".xyz files": 1,
        "not named by labels.csv": 2,
    }


def test_what_the_table_names_is_missed(raw, prepare, without_heif):
    names = ["1.heic", "2.heic", "4.strange", *(f"{i}.png" for i in range(1, 9))]
    content = {"top/1.heic": b"x", "top/2.heic": b"x", "top/4.strange": picture(99)}
    write_own(raw, [["file"], *([name] for name in names)], pictures() | content)
    assert "2 of 11 images cannot be used" in prepare(OWN, raw, fails=True)
    card = prepare({**OWN, **READ}, raw).card
    assert sum(card["counts"].values()) == 9


def test_heic_is_read_with_its_plugin(raw, prepare):
    plugin = pytest.importorskip("pillow_heif")
    plugin.register_heif_opener()
    content = {f"top/{i}.HEIC": picture(25 * i, "HEIF", size=(64, 64)) for i in (1, 4)}
    write_own(raw, content=pictures() | content)
    data = prepare({**OWN, "test": 1}, raw)
    assert "left_out" not in data.card
    rows = data.table("train")["file"].tolist()
    assert abs(int(data.images("train")[rows.index("4.HEIC")].max()) - 100) <= 2


# Images that turn out to be unreadable


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_image_is_as_if_it_were_not_there(raw, prepare, name, tmp_path):
    write_own(raw, content=pictures(40) | {f"top/{name}": BROKEN[name]})
    found = prepare(OWN, raw)
    assert found.card["left_out"] == {"images that cannot be read": 1}
    arrays = [found.images(split).copy() for split in ("train", "test")]
    tables = [found.table(split) for split in ("train", "test")]
    write_own(raw, content=pictures(40))
    other = prepare(OWN, raw)
    for split, array, table in zip(("train", "test"), arrays, tables, strict=True):
        np.testing.assert_array_equal(other.images(split), array)
        assert other.table(split).equals(table)


def test_the_check_is_made_once_and_remembered(raw, prepare, monkeypatch):
    write_own(raw, content=pictures(40) | {f"top/{k}": v for k, v in BROKEN.items()})
    checks = 0
    check = image_decoding.broken

    def counted(*words):
        nonlocal checks
        checks += 1
        return check(*words)

    monkeypatch.setattr(image_decoding, "broken", counted)
    first = prepare({**OWN, **READ}, raw)
    assert first.card["left_out"] == {"images that cannot be read": len(BROKEN)}
    again = prepare({**OWN, **READ}, raw)
    assert checks == 1
    assert again.card == first.card


def test_a_note_about_other_files_is_not_used(raw, prepare):
    content = pictures(40) | {"top/41.png": b"x"}
    write_own(raw, content=content)
    prepare(OWN, raw)
    write_own(raw, content=content | {"top/41.png": picture(200)})
    assert "left_out" not in prepare(OWN, raw).card
    note = raw / ".mine.zip.unreadable.json"
    note.write_text("{", encoding="utf-8")
    assert "left_out" not in prepare(OWN, raw).card


def test_too_many_unreadable_images(raw, prepare):
    content = pictures(40) | {f"top/x{i}.png": b"x" for i in range(20)}
    write_own(raw, content=content)
    said = prepare(OWN, raw, fails=True)
    assert "of 60 images cannot be used:\n  top/x0.png: cannot identify" in said
    assert "now 0.05" in said
    assert not (raw.parent / "data" / "card.json").exists()
    assert not (raw / ".mine.zip.unreadable.json").exists()


def test_images_smaller_than_the_crop(raw, prepare):
    write_own(raw, content=pictures(40) | {"top/small.png": picture(99, size=(3, 3))})
    card = prepare({**OWN, "crop": 4}, raw).card
    assert card["left_out"] == {"images smaller than the crop": 1}


def test_a_damaged_archive_is_not_an_unreadable_image(raw, prepare):
    write_own(raw, content=pictures(40))
    content = bytearray((raw / "mine.zip").read_bytes())
    content[content.index(b"IDAT", 2000) + 6] ^= 1
    (raw / "mine.zip").write_bytes(content)
    said = prepare({**OWN, **READ}, raw, fails=True)
    assert "Delete it and run again" in said and "directory says" in said


def test_a_raw_folder_that_may_not_be_written(raw, monkeypatch):
    write_own(raw, content=pictures(40) | {"top/41.png": b"x"})

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(_unreadable, "write_json", refuse)
    splits = images.splits(OWN, raw)
    with pytest.raises(
        UserError, match=r"41\.png.*\nMake the folder writable"
    ) as caught:
        for split in splits:
            list(split.chunks(0, 1))
    assert not isinstance(caught.value, FilesLeftOut)


class Killed(BaseException):
    pass


def test_interrupted_after_the_check_it_continues(raw, prepare, capsys, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), np.uint8)
    content = {f"{i}.png": encoded(pixels) for i, pixels in enumerate(noise)}
    write_zip(raw / "mine.zip", content | {"150.png": b"x"})
    note = raw / ".mine.zip.unreadable.json"
    read, again = image_decoding.read, []

    def killed(*words):
        again.extend([1] if note.exists() else [])
        if len(again) > 4:
            raise Killed
        return read(*words)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(image_decoding, "read", killed)
        prepare(OWN, raw)
    assert "150.png cannot be read" in capsys.readouterr().out
    part = raw.parent / "data" / ".train.npy.part.json"
    done = json.loads(part.read_text(encoding="utf-8"))["done"]
    assert done > 0
    decoded: list[str] = []

    def counted(source, names, framing):
        decoded.extend(names)
        return read(source, names, framing)

    with monkeypatch.context() as patch:
        patch.setattr(image_decoding, "read", counted)
        found = prepare(OWN, raw)
    assert len(decoded) == 299 - done, "the saved ones are not decoded again"
    assert found.card["left_out"] == {"images that cannot be read": 1}
    arrays = {split: found.images(split).copy() for split in ("train", "test")}
    del content["150.png"]
    write_zip(raw / "mine.zip", content)
    whole = prepare(OWN, raw)
    for split, array in arrays.items():
        np.testing.assert_array_equal(whole.images(split), array)


# Folders that are packed


def test_what_packing_leaves_out_is_on_the_card(raw, prepare, tmp_path):
    folder = tmp_path / "photos"
    for name, content in pictures(40, "a/").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / ".DS_Store").touch()
    (folder / "gone.png").symlink_to("nowhere.png")
    pack(folder, raw / "mine.zip")
    card = prepare(OWN, raw).card
    assert card["left_out"] == {"hidden files": 1, "links that lead nowhere": 1}
    for i in range(9):
        (folder / f"{i}.png").symlink_to("nowhere.png")
    pack(folder, raw / "mine.zip")
    said = prepare(OWN, raw, fails=True)
    assert "10 of 50 images cannot be used:\n  a file: links that lead nowhere" in said
