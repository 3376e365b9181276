"""Downloads from folders and a local HTTP server: sources, checksums, folders.

Nothing here reaches the network outside: every mirror is a folder or 127.0.0.1.
"""

import gzip
import hashlib
import zipfile
from pathlib import Path

import pytest
from downloads import CHECKSUM, CONTENT, PACKED, beside, check, check_nothing, fetch
from misbehaving_server import Reply, serving

from vlae.data import zip_archive
from vlae.data.download import sources
from vlae.data.download.sources import MIRROR_VARIABLE
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError

pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture(params=["working folder", "clone"])
def by_hand(offline, request):
    """Where the user puts what was fetched by hand for the data set."""
    here = request.param == "working folder"
    path = (Path.cwd() if here else sources.ROOT) / "by-hand" / "toy"
    path.mkdir(parents=True)
    return path


# What works


@pytest.mark.parametrize("remote", ["file", "file.gz"])
def test_from_a_folder(folder, out, remote):
    fetch(out, folder, remote=remote)
    check(out)
    assert (folder / remote).read_bytes() == {"file": CONTENT}.get(remote, PACKED)


@pytest.mark.parametrize("remote", ["file", "file.gz"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_over_http(server, out, remote, slash):
    server.serve("/sub/file", CONTENT)
    server.serve("/sub/file.gz", PACKED)
    fetch(out, f"{server.address}/sub{slash}", remote=remote)
    check(out)
    assert server.paths() == [f"/sub/{remote}"]


@pytest.mark.parametrize(
    "facts", [{"says_length": False}, {"chunked": True}, {"etag": False}], ids=str
)
def test_whatever_the_server_says_of_it(server, out, facts):
    server.serve("/file.gz", Reply(PACKED, **facts))
    fetch(out, server.address)
    check(out)


@pytest.mark.parametrize("level", [1, 9])
def test_checksum_is_of_the_decompressed_content(folder, out, level):
    (folder / "file.gz").write_bytes(gzip.compress(CONTENT, level, mtime=level))
    fetch(out, folder)
    check(out)


def test_checksum_of_another_kind(server, folder, out, tmp_path):
    server.serve("/file.gz", gzip.compress(b"something else"))
    md5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    fetch(out, folder, checksum=md5)
    check(out)
    with pytest.raises(UserError, match=f"wrong checksum: md5:.*expected {md5}"):
        fetch(tmp_path / "other" / "data", server.address, checksum=md5)


@pytest.mark.parametrize("source", ["folder", "server"])
def test_no_checksum_is_said_with_what_was_found(request, server, out, source, capfd):
    server.serve("/file.gz", PACKED)
    given = request.getfixturevalue(source)
    fetch(out, getattr(given, "address", given), checksum=None)
    check(out)
    said = capfd.readouterr().out
    assert f"not checked (checksum: null), {CHECKSUM}" in said


def test_server_that_decompresses_on_the_way(server, out):
    server.serve("/file.gz", CONTENT)
    fetch(out, server.address)
    check(out)


def test_an_old_wrong_file_is_replaced(folder, out):
    out.parent.mkdir()
    out.write_bytes(b"old")
    fetch(out, folder)
    check(out)


def test_what_is_there_and_right_is_not_fetched_again(server, folder, out):
    fetch(out, folder)
    fetch(out, server.address)
    check(out)
    assert server.log == []


# In which order


def test_the_user_s_own_come_first(server, tmp_path, folder, out, by_hand, monkeypatch):
    """Each place has the file wrong, so that all are tried."""
    wrong = gzip.compress(b"something else")
    places = [tmp_path / "environment" / "toy", tmp_path / "configured" / "toy"]
    for place in [*places, by_hand]:
        place.mkdir(parents=True, exist_ok=True)
        (place / "file.gz").write_bytes(wrong)
    (folder / "file.gz").write_bytes(wrong)
    server.serve("/get?id=1", wrong)
    monkeypatch.setenv(MIRROR_VARIABLE, str(places[0].parent))
    own = f"{server.address}/get?id=1"
    with pytest.raises(UserError) as caught:
        fetch(out, folder, mirror=str(places[1].parent), addresses=[own])
    lines = [
        line for line in str(caught.value).splitlines() if "wrong checksum" in line
    ]
    expected = [*(f"{p}/file.gz" for p in places), f"{by_hand}/file.gz", own, folder]
    assert len(lines) == len(expected)
    for line, place in zip(lines, expected, strict=True):
        assert line.startswith(f"  {place}")


def test_own_mirror_may_be_an_address(server, out, monkeypatch):
    server.serve("/toy/file.gz", PACKED)
    monkeypatch.setenv(MIRROR_VARIABLE, server.address + "/")
    fetch(out)
    check(out)


def test_own_mirror_without_the_file_is_passed_over(folder, out, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder.parent))
    fetch(out, folder)
    check(out)


def test_own_mirror_that_is_no_folder_is_named(folder, out, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, "/nowhere/at/all")
    with pytest.raises(UserError, match=rf"{MIRROR_VARIABLE}.*'/nowhere/at/all'"):
        fetch(out, folder)


def test_configured_mirror_that_is_no_folder_is_named(folder, out):
    with pytest.raises(UserError, match=r"^mirror: no folder '/nowhere/at/all'"):
        fetch(out, folder, mirror="/nowhere/at/all")


def test_an_address_need_not_name_the_file(server, out):
    server.serve("/download?id=1&confirm=t", PACKED)
    fetch(out, addresses=[f"{server.address}/download?id=1&confirm=t"])
    check(out)


def test_no_word_of_what_was_not_fetched_by_hand(folder, out, capfd):
    fetch(out, folder)
    assert "by-hand" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["file.gz", "file"])
