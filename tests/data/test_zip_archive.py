"""Zip archives: what is read, and what is refused before and while reading."""

import random
import stat
import struct
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from vlae.data import zip_archive
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError

TEXT = b"what the file holds\n" * 50
FILES = {"faces/1.txt": TEXT, "faces/2.txt": b"", "notes.txt": b"short"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "faces.zip"


def write(path, files, method=zipfile.ZIP_DEFLATED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a name that comes twice
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in files:
                archive.writestr(name, content)


def member(name, **facts):
    info = zipfile.ZipInfo(name)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_files_are_read_in_the_order_of_the_archive(path, method):
    extra = [("faces/", b""), ("__MACOSX/faces/._1.txt", b"x")]
    write(path, [*extra, *FILES.items()], method)
    with Archive(path) as archive:
        assert archive.names() == list(FILES)
        assert {n: archive.read(n) for n in archive.names()} == FILES
    assert list(path.parent.iterdir()) == [path]


def test_bytes_before_the_archive_do_no_harm(path):
    write(path, FILES.items())
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    with Archive(path) as archive:
        assert archive.read("faces/1.txt") == TEXT


def test_threads_share_an_archive(path):
    draw = random.Random(0)
    files = {f"{i}.bin": draw.randbytes(2000) for i in range(200)}
    write(path, files.items())
    with Archive(path) as archive, ThreadPoolExecutor(8) as pool:
        names = archive.names() * 5
        contents = pool.map(archive.read, names)
        assert all(files[n] == c for n, c in zip(names, contents, strict=True))


def test_unknown_member_is_named(path):
    write(path, FILES.items())
    with Archive(path) as archive, pytest.raises(UserError, match=r"faces\.zip.*'3'"):
        archive.read("3")


def test_no_more_than_the_limit_is_read(path, monkeypatch):
    write(path, FILES.items())
    with Archive(path) as archive:
        monkeypatch.setattr(zip_archive, "MAX_MEMBER_BYTES", len(TEXT))
        assert archive.read("faces/1.txt") == TEXT
        monkeypatch.setattr(zip_archive, "MAX_MEMBER_BYTES", len(TEXT) - 1)
        with pytest.raises(UserError, match=r"faces\.zip: 'faces/1\.txt' has 1000 "):
            archive.read("faces/1.txt")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../up.txt", "leads out"),
        ("a/../../up.txt", "leads out"),
        ("/etc/passwd", "leads out"),
        ("C:/up.txt", "leads out"),
        ("a\\..\\up.txt", "leads out"),
        ("\\\\host\\up.txt", "leads out"),
        (member("link", external_attr=(stat.S_IFLNK | 0o777) << 16), "symbolic link"),
        (member("faces", compress_type=zipfile.ZIP_LZMA), "other than deflate"),
        ("notes.txt", "occurs twice"),
    ],
    ids=lambda value: str(getattr(value, "filename", value)),
)
def test_members_that_no_honest_archive_holds(path, name, problem):
    write(path, [*FILES.items(), (name, b"../../etc/passwd")])
    with pytest.raises(UserError, match=problem) as caught:
        Archive(path)
    assert str(path) in str(caught.value)
    assert str(getattr(name, "filename", name)) in str(caught.value)
    assert list(path.parent.iterdir()) == [path]


def directory_entry(content, name):
    """Where the central directory speaks of `name`."""
    return content.rindex(name) - 46


def test_encrypted_is_refused(path):
    write(path, FILES.items())
    content = bytearray(path.read_bytes())
    content[directory_entry(content, b"notes.txt") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"faces\.zip: member 'notes\.txt' is encrypt"):
        Archive(path)


# Bombs


def test_bomb_that_says_so(path, monkeypatch):
    monkeypatch.setattr(zip_archive, "HARMLESS_BYTES", 1 << 20)
    write(path, [(f"{i}.txt", bytes(1 << 20)) for i in range(2)])
    with pytest.raises(UserError, match="claim more than"):
        Archive(path)


@pytest.mark.parametrize("said", [5, 0])
def test_bomb_that_lies(path, said, monkeypatch):
    """Decompression stops one byte after what the directory says."""
    write(path, [("bomb.txt", bytes(1 << 24))])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, directory_entry(content, b"bomb.txt") + 24, said)
    path.write_bytes(content)
    sizes = []
    decompressor = zip_archive.zlib.decompressobj

    class Watched:
        def __init__(self, bits):
            self.real = decompressor(bits)

        def decompress(self, packed, most):
            result = self.real.decompress(packed, most)
            sizes.append(len(result))
            return result

    monkeypatch.setattr(zip_archive.zlib, "decompressobj", Watched)
    with Archive(path) as archive, pytest.raises(UserError, match=r"bomb\.txt.*Delete"):
        archive.read("bomb.txt")
    assert sizes == [said + 1]


# Damage


def test_truncated_archive(path):
    write(path, FILES.items())
    for size in (0, 10, path.stat().st_size // 2, path.stat().st_size - 1):
        content = path.read_bytes()
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"faces\.zip.*Delete it and run again"):
            Archive(path)
        path.write_bytes(content)


def test_what_is_no_archive(path):
    path.write_bytes(b"<html>quota exceeded</html>")
    with pytest.raises(UserError, match=r"not a complete zip archive.*Delete it"):
        Archive(path)


def test_missing_archive(path):
    with pytest.raises(UserError, match="no such file"):
        Archive(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("offset", [0, 26, 45])
def test_damaged_member_is_named(path, method, offset):
    """Its header, the length of its name, its content."""
    write(path, FILES.items(), method)
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x55
    path.write_bytes(content)
    with Archive(path) as archive:
        with pytest.raises(UserError, match=r"faces\.zip.*'faces/1\.txt'.*Delete it"):
            archive.read("faces/1.txt")
        assert archive.read("notes.txt") == b"short"
