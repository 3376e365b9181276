"""What the tests of downloads share: a file, and fetching it."""

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
from typing import Any

from misbehaving_server import Reply

from vlae.data.download.fetch import PARTIAL, download
from vlae.system.checkout import ROOT

CONTENT = random.Random(0).randbytes(100_000) + bytes(50_000)
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
PACKED = gzip.compress(CONTENT)
HALF = len(PACKED) // 2
WHOLE = Reply(PACKED, ranges=True)


def entry(remote="file.gz", checksum=CHECKSUM, addresses=()) -> dict[str, Any]:
    """What a configuration says of the file."""
    where = {"path": None, "remote": remote, "addresses": list(addresses)}
    return {**where, "checksum": checksum}


def fetch(out, *mirrors, mirror=None, **facts):
    download("toy", entry(**facts), [str(m) for m in mirrors], out, mirror)


def command(out, *mirrors, **facts) -> list[str]:
    """The words of `python -m vlae` that fetch the file."""
    sources = out.parents[1] / "sources.json"
    content = {
        "dataset": "toy",
        "mirror": None,
        "mirrors": list(mirrors),
        "files": {out.name: entry(**facts)},
    }
    sources.write_text(json.dumps(content))
    return ["download", "--sources", str(sources), "--out", str(out)]


def start(words, before=(), **options) -> subprocess.Popen:
    """Call `python -m vlae` in a process of its own, below the command `before`."""
    return subprocess.Popen(
        [*before, sys.executable, "-u", "-m", "vlae", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def beside(out) -> set[str]:
    """Names of what lies where the file belongs."""
    return {path.name for path in out.parent.iterdir()} - {PARTIAL}


def parts(out) -> set[str]:
    """Names of what is kept of unfinished transfers."""
    folder = out.parent / PARTIAL / out.name
    return {path.name for path in folder.iterdir()} - {"lock"}


def check(out, content=CONTENT):
    """The right file, nothing beside it, and no part of it."""
    assert out.read_bytes() == content
    assert beside(out) == {out.name}
    assert parts(out) == set()


def check_nothing(out):
    """Nothing that could be taken for the file, or fills the disk for no use."""
    assert beside(out) == set()
    assert not parts(out) & {"content", "packed"}


def cut(after=HALF, body=PACKED, **facts):
    return Reply(body, sends=after, **{"ranges": True, **facts})


def sent(server):
    return [(request.range, request.sent) for request in server.log]
