"""When a file without a checksum has another source than it was fetched from."""

import os

import pytest
from downloads import CONTENT, entry

from vlae.data.download.fetch import MIRROR_VARIABLE, download
from vlae.data.download.unverified import description

ADDRESS = "https://example.org"


@pytest.fixture
def places(tmp_path):
    """A mirror with one file, and where the file goes."""
    folder = tmp_path / "mirror" / "toy"
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(CONTENT)
    return folder, tmp_path / "raw" / "data"


def asked(places, mirrors=(), **facts):
    folder, out = places
    file = entry(remote="data", checksum=None, **facts)
    return ["toy", file, list(mirrors), str(folder.parent), out]


def test_a_file_by_size_and_time(places):
    folder, _ = places
    before = description(*asked(places))
    assert before == description(*asked(places))
    assert before["on disk"]["bytes"] == len(CONTENT)
    os.utime(folder / "data", (1, 1))
    touched = description(*asked(places))
    assert touched != before
    (folder / "data").write_bytes(CONTENT[1:])
    os.utime(folder / "data", (1, 1))
    assert description(*asked(places)) not in (before, touched)


@pytest.mark.parametrize(
    ("name", "seen"), [("c", True), ("more/c", True), (".DS_Store", False)]
)
def test_a_folder_by_what_is_packed_of_it(places, name, seen):
    folder, _ = places
    (folder / "images" / "more").mkdir(parents=True)
    (folder / "images" / "a").write_text("a")
    words = asked(places)
    words[1] = entry(remote="images.zip", checksum=None)
    before = description(*words)
    assert before["on disk"]["files"] == 1
    (folder / "images" / name).write_text("c")
    assert (description(*words) != before) is seen


def test_addresses(places):
    found = {
        str(description(*asked(places, mirrors, addresses=own))["addresses"])
        for mirrors in ([], [ADDRESS], ["/a/folder"])
        for own in ([], [f"{ADDRESS}/get?id=1"])
    }
    assert found == {
        *("[]", f"['{ADDRESS}/data']", f"['{ADDRESS}/get?id=1']"),
        f"['{ADDRESS}/get?id=1', '{ADDRESS}/data']",
    }


def test_the_user_s_own_address_is_no_other_source(places, monkeypatch):
    """It serves the same file, and comes and goes with the shell."""
    before = description(*asked(places))
    monkeypatch.setenv(MIRROR_VARIABLE, ADDRESS)
    assert description(*asked(places)) == before


def test_what_is_gone_is_no_other_source(places, monkeypatch):
    folder, out = places
    out.parent.mkdir()
    dataset, file, mirrors, mirror, _ = asked(places)
    download(dataset, file, mirrors, out, mirror)
    before = description(*asked(places))
    assert before["on disk"]
    (folder / "data").rename(folder / "elsewhere")
    assert description(*asked(places)) == before
    folder.rename(folder.parent / "not-there")
    monkeypatch.setenv(MIRROR_VARIABLE, "/nowhere/at/all")
    assert description(*asked(places)) == before
    # Without the file it must be fetched again, if only to say why it cannot be.
    assert description(dataset, file, mirrors, mirror, None)["on disk"] is None


def test_a_path_is_the_only_source(places):
    folder, out = places
    own = str(folder / "data")
    file = entry(remote=None, checksum=None, path=own)
    words = ["toy", file, [ADDRESS], str(folder.parent), out]
    found = description(*words)
    assert found["addresses"] == []
    assert found["on disk"]["bytes"] == len(CONTENT)
    (folder / "data").write_bytes(CONTENT[1:])
    assert description(*words) != found
