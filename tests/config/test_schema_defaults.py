"""What a data set need not say."""

import pytest
from configuration_helpers import refusal, resolved

SHORT = {
    "module": "images",
    "shape": [3, 32, 32],
    "files": {"images": {"path": "/data/my pictures.zip"}},
}


def defined(**changes):
    found = resolved({"datasets": {"mine": {**SHORT, **changes}}})
    return found.content["datasets"]["mine"]


def test_a_short_definition_is_completed():
    mine = defined()
    files = mine.pop("files")
    assert mine == {
        "module": "images",
        "title": "mine",
        "source": "not stated",
        "licence": "not stated",
        "shape": [3, 32, 32],
        "classes": 0,
        "attributes": [],
        "classifier": None,
        "classifier_seed": 0,
        "depicts": None,
        "measures": [],
        "crop": None,
    }
    assert files["images"] == {
        "path": "/data/my pictures.zip",
        "name": "images",
        "remote": None,
        "checksum": None,
        "addresses": [],
    }


def test_what_is_said_wins_over_a_default():
    assert defined(title="Mine", test=5)["title"] == "Mine"
    assert defined(title="Mine", test=5)["test"] == 5


@pytest.mark.parametrize(
    ("remote", "name"),
    [("a/b.zip", "b.zip"), ("train images.gz", "train_images"), ("photos/", "photos")],
)
def test_a_file_is_named_as_at_its_source(remote, name):
    assert (
        defined(files={"images": {"remote": remote}})["files"]["images"]["name"] == name
    )


def test_a_module_gets_its_own_defaults_only():
    assert "crop" not in resolved().content["datasets"]["strokes"]


@pytest.mark.parametrize("file", ["{}", "{path: a.zip, remote: b.zip}", "{name: a}"])
def test_a_file_has_one_source(file):
    said = refusal(
        "datasets: {mine: {module: images, shape: [3, 32, 32], files: {images: "
        f"{file}}}}}}}"
    )
    assert "datasets.mine.files.images: give one of 'path'" in said


def test_two_files_of_one_name_are_refused():
    said = refusal(
        "datasets: {mine: {module: images, shape: [3, 32, 32], files: {images: "
        "{remote: a/x.zip}, labels: {remote: b/x.zip}}}}"
    )
    assert "'images' and 'labels' are both named x.zip" in said
