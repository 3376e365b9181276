"""What servers, networks and users do to downloads.

After each fault: a plain message, nothing half-written in place, and a repeat that
succeeds; the server's log says what was really sent.
"""

import errno
import gzip
import re
import time
from pathlib import Path
from typing import Any

import pytest
from downloads import (
    CONTENT,
    HALF,
    PACKED,
    WHOLE,
    beside,
    check,
    check_nothing,
    command,
    cut,
    fetch,
    parts,
    sent,
)
from misbehaving_server import Reply, serving

from vlae.__main__ import main
from vlae.data.download import http
from vlae.system.errors import UserError

pytestmark = pytest.mark.usefixtures("offline")
OTHER = gzip.compress(CONTENT[::-1])


# Cut connections


@pytest.mark.parametrize("facts", [{}, {"etag": False}], ids=str)
def test_cut_connection_is_continued(server, out, facts, capfd):
    server.serve("/file.gz", cut(**facts), Reply(PACKED, ranges=True, **facts))
    fetch(out, server.address)
    check(out)
    rest = len(PACKED) - HALF
    assert sent(server) == [(None, HALF), (f"bytes={HALF}-", rest)]
    said = capfd.readouterr().out
    assert "connection cut" in said
    assert "[toy/data] continued at 50" in said


def test_cut_connection_without_ranges_starts_again(server, out):
    server.serve("/file.gz", cut(ranges=False), PACKED)
    fetch(out, server.address)
    check(out)
    assert sent(server) == [(None, HALF), (f"bytes={HALF}-", len(PACKED))]


def test_cut_chunked_body_starts_again(server, out):
    """No length was said, so there is no telling what it was a part of."""
    facts: dict[str, Any] = {"chunked": True, "says_length": False}
    server.serve("/file.gz", cut(**facts), Reply(PACKED, **facts))
    fetch(out, server.address)
    check(out)
    assert [request.range for request in server.log] == [None, None]


def test_connection_that_is_always_cut(server, out, folder, offline):
    server.serve("/file.gz", cut(after=1000))
    with pytest.raises(UserError, match=r"connection cut.*\(tried 6 times\)"):
        fetch(out, server.address)
    assert offline == [1, 2, 4, 8, 16]
    check_nothing(out)
    assert len(parts(out)) == 2
    fetch(out, server.address, folder)
    check(out)


def test_tries_are_counted_anew_where_there_is_progress(server, out, monkeypatch):
    monkeypatch.setattr(http, "PROGRESS_BYTES", 4000)
    server.serve("/file.gz", cut(after=5000))
    fetch(out, server.address)
    check(out)
    assert len(server.log) > 3 * http.TRANSIENT_ATTEMPTS


@pytest.mark.parametrize("places", [(40, 10, 60, 30), range(5, 100, 5)], ids=str)
def test_what_is_not_kept_is_no_progress(server, out, folder, monkeypatch, places):
    """A server without ranges that cuts each time at another place."""
    monkeypatch.setattr(http, "PROGRESS_BYTES", 4000)
    cuts = [cut(after=1000 * place, ranges=False) for place in places]
    server.serve("/file.gz", *cuts * 10)
    fetch(out, server.address, folder)
    check(out)
    assert len(server.log) == http.TRANSIENT_ATTEMPTS


def test_file_that_changes_again_and_again(server, out, folder, monkeypatch):
    """It grows to the same size in each version, and is thrown away."""
    monkeypatch.setattr(http, "PROGRESS_BYTES", 4000)
    bodies = [bytes([i]) + PACKED[1:] for i in range(30)]
    cuts = [cut(after=5000, body=body) for body in bodies for _ in range(3)]
    server.serve("/file.gz", *cuts)
    fetch(out, server.address, folder)
    check(out)
    assert len(server.log) < 2 * http.TRANSIENT_ATTEMPTS


def test_next_process_continues(server, out):
    server.serve("/file.gz", cut(after=1000))
    with pytest.raises(UserError, match="connection cut"):
        fetch(out, server.address)
    server.log.clear()
    server.serve("/file.gz", WHOLE)
    fetch(out, server.address)
    check(out)
    begun = http.TRANSIENT_ATTEMPTS * 1000
    assert sent(server) == [(f"bytes={begun}-", len(PACKED) - begun)]


def test_file_that_changed_is_fetched_whole(server, out):
    """No checksum would tell: only the server's word for the version does."""
    server.serve("/file", cut(body=CONTENT[::-1]), Reply(CONTENT, ranges=True))
    fetch(out, server.address, remote="file", checksum=None)
    check(out)
    assert [r.range for r in server.log] == [None, f"bytes={HALF}-", None]


