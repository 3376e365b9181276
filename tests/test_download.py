"""Downloads from local folders and a local HTTP server; then IDX files.

Nothing here reaches the network outside: every mirror is a folder or 127.0.0.1.
"""

import gzip
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vlae import configuration, prepared
from vlae.__main__ import main
from vlae.datasets import idx
from vlae.download import MIRROR_VARIABLE, download
from vlae.errors import UserError

ROOT = Path(__file__).parents[1]
OWN_MIRROR = os.environ.get(MIRROR_VARIABLE)
CONTENT = b"what the file holds\n" * 5000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT)


class Mirror(ThreadingHTTPServer):
    """Serves `replies`: path to (status, body, length said) in turn, the last again."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: dict[str, list[tuple[int, bytes, int]]] = {}
        self.asked: list[str] = []
        self.hold: threading.Event | None = None
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, path, *replies):
        """Answer `path` with bodies, or with whole (status, body, length said)."""
        self.replies[path] = [
            r if isinstance(r, tuple) else (200, r, len(r)) for r in replies
        ]


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self):
        mirror = self.server
        mirror.asked.append(self.path)
        queue = mirror.replies.get(self.path, [(404, b"not here", 8)])
        status, body, length = queue.pop(0) if len(queue) > 1 else queue[0]
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if mirror.hold and len(body) < length:
            mirror.hold.wait(30)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No mirror or proxy of the caller's, and no waiting between attempts."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def server():
    """A mirror that serves in a thread."""
    with Mirror() as mirror:
        threading.Thread(target=mirror.serve_forever, args=[0.02], daemon=True).start()
        yield mirror
        mirror.shutdown()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "raw" / "data"


@pytest.fixture
def folder(tmp_path):
    """A folder that serves as a mirror: `file` and `file.gz`."""
    path = tmp_path / "mirror"
    path.mkdir()
    (path / "file").write_bytes(CONTENT)
    (path / "file.gz").write_bytes(PACKED)
    return path


def fetch(out, *mirrors, remote="file.gz"):
    download("toy", remote, CHECKSUM, [str(m) for m in mirrors], out)


def check(out):
    """The right file, and nothing beside it."""
    assert out.read_bytes() == CONTENT
    assert list(out.parent.iterdir()) == [out]
    assert out.stat().st_mode & 0o777 == 0o644


# What works


@pytest.mark.parametrize("remote", ["file", "file.gz"])
def test_from_a_folder(folder, out, remote):
    fetch(out, folder, remote=remote)
    check(out)
    assert (folder / "file.gz").read_bytes() == PACKED


@pytest.mark.parametrize("remote", ["file", "file.gz"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_over_http(server, out, remote, slash):
    server.serve("/sub/file", CONTENT)
    server.serve("/sub/file.gz", PACKED)
    fetch(out, f"{server.address}/sub{slash}", remote=remote)
    check(out)
    assert server.asked == [f"/sub/{remote}"]


@pytest.mark.parametrize("level", [1, 9])
def test_checksum_is_of_the_decompressed_content(folder, out, level):
    (folder / "file.gz").write_bytes(gzip.compress(CONTENT, level, mtime=level))
    fetch(out, folder)
    check(out)


def test_server_that_decompresses_on_the_way(server, out):
    server.serve("/file.gz", CONTENT)
    fetch(out, server.address)
    check(out)


def test_an_old_wrong_file_is_replaced(folder, out):
    out.parent.mkdir()
    out.write_bytes(b"old")
    fetch(out, folder)
    check(out)


# What fails, and who helps then


def broken(folder, content):
    path = folder.parent / f"broken-{len(content)}"
    path.mkdir()
    (path / "file.gz").write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"something else"), "wrong checksum"),
        (PACKED[: len(PACKED) // 2], "end-of-stream"),
        (PACKED[:-4], "end-of-stream"),
        (b"<html>moved</html>", "wrong checksum"),
        (b"", "wrong checksum"),
        (PACKED[:20] + bytes(20) + PACKED[40:], "rror"),
    ],
    ids=["wrong", "half", "tail", "page", "empty", "damaged"],
)
def test_next_mirror_after_a_bad_one(folder, out, content, why, capfd):
    first = broken(folder, content)
    fetch(out, first, folder)
    check(out)
    said = capfd.readouterr().out
    assert f"{first}/file.gz: " in said
    assert why in said
    assert f"checksum right, from {folder}" in said


def test_next_mirror_after_404_and_a_missing_file(server, folder, out):
    fetch(out, server.address, folder.parent / "nowhere", folder)
    check(out)


def test_next_mirror_after_one_that_does_not_answer(folder, out):
    with Mirror() as gone:
        address = gone.address
    fetch(out, address, folder)
    check(out)


def test_a_busy_server_is_asked_again(server, out):
    server.serve("/file.gz", (503, b"busy", 4), PACKED)
    fetch(out, server.address)
    check(out)
    assert server.asked == ["/file.gz"] * 2


def test_a_connection_that_breaks_is_tried_again(server, out):
    server.serve("/file.gz", (200, PACKED[:50], len(PACKED)), PACKED)
    fetch(out, server.address)
    check(out)


def test_all_fail(server, folder, out):
    wrong = broken(folder, gzip.compress(b"something else"))
    missing = folder.parent / "nowhere"
    with pytest.raises(UserError) as caught:
        fetch(out, wrong, missing, server.address)
    message = str(caught.value)
    assert f"{wrong}/file.gz: wrong checksum" in message
    assert f"{missing}/file.gz: no such file" in message
    assert f"{server.address}/file.gz: 404" in message
    assert CHECKSUM in message
    assert "Fetch the file by hand" in message
    assert "FOLDER/toy/file.gz" in message
    assert MIRROR_VARIABLE in message and "mirror: FOLDER" in message
    assert list(out.parent.iterdir()) == []


def test_no_mirrors(out):
    with pytest.raises(UserError, match="by hand"):
        fetch(out)


# The user's own mirror


def test_own_mirror_comes_first(server, tmp_path, out, monkeypatch):
    own = tmp_path / "own" / "toy"
    own.mkdir(parents=True)
    (own / "file.gz").write_bytes(PACKED)
    server.serve("/file.gz", PACKED)
    monkeypatch.setenv(MIRROR_VARIABLE, str(own.parent))
    fetch(out, server.address)
    check(out)
    assert server.asked == []


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


# Interruption


def test_interruption_leaves_nothing(folder, out, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("vlae.download.sha256", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(out, folder)
    assert list(out.parent.iterdir()) == []


def test_kill_leaves_nothing_under_the_final_name(server, tmp_path, out):
    server.hold = threading.Event()
    server.serve("/file.gz", (200, PACKED[:50], len(PACKED)), PACKED)
    sources = tmp_path / "sources.json"
    files = {out.name: {"remote": "file.gz", "sha256": CHECKSUM}}
    spec = {"dataset": "toy", "mirrors": [server.address], "files": files}
    sources.write_text(json.dumps(spec))
    words = ["download", "--sources", str(sources), "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "vlae", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = threading.Event()
        while not server.asked and process.poll() is None:
            deadline.wait(0.05)
        deadline.wait(0.2)
        process.send_signal(signal.SIGKILL)
    server.hold.set()
    assert server.asked and not out.exists()
    assert main(words) == 0
    assert out.read_bytes() == CONTENT


# IDX files


FILES = {
    f"{split}_{what}": {"name": f"{split}-{what}"}
    for split in ("train", "test")
    for what in ("images", "labels")
}
DEFINITION = {"files": FILES, "shape": [1, 5, 4]}


def write_idx(path, array):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    path.write_bytes(head + struct.pack(f">{array.ndim}I", *array.shape) + array.data)


@pytest.fixture
def raw(tmp_path):
    """A folder of four small IDX files, and the arrays in them."""
    random = np.random.default_rng(0)
    for split, count in (("train", 7), ("test", 3)):
        images = random.integers(0, 256, (count, 5, 4), np.uint8)
        write_idx(tmp_path / f"{split}-images", images)
        write_idx(tmp_path / f"{split}-labels", np.arange(count, dtype=np.uint8))
    return tmp_path


def test_idx_files_are_read_as_they_are(raw, monkeypatch):
    monkeypatch.setattr(idx, "CHUNK", 4)
    train, test = idx.splits(DEFINITION, raw)
    assert (train.name, train.count, test.name, test.count) == ("train", 7, "test", 3)
    images, tables = zip(*train.chunks, strict=True)
    assert [len(i) for i in images] == [4, 3]
    expected = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
    np.testing.assert_array_equal(np.concatenate(images)[:, 0], expected)
    assert [label for table in tables for label in table["label"]] == [*range(7)]


@pytest.mark.parametrize("name", [f["name"] for f in FILES.values()])
@pytest.mark.parametrize("size", [0, 3, 9, -1])
def test_truncated_idx_is_named(raw, name, size):
    path = raw / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=rf"{name}: not a complete IDX file.*Delete"):
        idx.splits(DEFINITION, raw)


@pytest.mark.parametrize(
    "content", [b"<html>moved</html>", struct.pack(">BBBBI", 0, 0, 10, 1, 0)]
)
def test_file_that_is_not_idx_is_named(raw, content):
    (raw / "test-labels").write_bytes(content)
    with pytest.raises(UserError, match="test-labels: not a complete IDX file"):
        idx.splits(DEFINITION, raw)


def test_labels_in_the_place_of_images(raw):
    (raw / "train-images").write_bytes((raw / "train-labels").read_bytes())
    with pytest.raises(UserError, match="train-images: not a complete IDX file"):
        idx.splits(DEFINITION, raw)


def test_missing_idx_file_is_named(raw):
    (raw / "test-images").unlink()
    with pytest.raises(UserError, match="test-images"):
        idx.splits(DEFINITION, raw)


def test_as_many_labels_as_images(raw):
    write_idx(raw / "train-labels", np.zeros(6, np.uint8))
    with pytest.raises(UserError, match=r"train-images has 7 images.*labels 6 labels"):
        idx.splits(DEFINITION, raw)


def test_images_of_the_configured_shape(raw):
    with pytest.raises(UserError, match=r"train-images.*\(1, 5, 4\).*'shape'.*28"):
        idx.splits({**DEFINITION, "shape": [1, 28, 28]}, raw)


# MNIST itself, where there is a local copy

LABEL_COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def local_mnist():
    mirror = Path(OWN_MIRROR or ROOT.parent / "shared" / "data") / "mnist"
    if not mirror.is_dir():
        pytest.skip(f"no local copy of MNIST: no folder {mirror}")
    return mirror


def test_mnist_from_a_local_mirror(tmp_path):
    mirror = local_mnist()
    layers = [ROOT / "config" / f"{n}.yaml" for n in ("presets", "networks", "config")]
    shipped = configuration.load(layers)
    for name, file in shipped.files("mnist").items():
        out = tmp_path / "raw" / name
        download("mnist", file["remote"], file["sha256"], [str(mirror)], out)
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(shipped.data_spec("mnist")))
    places = ["--raw", str(tmp_path / "raw"), "--out", str(tmp_path / "data")]
    assert main(["prepare", "--spec", str(spec), *places]) == 0
    data = prepared.load(tmp_path / "data")
    assert data.card["counts"] == {"train": 60_000, "test": 10_000}
    assert data.card["classes"] == 10
    assert data.card["shape"] == [1, 28, 28]
    for split, counts in LABEL_COUNTS.items():
        images, table = data.images(split), data.table(split)
        assert images.shape == (sum(counts), 1, 28, 28)
        assert list(np.bincount(table["label"])) == counts
    # The first training image is the well-known five.
    assert data.table("train")["label"][0] == 5
    assert int(data.images("train")[0].sum()) == 27525
