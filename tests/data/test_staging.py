"""Copies of prepared data on a node's own disk."""

import errno
import os

import numpy as np
import pytest
from helpers import prepared_strokes

from vlae.data import staging
from vlae.system import disk as disk_space
from vlae.system.errors import UserError


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("data"), 20)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setenv(staging.STAGE_VARIABLE, str(folder))
    return folder


def test_unset_leaves_the_data_where_they_are(original, monkeypatch):
    monkeypatch.delenv(staging.STAGE_VARIABLE, raising=False)
    assert staging.staged(original) is original


def test_the_copy_is_the_same_and_is_used_again(original, disk, capfd):
    copy = staging.staged(original)
    assert disk in copy.folder.parents
    for split in ("train", "test"):
        assert np.array_equal(copy.images(split), original.images(split))
        assert copy.table(split).equals(original.table(split))
    assert "copied" in capfd.readouterr().out
    before = (copy.folder / "train.npy").stat()
    assert staging.staged(original).folder == copy.folder
    assert (copy.folder / "train.npy").stat().st_mtime_ns == before.st_mtime_ns
    assert "copied" not in capfd.readouterr().out


def test_a_shorter_copy_is_made_again(original, disk):
    path = staging.staged(original).folder / "train.npy"
    path.write_bytes(path.read_bytes()[:-1])
    copy = staging.staged(original)
    assert np.array_equal(copy.images("train"), original.images("train"))


def test_variables_are_those_of_the_machine(original, disk, monkeypatch):
    (disk / "job-7").mkdir()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv(staging.STAGE_VARIABLE, f"{disk}/job-$SLURM_JOB_ID")
    assert disk / "job-7" in staging.staged(original).folder.parents


def test_a_folder_that_is_not_there_is_refused(original, monkeypatch):
    monkeypatch.setenv(staging.STAGE_VARIABLE, "/nowhere/$UNSET_HERE")
    with pytest.raises(UserError, match=r"VLAE_STAGE: no folder '/nowhere/\$UNSET_H"):
        staging.staged(original)


def test_images_that_are_not_what_the_card_says_are_refused(tmp_path, disk):
    data = prepared_strokes(tmp_path / "data", 4)
    path = data.folder / "train.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"train\.npy: not what its card\.json says"):
        staging.staged(data)
    assert not list(disk.rglob("train.npy"))


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("when", ["before", "while"])
def test_without_room_the_data_are_read_where_they_are(
    original, disk, monkeypatch, capfd, when
):
    if when == "before":
        monkeypatch.setattr(disk_space, "_free", lambda folder: 10)
    else:
        monkeypatch.setattr(staging, "_copy", full)
    assert staging.staged(original) is original
    assert "no room for" in capfd.readouterr().out
