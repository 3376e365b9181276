"""Folders that are packed: links, loops, and what is left out."""

import os
import socket
import zipfile

import pytest

from vlae.data.compression import members, pack
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    (path / "more").mkdir(parents=True)
    (path / "1.png").write_bytes(b"one")
    (path / "more" / "2.png").write_bytes(b"two")
    return path


@pytest.fixture
def elsewhere(tmp_path):
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "3.png").write_bytes(b"three")
    return path


def packed(folder, tmp_path):
    pack(folder, tmp_path / "out.zip")
    with Archive(tmp_path / "out.zip") as archive:
        content = {name: archive.read(name) for name in archive.names()}
        return content, archive.left_out


def test_links_to_files_and_folders_are_followed(folder, elsewhere, tmp_path):
    (folder / "linked").symlink_to(elsewhere)
    (folder / "three.png").symlink_to(elsewhere / "3.png")
    (elsewhere / "deep").symlink_to(folder / "more")
    content, left_out = packed(folder, tmp_path)
    assert content == {
        "photos/1.png": b"one",
        "photos/linked/3.png": b"three",
        "photos/linked/deep/2.png": b"two",
        "photos/more/2.png": b"two",
        "photos/three.png": b"three",
    }
    assert left_out == {}
    assert len(members(folder)) == 5


def test_loops_end(folder, elsewhere, tmp_path):
    (folder / "more" / "up").symlink_to(folder)
    (folder / "away").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "self").symlink_to("self")
    content, left_out = packed(folder, tmp_path)
    assert sorted(content) == ["photos/1.png", "photos/away/3.png", "photos/more/2.png"]
    assert left_out == {
        "links that lead nowhere": 1,
        "links to a folder in which they lie": 2,
    }


def test_what_is_left_out_is_counted(folder, tmp_path, monkeypatch):
    for name in (".DS_Store", ".git/a", ".git/b/c", "more/.hidden.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "gone.png").symlink_to("nowhere")
    monkeypatch.chdir(folder)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        content, left_out = packed(folder, tmp_path)
    assert sorted(content) == ["photos/1.png", "photos/more/2.png"]
    assert left_out == {
        "devices and pipes": 1,
        "hidden files": 4,
        "links that lead nowhere": 1,
    }


def test_a_folder_without_permission(folder, tmp_path, monkeypatch):
    listed = type(folder).iterdir

    def refuse(path):
        if path.name == "more":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(type(folder), "iterdir", refuse)
    with pytest.raises(UserError, match="1 folders that may not be read; change their"):
        pack(folder, tmp_path / "out.zip")
    assert [path.name for path in members(folder)] == ["1.png"]


@pytest.mark.parametrize(
    "comment",
    [b"", b"made by somebody", b"[]", b'{"left_out": 3}', b"\xff", b"[" * 9999],
)
def test_comments_of_other_programs(folder, tmp_path, comment):
    pack(folder, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip", "a") as archive:
        archive.comment = comment
    with Archive(tmp_path / "out.zip") as archive:
        assert archive.left_out == {}
        assert archive.read("photos/1.png") == b"one"


def test_equal_files_make_equal_archives(folder, tmp_path):
    pack(folder, tmp_path / "a.zip")
    os.utime(folder / "1.png", (1, 1))
    pack(folder, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