def test_server_that_sends_another_range(server, out):
    facts = {"Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"}
    server.serve("/file", cut(body=CONTENT), Reply(CONTENT, 206, facts), CONTENT)
    fetch(out, server.address, remote="file", checksum=None)
    check(out)


def test_parts_that_do_not_fit_are_fetched_again(server, out):
    """The server does not say which version it sends: only the checksum tells."""
    other = gzip.compress(CONTENT[::-1], 0)
    body = gzip.compress(CONTENT, 0)
    assert len(other) == len(body)
    facts: dict[str, Any] = {"ranges": True, "etag": False}
    server.serve("/file.gz", Reply(other, sends=HALF, **facts), Reply(body, **facts))
    fetch(out, server.address)
    check(out)
    assert [r.range for r in server.log] == [None, f"bytes={HALF}-", None]


@pytest.mark.parametrize("damage", ["longer", "note", "no note", "empty"])
def test_part_that_cannot_be_one_is_thrown_away(server, out, damage):
    server.serve("/file.gz", cut(after=1000))
    with pytest.raises(UserError):
        fetch(out, server.address)
    note, part = sorted(
        (out.parent / ".partial" / out.name / name for name in parts(out)),
        key=lambda p: p.suffix != ".json",
    )
    if damage == "longer":
        part.write_bytes(bytes(2 * len(PACKED)))
    elif damage == "empty":
        part.write_bytes(b"")
    elif damage == "note":
        note.write_text('{"etag": "x"}')
    else:
        note.unlink()
    server.serve("/file.gz", WHOLE)
    server.log.clear()
    fetch(out, server.address)
    check(out)
    assert sent(server) == [(None, len(PACKED))]


def test_server_that_refuses_the_range(server, out):
    server.serve("/file.gz", cut(), Reply(b"", 416), WHOLE)
    fetch(out, server.address)
    check(out)


# Stalls and servers that are down


def test_stall_is_ended_and_continued(server, out, monkeypatch, capfd):
    monkeypatch.setattr(http, "STALL_TIMEOUT_S", 0.3)
    server.serve("/file.gz", cut(holds=True), WHOLE)
    fetch(out, server.address)
    check(out)
    assert server.log[1].range == f"bytes={HALF}-"
    assert "no bytes for 0.3 s after" in capfd.readouterr().out


def test_mirror_that_is_down(out, folder, capfd):
    with serving() as gone:
        address = gone.address
    fetch(out, address, folder)
    check(out)
    assert "Connection refused (tried 2 times)" in capfd.readouterr().out


def test_mirror_without_a_name(out, folder, capfd):
    fetch(out, "http://", folder)
    check(out)
    assert "http:/file.gz" in capfd.readouterr().out


# What servers answer


def test_404_then_200(server, out, offline):
    server.serve("/file.gz", Reply(b"not yet", 404), PACKED)
    fetch(out, server.address)
    check(out)
    assert offline == [1]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_busy_server_is_asked_again(server, out, status, offline):
    server.serve("/file.gz", *[Reply(b"busy", status)] * 3, PACKED)
    fetch(out, server.address)
    check(out)
    assert offline == [1, 2, 4]


def test_busy_server_says_when(server, out, offline):
    busy = Reply(b"busy", 503, {"Retry-After": "7"})
    server.serve("/file.gz", busy, PACKED)
    fetch(out, server.address)
    check(out)
    assert offline == [7]


def test_busy_server_that_wants_an_hour_is_left(server, folder, out, offline, capfd):
    server.serve("/file.gz", Reply(b"busy", 429, {"Retry-After": "3600"}))
    fetch(out, server.address, folder)
    check(out)
    assert offline == []
    assert "429 Too Many Requests; it asks to come back in 3600" in (
        capfd.readouterr().out
    )


@pytest.mark.parametrize("status", [401, 403, 410])
def test_refusal_is_final(server, folder, out, status):
    server.serve("/file.gz", Reply(b"no", status))
    fetch(out, server.address, folder)
    check(out)
    assert len(server.log) == 1


def test_compressed_against_the_request(server, out, folder, capfd):
    gzipped = Reply(PACKED, headers={"Content-Encoding": "gzip"})
    server.serve("/file", gzipped)
    fetch(out, server.address, folder, remote="file")
    check(out)
    assert "sent compressed (gzip)" in capfd.readouterr().out


PAGE = b"""<!DOCTYPE html><html><head><title>Google Drive -\n Quota &amp; more
</title></head><body>Too many users have viewed this file.</body></html>"""


