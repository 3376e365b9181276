"""Where Snakemake keeps results."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from vlae.results.store import Store


class Placed(str):
    """A path as Snakemake returns it, with the object of a store."""

    flags: dict[str, SimpleNamespace]


def in_a_bucket(there):
    def placed(path):
        found = Placed(f".snakemake/storage/s3/bucket/{path}")
        found.flags = {"storage_object": SimpleNamespace(exists=lambda: there)}
        return found

    return Store(placed)


def test_a_disk(tmp_path):
    store, path = Store(), tmp_path / "a"
    assert store.local(path) == path and not store.has(path)
    path.touch()
    assert store.has(path)


@pytest.mark.parametrize("there", [True, False])
def test_a_store_is_asked_what_it_has(there):
    store = in_a_bucket(there)
    assert store.has(Path("results/raw/a")) is there
    local = Path(".snakemake/storage/s3/bucket/results/raw/a")
    assert store.local(Path("results/raw/a")) == local
