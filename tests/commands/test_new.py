"""`vlae new`: what is found in somebody's files, and an overlay that runs as it stands.

Every overlay that is written here is loaded, and its data are prepared with it.
"""

import argparse
import gzip
import os
import struct

import numpy as np
import pytest
import yaml
from PIL import Image

from vlae.commands import new
from vlae.config import configuration, study
from vlae.data.datasets.base import FilesLeftOut
from vlae.data.download.fetch import download
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

RNG = np.random.default_rng(0)
NETWORKS = configuration.load().content["networks"]


def picture(size=(40, 30), mode="RGB"):
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return Image.fromarray(RNG.integers(0, 256, shape, np.uint8))


def pictures(folder, count=20, sizes=((40, 30), (64, 48), (30, 40)), mode="RGB"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        picture(sizes[i % len(sizes)], mode).save(folder / f"{i}.png")


def idx(path, array, kind=8):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wb") as file:
        file.write(head + array.tobytes())


@pytest.fixture
def made(tmp_path, monkeypatch, capsys):
    """Call the command in an empty folder; return what it wrote and printed."""
    monkeypatch.chdir(tmp_path)

    def call(name, *words):
        parser = argparse.ArgumentParser()
        new.add_arguments(parser)
        new.run(parser.parse_args([name, *map(str, words)]))
        out = words[words.index("--out") + 1] if "--out" in words else f"{name}.yaml"
        return Made(name, tmp_path / out, capsys.readouterr().out, tmp_path)

    return call


class Made:
    """An overlay that was written, and the data that it leads to."""

    def __init__(self, name, path, said, folder):
        self.said = said
        self.text = path.read_text(encoding="utf-8")
        self.written = yaml.safe_load(self.text)
        self.found = configuration.load([path])
        self.definition = self.written["datasets"][name]
        raw = folder / "raw"
        raw.mkdir()
        for file, source in self.found.specs.files(name).items():
            download(name, source, [], raw / file)
        spec = self.found.specs.data_spec(name)
        try:
            self.prepare(spec, raw)
        except FilesLeftOut:  # as the command `prepare` does
            self.prepare(spec, raw)
        assert self.images["train"].shape[1:] == tuple(spec["shape"])
        # Nothing is left behind beside the overlay and the raw files.
        assert not list(folder.glob(".vlae-new-*"))

    def prepare(self, spec, raw):
        splits = registry.load("datasets", spec["module"]).splits(spec, raw)
        self.splits = {split.name: split for split in splits}
        self.images = {
            name: np.concatenate([*split.chunks(0, 1)])
            for name, split in self.splits.items()
        }

    @property
    def planned(self):
        return [str(run) for run in self.found.selection.runs()]


# What is found


def test_a_folder_of_photos_of_any_size(made, tmp_path):
    pictures(tmp_path / "My photos")
    (tmp_path / "My photos" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "My photos" / "notes.txt").write_text("x", encoding="utf-8")
    found = made("photos", "My photos")
    assert found.definition["files"] == {"images": {"path": "My photos"}}
    assert found.definition["shape"] == [3, 32, 32]
    assert "classes" not in found.definition
    assert "18 images for training, 2 held out" in found.said
    assert "40x30 to 64x48" in found.said
    assert "Left out: .txt files: 1." in found.said
    assert f"snakemake -s {os.path.relpath(ROOT / 'Snakefile')} --cores 2" in found.said
    assert "--configfile photos.yaml" in found.said
    assert "The network vlae-svhn takes 32x32 in colour" in found.said
    assert found.planned == ["photos/vlae"]
    assert found.found.selection.figures() == ["layers"]
    assert found.found.selection.claims() == []
    assert found.written["defaults"]["training"]["batch_size"] == 18


def test_folders_of_classes(made, tmp_path):
    for name in ("cat", "dog"):
        pictures(tmp_path / "pets" / name, sizes=[(28, 28)], mode="L")
    found = made("pets", tmp_path / "pets")
    assert found.definition["classes"] == 2
    assert found.definition["shape"] == [1, 28, 28]
    assert "2 classes: cat, dog" in found.said
    assert found.splits["train"].facts["class_names"] == ["cat", "dog"]
    assert found.found.selection.classifiers()


def test_a_table_with_words(made, tmp_path):
    pictures(tmp_path / "t", sizes=[(20, 20)])
    words = ["NA", "None", "007"]
    rows = [f"{i}.png;{words[i % 3]}" for i in range(20)]
    (tmp_path / "t" / "Labels.CSV").write_text(
        "\n".join(["file;label", *rows]), encoding="utf-8"
    )
    found = made("t", "t")
    assert found.definition["classes"] == 3
    assert "3 classes: 007, NA, None" in found.said


def test_names_of_persons_are_not_classes(made, tmp_path):
    pictures(tmp_path / "t", count=10)
    rows = [f"{i}.png,person {i}" for i in range(10)]
    (tmp_path / "t" / "labels.csv").write_text(
        "\n".join(["file,label", *rows]), encoding="utf-8"
    )
    found = made("t", "t")
    assert "classes" not in found.definition
    assert "10 different labels of 10 images" in found.said


def test_sprites_of_zeros_and_ones(made, tmp_path):
    images = RNG.integers(0, 2, (50, 64, 64), np.uint8)
    factors = RNG.integers(0, 3, (50, 6))
    np.savez(
        tmp_path / "sprites.npz",
        imgs=images,
        latents_classes=factors,
        metadata=np.array({"a": 1}, dtype=object),
    )
    found = made("sprites", "sprites.npz")
    assert found.definition["arrays"] == {"images": "imgs"}
    assert found.definition["resize"] is True
    assert "uint8 from 0 to 1, scaled so that 0 becomes level 0" in found.said
    assert "arrays left alone: latents_classes, metadata" in found.said
    assert found.images["train"].max() > 200


def test_arrays_named_as_in_keras(made, tmp_path):
    def labels(count):
        return np.arange(count) % 4

    np.savez(
        tmp_path / "a.npz",
        x_train=RNG.integers(0, 256, (40, 28, 28), np.uint8),
        y_train=labels(40),
        x_test=RNG.integers(0, 256, (12, 28, 28), np.uint8),
        y_test=labels(12),
    )
    found = made("a", "a.npz")
    assert found.definition["arrays"] == {
        "train_images": "x_train",
        "train_labels": "y_train",
        "test_images": "x_test",
        "test_labels": "y_test",
    }
    assert found.definition["classes"] == 4
    assert "resize" not in found.definition
    assert {n: s.count for n, s in found.splits.items()} == {"train": 40, "test": 12}


def test_one_hot_labels(made, tmp_path):
    hot = np.eye(5)[np.arange(50) % 5]
    images = RNG.integers(0, 256, (50, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=hot)
    found = made("a", "a.npz")
    assert found.definition["classes"] == 5
    assert "arrays" not in found.definition


def test_an_npy_file_in_a_folder(made, tmp_path):
    (tmp_path / "d").mkdir()
    np.save(tmp_path / "d" / "x.npy", RNG.integers(0, 256, (30, 28, 28), np.uint8))
    found = made("d", "d")
    assert found.definition["files"] == {"arrays": {"path": "d/x.npy"}}


def test_letters_as_emnist_stores_them(made, tmp_path):
    image = np.zeros((1, 28, 28), np.uint8)
    image[:, 2:20, 5] = 255  # a column, which is stored as a row
    for split, count in {"train": 60, "test": 20}.items():
        start = tmp_path / "gzip" / f"emnist-letters-{split}"
        start.parent.mkdir(exist_ok=True)
        stored = np.repeat(image, count, 0).transpose(0, 2, 1)
        idx(start.with_name(f"{start.name}-images-idx3-ubyte.gz"), stored)
        labels = (np.arange(count) % 5 + 1).astype(np.uint8)
        idx(start.with_name(f"{start.name}-labels-idx1-ubyte.gz"), labels)
    found = made("letters", "gzip")
    assert found.definition["transposed"] is True
    assert found.definition["classes"] == 5
    assert np.array_equal(found.images["test"][0], image)
    assert found.splits["train"].facts["class_names"] == ["1", "2", "3", "4", "5"]


def test_one_idx_file_of_images(made, tmp_path):
    idx(tmp_path / "all.idx3", RNG.integers(0, 256, (30, 50, 40), np.uint8))
    found = made("d", "all.idx3")
    assert [*found.definition["files"]] == ["images"]
    assert found.definition["resize"] is True


def test_the_overlay_may_lie_elsewhere(made, tmp_path):
    pictures(tmp_path / "p")
    (tmp_path / "studies").mkdir()
    found = made("p", "p", "--out", "studies/mine.yaml")
    assert found.definition["files"]["images"]["path"] == "../p"
    assert "--configfile studies/mine.yaml" in found.said


# What is refused, before anything is written


def refused(made, *words):
    with pytest.raises(UserError) as caught:
        made(*words)
    return str(caught.value)


def test_uncertain_levels_are_asked_for(made, tmp_path):
    images = RNG.integers(0, 17, (30, 28, 28)).astype(np.float32)
    images[0, 0, 0] = 16
    np.savez(tmp_path / "d.npz", images=images)
    said = refused(made, "d", "d.npz")
    assert "datasets.d.levels: [0, 16]" in said
    assert "vlae new d PATH --set 'levels=[0, 16]'" in said
    assert said.startswith("d.npz: 'images': float32 from 0 to 16")
    assert not (tmp_path / "d.yaml").exists()
    found = made("d", "d.npz", "--set", "levels=[0, 16]")
    assert found.definition["levels"] == [0, 16]


def test_what_is_refused_is_named(made, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello", encoding="utf-8")
    assert "nowhere: no such file or folder" in refused(made, "a", "nowhere")
    assert "empty: no files in this folder" in refused(made, "a", "empty")
    pictures(tmp_path / "one", count=1)
    assert "at least two are needed" in refused(made, "a", "one")
    said = refused(made, "a", "text.txt")
    assert "text.txt: not a folder, a zip archive" in said
    assert "Delete" not in said
    assert "NAME: expected letters" in refused(made, "a b", "empty")
    assert "--set: expected KEY=VALUE" in refused(made, "a", "empty", "--set", "x")
    (tmp_path / "a.yaml").write_text("", encoding="utf-8")
    assert "a.yaml is there already" in refused(made, "a", "empty")


def test_a_misspelt_key_is_refused_and_nothing_written(made, tmp_path):
    pictures(tmp_path / "p")
    said = refused(made, "p", "p", "--set", "crops=20")
    assert "unknown key 'crops'" in said
    assert not (tmp_path / "p.yaml").exists()


def test_an_image_that_cannot_be_read_is_left_out(made, tmp_path):
    pictures(tmp_path / "p", count=30)
    content = (tmp_path / "p" / "7.png").read_bytes()
    (tmp_path / "p" / "7.png").write_bytes(content[: len(content) // 2])
    found = made("p", "p")
    assert "Left out: images that cannot be read: 1." in found.said
    assert "26 images for training, 3 held out" in found.said


def test_two_data_sets_in_one_folder(made, tmp_path):
    (tmp_path / "d").mkdir()
    for name in ("letters", "digits"):
        idx(tmp_path / "d" / f"{name}-train-images", np.zeros((3, 28, 28), np.uint8))
    assert "both are train_images" in refused(made, "d", "d")
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    np.savez(tmp_path / "y.npz", images=np.zeros(3))
    assert "Give one folder or file" in refused(made, "d", "x.npz", "y.npz")
    assert "None of the arrays holds images" in refused(made, "d", "x.npz")


# The nearest network


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 28, 28), "vlae-mnist"),
        ((1, 512, 512), "vlae-mnist"),
        ((3, 8, 8), "vlae-svhn"),
        ((3, 45, 45), "vlae-svhn"),
        ((3, 46, 46), "vlae-celeba"),
        ((3, 3000, 4000), "vlae-celeba"),
    ],
)
def test_nearest_network(size, expected):
    assert study.nearest_network(NETWORKS, "vlae", *size) == expected


def test_no_network_of_a_model():
    with pytest.raises(UserError, match="none has 'model: vlae'"):
        study.nearest_network({}, "vlae", 1, 28, 28)