@pytest.mark.parametrize("before", [b"\n<!-- saved -->", b"\xef\xbb\xbf<?xml?>"])
@pytest.mark.parametrize("remote", ["file", "file.gz"])
def test_page_instead_of_the_file(server, out, remote, before):
    server.serve(f"/{remote}", before + PAGE)
    expected = "a web page instead of the file: 'Google Drive - Quota & more'"
    with pytest.raises(UserError, match=expected):
        fetch(out, server.address, remote=remote, checksum=None)
    check_nothing(out)
    assert parts(out) == set()
    server.serve(f"/{remote}", PACKED)
    fetch(out, server.address, remote=remote, checksum=None)
    assert out.is_file()


@pytest.mark.parametrize("after", [PAGE, b"", b"<", b"data" * 5000])
def test_comments_before_a_page_are_read_at_once(server, out, after):
    body = b"<!-- a -- >> -->\n" * 40 + after
    server.serve("/file", body)
    begun = time.monotonic()
    if after == PAGE:
        with pytest.raises(UserError, match="a web page instead of the file"):
            fetch(out, server.address, remote="file", checksum=None)
    else:
        fetch(out, server.address, remote="file", checksum=None)
        check(out, body)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("title", [b"<title" * 20000, b"<title>" * 20000])
def test_title_that_does_not_end(server, out, title):
    server.serve("/file", b"<html>" + title)
    begun = time.monotonic()
    with pytest.raises(UserError, match="instead of the file: 'without a title'"):
        fetch(out, server.address, remote="file", checksum=None)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(("remote", "body"), [("file", b"x"), ("file.gz", OTHER)])
def test_wrong_checksum_is_kept_aside(server, out, remote, body):
    server.serve(f"/{remote}", body)
    with pytest.raises(UserError, match=r"wrong checksum: sha256:.*, exp") as caught:
        fetch(out, server.address, remote=remote)
    aside = out.with_name("data.wrong-checksum")
    assert f"kept as {aside}" in str(caught.value)
    assert aside.read_bytes() == (body if remote == "file" else CONTENT[::-1])
    assert not out.exists()
    server.serve(f"/{remote}", CONTENT if remote == "file" else PACKED)
    fetch(out, server.address, remote=remote)
    check(out)


def test_next_mirror_after_a_wrong_checksum(server, folder, out):
    server.serve("/file.gz", OTHER)
    fetch(out, server.address, folder)
    check(out)
    assert len(server.log) == 1


def test_wrong_content_of_each_mirror_is_kept(server, folder, out):
    wrong = {"one": CONTENT[::-1], "two": b"something else"}
    for name, content in wrong.items():
        server.serve(f"/{name}/file.gz", gzip.compress(content))
    bad = [f"{server.address}/{name}" for name in wrong]
    for _ in range(2):  # a second run replaces the files of the first
        with pytest.raises(UserError) as caught:
            fetch(out, *bad)
        assert len(beside(out)) == 2
        for mirror, content in zip(bad, wrong.values(), strict=True):
            expected = rf"{mirror}/file\.gz: wrong checksum: .*; kept as (.*)"
            (aside,) = re.findall(expected, str(caught.value))
            assert Path(aside).read_bytes() == content
    (out.parent / "data.wrong-checksums").write_text("of the user")
    fetch(out, *bad, folder)
    assert out.read_bytes() == CONTENT
    assert beside(out) == {"data", "data.wrong-checksums"}


# Folders that cannot be written


@pytest.mark.parametrize("what", ["raw", "raw/.partial", "raw/.partial/data"])
def test_a_file_where_the_folder_should_be(folder, out, tmp_path, what, capsys):
    path = tmp_path / what
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    words = command(out, str(folder))
    assert main(words) == 1
    said = capsys.readouterr().err
    assert f"{out.parent}: cannot write downloads here" in said
    assert f"'{path}" in said and "run again" in said
    path.unlink()
    assert main(words) == 0
    check(out)


@pytest.mark.parametrize("what", ["alone", "_is_there", "_tidy", "sources"])
def test_permission_denied_is_said(folder, out, monkeypatch, what):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "/some/file")

    with monkeypatch.context() as patch:
        patch.setattr(f"vlae.data.download.fetch.{what}", denied)
        with pytest.raises(UserError) as caught:
            fetch(out, folder)
    said = str(caught.value)
    assert said.startswith(f"{out.parent}: cannot write downloads here ")
    assert "Permission denied: '/some/file'" in said
    fetch(out, folder)
    check(out)
