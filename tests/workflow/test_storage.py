"""Results in a store, as on machines without a common folder: the same bytes."""

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from workflow_helpers import contents, copied_tree, hide_undeclared_files, snakemake

FOLDER = "tests/workflow/config"
CONFIG = ["--configfile", f"{FOLDER}/kills.yaml", f"{FOLDER}/stored.yaml"]
PATIENCE_S = 60


def tree(folder):
    """Return a copy of the code with the file that stored.yaml names."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (200, 28, 28), dtype=np.uint8)
    copied_tree(folder)
    np.savez(folder / "mine.npz", images=images)
    return folder


def plugin(name):
    """Return the folder that a storage plugin is installed in; skip without it."""
    found = importlib.util.find_spec(f"snakemake_storage_plugin_{name}")
    if not found or not found.origin:
        pytest.skip(f"no storage plugin: pip install snakemake-storage-plugin-{name}")
    return str(Path(found.origin).parents[1])


def stored(folder, provider, prefix, **variables):
    """Run the pipeline with all results in a store; check what stays here."""
    variables["PYTHONPATH"] = plugin(provider)
    words = ["--default-storage-provider", provider, "--default-storage-prefix", prefix]
    snakemake(folder, *words, config=CONFIG, variables=variables)
    assert {path.name for path in (folder / "results").iterdir()} == {"checkpoints"}
    copies = folder / ".snakemake" / "storage"
    left = contents(next(copies.rglob("results")))
    assert left == {}, "a file that no rule declares, so that nobody stores it"
    again = snakemake(folder, *words, config=CONFIG, variables=variables)
    assert "Nothing to be done" in again


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What comes out on a disk, from jobs that see declared files alone."""
    folder = tree(tmp_path_factory.mktemp("disk"))
    hide_undeclared_files(folder)
    snakemake(folder, config=CONFIG)
    return contents(folder / "results")


@pytest.mark.slow
def test_every_rule_reads_declared_files_only(expected):
    for name in ("raw/mine/arrays", "sweeps/steps.png", "explorer.html", "report.html"):
        assert name in expected


@pytest.mark.slow
def test_results_in_another_file_system(expected, tmp_path):
    plugin("fs")
    if not shutil.which("rsync"):
        pytest.skip("the storage plugin fs calls rsync: apt-get install rsync")
    stored(tree(tmp_path / "code"), "fs", str(tmp_path / "store"))
    assert contents(tmp_path / "store" / "results") == expected


@pytest.fixture
def s3():
    """The address of a new S3 server on this machine."""
    plugin("s3")
    if not importlib.util.find_spec("moto"):
        pytest.skip("no S3 server: pip install 'moto[server]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and server.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 1),
            ):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.mark.slow
def test_results_in_a_bucket(expected, s3, tmp_path):
    boto3 = importlib.import_module("boto3")  # comes with the plugin
    keys = {"ACCESS_KEY": "any", "SECRET_KEY": "any", "ENDPOINT_URL": s3}
    variables = {f"SNAKEMAKE_STORAGE_S3_{key}": value for key, value in keys.items()}
    stored(tree(tmp_path / "code"), "s3", "s3://bucket/mine", **variables)
    bucket = boto3.resource(
        "s3",
        endpoint_url=s3,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    ).Bucket("bucket")
    for item in bucket.objects.all():
        path = tmp_path / "fetched" / item.key
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(item.key, str(path))
    assert contents(tmp_path / "fetched" / "mine" / "results") == expected