def test_fetched_by_hand(server, out, by_hand, name):
    """As it comes, or as a browser may have decompressed it."""
    (by_hand / name).write_bytes(PACKED if name.endswith(".gz") else CONTENT)
    fetch(out, server.address)
    check(out)
    assert server.log == []


def test_what_was_fetched_here_comes_before_what_the_clone_has(out, tmp_path):
    for folder, content in ((tmp_path, CONTENT), (sources.ROOT, b"another file")):
        path = folder / "by-hand" / "toy" / "file"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    fetch(out, checksum=None, remote="file")
    assert out.read_bytes() == CONTENT


# What fails, and who helps then


def broken(folder, content):
    path = folder.parent / f"broken-{len(content)}"
    path.mkdir()
    (path / "file.gz").write_bytes(content)
    return path


BAD = {
    "wrong": (gzip.compress(b"something else"), "wrong checksum"),
    "half": (PACKED[: len(PACKED) // 2], "end-of-stream"),
    "tail": (PACKED[:-4], "end-of-stream"),
    "page": (b"<html>moved</html>", "a web page instead of the file"),
    "empty": (b"", "wrong checksum"),
    "damaged": (PACKED[:20] + bytes(20) + PACKED[40:], "damaged"),
}


@pytest.mark.parametrize(("content", "why"), BAD.values(), ids=BAD)
def test_next_mirror_after_a_bad_folder(folder, out, content, why, capfd):
    first = broken(folder, content)
    fetch(out, first, folder)
    check(out)
    said = capfd.readouterr().out
    assert f"{first}/file.gz: " in said
    assert why in said
    assert f"checksum right, from {folder}" in said
    assert (first / "file.gz").read_bytes() == content


def test_next_mirror_after_404_and_a_missing_file(server, folder, out):
    fetch(out, server.address, folder.parent / "nowhere", folder)
    check(out)


def test_all_fail(server, folder, out):
    wrong = broken(folder, gzip.compress(b"something else"))
    missing = folder.parent / "nowhere"
    with serving() as gone:
        down = gone.address
    with pytest.raises(UserError) as caught:
        fetch(out, wrong, missing, server.address, down, addresses=[f"{down}/get"])
    message = str(caught.value)
    assert f"{wrong}/file.gz: wrong checksum" in message
    assert f"{missing}/file.gz: no such file" in message
    assert f"{server.address}/file.gz: 404" in message
    assert f"{down}/file.gz: [Errno 111] Connection refused" in message
    assert CHECKSUM in message
    assert f"Fetch the file by hand:\n  {down}/get\n" in message
    assert f"\n  {Path.cwd()}/by-hand/toy/file.gz\nand run again" in message
    assert "FOLDER/toy/file.gz" in message
    assert MIRROR_VARIABLE in message and "mirror: FOLDER" in message
    check_nothing(out)


def test_what_to_do_by_hand_helps(out):
    with pytest.raises(UserError, match=r"by-hand/toy/file\.gz\nand run") as caught:
        fetch(out)
    (place,) = [p for p in str(caught.value).split() if "by-hand" in p]
    path = Path.cwd() / "by-hand" / "toy" / "file.gz"
    assert place == str(path)
    path.parent.mkdir(parents=True)
    path.write_bytes(PACKED)
    fetch(out)
    check(out)


def test_gzip_that_expands_without_end(server, folder, out, monkeypatch):
    monkeypatch.setattr(zip_archive, "HARMLESS_BYTES", 1 << 20)
    server.serve("/file.gz", gzip.compress(bytes(5 << 20)))
    with pytest.raises(UserError, match=r"5\.\d kB decompress to more than 1\.0 MB"):
        fetch(out, server.address)
    check_nothing(out)
    fetch(out, server.address, folder)
    check(out)


def test_interruption_leaves_nothing(folder, out, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vlae.data.download.fetch.checksum", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(out, folder)
    check_nothing(out)
    fetch(out, folder)
    check(out)


# Folders of files


@pytest.fixture
def images(folder):
    """An unpacked archive, with what file managers leave in it."""
    for name in ("b.jpg", "a.jpg", "more/c.jpg", ".DS_Store", ".hidden/d.jpg"):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"image {name}")
    return folder


@pytest.mark.parametrize("remote", ["images.zip", "images/"])
def test_folder_is_packed(images, out, remote, capfd):
    fetch(out, images, remote=remote)
    with Archive(out) as archive:
        names = ["images/a.jpg", "images/b.jpg", "images/more/c.jpg"]
        assert archive.names() == names
        assert archive.read("images/more/c.jpg") == b"image more/c.jpg"
    with zipfile.ZipFile(out) as packed:
        assert {m.compress_type for m in packed.infolist()} == {zipfile.ZIP_STORED}
    assert "its checksum cannot be checked" in capfd.readouterr().out
    assert beside(out) == {out.name}


def test_same_files_make_the_same_archive(images, out, tmp_path):
    fetch(out, images, remote="images.zip")
    (images / "images" / "a.jpg").touch()
    again = tmp_path / "again" / "data"
    fetch(again, images, remote="images.zip")
    assert out.read_bytes() == again.read_bytes()


def test_archive_fetched_by_hand_may_be_unpacked(images, out, by_hand):
    with pytest.raises(UserError, match="or its unpacked folder"):
        fetch(out, remote="images.zip")
    (images / "images").rename(by_hand / "images")
    fetch(out, remote="images.zip")
    with Archive(out) as archive:
        assert "images/a.jpg" in archive.names()


def test_packed_file_is_preferred_to_the_folder(images, out):
    (images / "images.zip").write_bytes(CONTENT)
    fetch(out, images, remote="images.zip")
    check(out)


def test_empty_folder_is_named(folder, out):
    (folder / "images").mkdir()
    with pytest.raises(UserError, match="images/: no files in this folder"):
        fetch(out, folder, remote="images/")
    check_nothing(out)


def test_no_folder_over_http(server, out):
    with pytest.raises(
        UserError, match=r"'images/' is a folder.*not fetched over HTTP"
    ):
        fetch(out, server.address, remote="images/")
    assert server.log == []


# A path of the user's own disk


def test_a_file_of_ones_own_disk(out, folder):
    fetch(out, remote=None, path=str(folder / "file.gz"))
    assert out.read_bytes() == CONTENT


def test_a_folder_of_ones_own_disk_is_packed(out, tmp_path):
    pictures = tmp_path / "my pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"a")
    fetch(out, remote=None, checksum=None, path=str(pictures))
    with zipfile.ZipFile(out) as packed:
        assert packed.namelist() == ["my pictures/a.png"]


def test_a_path_that_is_not_there_is_named(out, tmp_path):
    with pytest.raises(UserError) as caught:
        fetch(out, "https://example.org", remote=None, path=str(tmp_path / "gone.zip"))
    assert "could not get a file from your own disk" in str(caught.value)
    assert f"{tmp_path / 'gone.zip'}: no such file" in str(caught.value)
    assert "example.org" not in str(caught.value)
