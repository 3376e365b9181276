"""Several processes that fetch the same file, and their deaths."""

import errno
import time

import pytest
from downloads import (
    HALF,
    PACKED,
    WHOLE,
    check,
    check_nothing,
    command,
    cut,
    fetch,
    sent,
    start,
)

from vlae.__main__ import main

pytestmark = pytest.mark.usefixtures("offline")


def test_two_processes_fetch_once(server, out):
    server.serve("/file.gz", cut(holds=True))
    words = command(out, server.address)
    with start(words) as first:
        until(lambda: server.log and server.log[0].sent)
        with start(words) as second:
            assert second.stdout and "waiting until it is done" in (
                second.stdout.readline()
            )
            server.release.set()
            said = second.communicate(timeout=20)[0]
        first.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "is already there" in said
    check(out)
    assert sent(server) == [(None, len(PACKED))]


@pytest.mark.parametrize("end", ["killed", "fails"])
def test_the_second_process_goes_on_where_the_first_ends(server, out, end):
    server.serve("/file.gz", cut(holds=True), WHOLE)
    wrong = {"checksum": f"sha256:{64 * '0'}"} if end == "fails" else {}
    with start(command(out, server.address, **wrong)) as first:
        until(lambda: part_size(out) == HALF)
        with start(command(out, server.address)) as second:
            assert second.stdout and "waiting until it is done" in (
                second.stdout.readline()
            )
            if end == "killed":
                first.kill()
            else:
                server.release.set()
            said = second.communicate(timeout=20)[0]
        assert first.wait(timeout=20) != 0
    assert second.returncode == 0
    assert f"checksum right, from {server.address}" in said
    check(out)
    begun = HALF if end == "killed" else 0
    asked = f"bytes={HALF}-" if begun else None
    assert sent(server)[1:] == [(asked, len(PACKED) - begun)]


def test_file_system_without_locks(server, out, monkeypatch, capfd):
    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("vlae.system.locks.fcntl.flock", flock)
    server.serve("/file.gz", PACKED)
    fetch(out, server.address)
    check(out)
    assert "no lock on this file system" in capfd.readouterr().out


def test_killed_process_is_continued(server, out):
    server.serve("/file.gz", cut(holds=True), WHOLE)
    words = command(out, server.address)
    with start(words) as process:
        until(lambda: part_size(out) == HALF)
        process.kill()
    check_nothing(out)
    assert main(words) == 0
    check(out)
    assert sent(server)[1] == (f"bytes={HALF}-", len(PACKED) - HALF)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def part_size(out):
    folder = out.parent / ".partial" / out.name
    files = folder.glob("*") if folder.is_dir() else []
    return max((p.stat().st_size for p in files if not p.suffix), default=0)
