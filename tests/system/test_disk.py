"""Full disks: known before, met on the way, and after room is made."""

import errno
import os
import resource
import shutil
import subprocess
import sys

import pytest
from downloads import HALF, PACKED, WHOLE, check, check_nothing, command, fetch, start
from misbehaving_server import Reply

from vlae.__main__ import main
from vlae.data import prepared
from vlae.system.checkout import ROOT
from vlae.system.disk import DiskFull
from vlae.system.files import write_json

pytestmark = pytest.mark.usefixtures("offline")


def test_no_room_is_known_before(server, out, monkeypatch):
    free = shutil._ntuple_diskusage(10**9, 10**9 - 5000, 5000)
    server.serve("/file.gz", WHOLE)
    with monkeypatch.context() as patch:
        patch.setattr("vlae.system.disk.shutil.disk_usage", lambda _: free)
        with pytest.raises(DiskFull, match=r"too little room: needed 10.*free 5\.0 kB"):
            fetch(out, server.address, server.address)
    assert len(server.log) == 1, "another mirror does not help"
    check_nothing(out)
    fetch(out, server.address)
    check(out)


@pytest.mark.parametrize("limit", [HALF, len(PACKED) + 1000], ids=["part", "content"])
def test_disk_that_is_full_on_the_way(server, out, limit):
    """A limit on the size of files fails as a full disk does, in `write`."""
    server.serve("/file.gz", WHOLE)

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = command(out, server.address)
    with start(words, preexec_fn=limited) as process:
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 1
    assert "vlae download: toy/data: " in said
    assert "the disk is full" in said and "run again" in said
    check_nothing(out)
    assert main(words) == 0
    check(out)
    expected = [(f"bytes={HALF}-", len(PACKED) - HALF)] if limit == HALF else []
    again = [(request.range, request.sent) for request in server.log[1:]]
    assert again == expected, "what was fetched is not fetched again"


@pytest.mark.parametrize("what", ["fetch.alone", "http.Part.begin"])
def test_disk_without_room_for_a_note(server, out, folder, monkeypatch, what):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.serve("/file.gz", WHOLE)
    with monkeypatch.context() as patch:
        patch.setattr(f"vlae.data.download.{what}", full)
        with pytest.raises(DiskFull, match=r"the disk is full \(No space.*needed more"):
            fetch(out, server.address, folder)
    assert not out.exists()
    fetch(out, server.address)
    check(out)


def small_disk(words, folder):
    """`python -m vlae` where `folder` is a file system of 64 kB; what it said."""
    script = f'mount -t tmpfs -o size=64k none {folder} && "$@"; c=$?; ls -A {folder}'
    before = ["unshare", "-rm", "sh", "-c", f"{script}; exit $c", "sh"]
    with start(words, before) as process:
        return process.communicate(timeout=20)[0]


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0,
    reason="a file system cannot be mounted here",
)
@pytest.mark.parametrize("says_length", [True, False])
def test_small_disk(server, out, says_length):
    server.serve("/file.gz", Reply(PACKED, ranges=True, says_length=says_length))
    words = command(out, server.address)
    out.parent.mkdir()
    said = small_disk(words, out.parent)
    problem = "too little room: needed 10" if says_length else "No space left on device"
    assert problem in said and f"toy/data: {out.parent}" in said
    assert said.splitlines()[-1] == ".partial"
    assert list(out.parent.iterdir()) == []
    assert main(words) == 0
    check(out)


def test_disk_that_is_full_while_preparing(tmp_path):
    """Nothing is left under a name of the data; with room it goes on to the end."""
    settings = {"name": "toy", "module": "strokes", "shape": [1, 28, 28], "classes": 10}
    texts = dict.fromkeys(("title", "source", "licence"), "text")
    counts = {"train": 300, "test": 100, "seed": 0}
    write_json(tmp_path / "spec.json", {**settings, **texts, **counts})
    card = tmp_path / "data" / "card.json"
    words = ["prepare", "--spec", str(tmp_path / "spec.json"), "--card", str(card)]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    finished = subprocess.run(
        [sys.executable, "-m", "vlae", *words],
        preexec_fn=limited,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    assert "the disk is full" in finished.stderr and "run again" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not [*(tmp_path / "data").glob("[!.]*")]
    assert main(words) == 0
    assert prepared.load(tmp_path / "data").images("train").shape == (300, 1, 28, 28)
