"""The examples in the docstrings of data modules, which readers copy."""

import inspect
import re
import struct

import numpy as np
import pytest
import yaml
from datasets_helpers import write_zip
from PIL import Image

from vlae.config import configuration
from vlae.data.datasets import arrays, celeba, idx, images, svhn
from vlae.data.download.fetch import download
from vlae.system import registry

RNG = np.random.default_rng(1)


def example(module):
    """Return the lines of a docstring after "For example::", as YAML."""
    text = inspect.cleandoc(module.__doc__) + "\n"
    (found,) = re.findall(r"[Ff]or example::\n\n((?:    .*\n|\n)+)", text)
    return yaml.safe_load(found)


def pictures(folder):
    image = Image.fromarray(RNG.integers(0, 256, (70, 90, 3), np.uint8))
    image.save(folder / "a.png")
    content = {f"{i}.png": (folder / "a.png").read_bytes() for i in range(20)}
    write_zip(folder / "mine.zip", content)


def archive(folder):
    shape = (30, 32, 32, 3)
    np.savez(
        folder / "mine.npz",
        X=RNG.integers(0, 256, shape, np.uint8),
        y=np.arange(30) % 10,
    )


def letters(folder):
    for split in ("train", "test"):
        values = RNG.integers(0, 256, (52, 28, 28), np.uint8)
        labels = (np.arange(52) % 26 + 1).astype(np.uint8)
        for kind, array in {"images-idx3": values, "labels-idx1": labels}.items():
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            name = f"emnist-letters-{split}-{kind}-ubyte.gz"
            (folder / name).write_bytes(head + array.tobytes())


@pytest.mark.parametrize(
    ("module", "made"),
    [(images, pictures), (arrays, archive), (idx, letters)],
    ids=["images", "arrays", "idx"],
)
def test_the_example_works_as_it_stands(module, made, tmp_path):
    made(tmp_path)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(yaml.safe_dump({"datasets": example(module)}), encoding="utf-8")
    found = configuration.load([overlay])
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, file in found.specs.files("mine").items():
        download("mine", file, [], raw / name)
    spec = found.specs.data_spec("mine")
    splits = registry.load("datasets", spec["module"]).splits(spec, raw)
    assert [split.name for split in splits] == ["train", "test"]
    for split in splits:
        chunks = [*split.chunks(0, 1)]
        assert np.concatenate(chunks).shape == (split.count, *spec["shape"])
        if spec["classes"]:
            assert {*split.table()["label"]} <= {*range(spec["classes"])}


@pytest.mark.parametrize("module", [celeba, svhn], ids=["celeba", "svhn"])
def test_the_example_is_complete(module, tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(yaml.safe_dump({"datasets": example(module)}), encoding="utf-8")
    found = configuration.load([overlay])
    assert found.selection.needed_files("mine").keys() <= {
        *found.content["datasets"]["mine"]["files"]
    }
