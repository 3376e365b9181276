"""Fetching released weights: from folders and servers, cut, changed and hostile."""

import json
import shutil
import zipfile

import pytest
from misbehaving_server import Reply, serving
from release_helpers import contents, finished_results, packed

import vlae
from vlae.__main__ import main
from vlae.data.download import http
from vlae.results import released
from vlae.system.files import sha256, write_json

ARCHIVE = "strokes.vlae.1.zip"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results and the release that is packed from them."""
    folder = tmp_path_factory.mktemp("made")
    results = finished_results(folder / "results")
    packed(results, folder / "packed")
    return folder


@pytest.fixture
def release(made, tmp_path):
    """A copy of the release, which a test may spoil."""
    return shutil.copytree(made / "packed", tmp_path / "packed")


@pytest.fixture
def server(made, monkeypatch):
    """The release at an address."""
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.01)
    with serving() as server:
        for name, content in contents(made / "packed").items():
            server.serve(f"/v1/{name}", Reply(content, ranges=True))
        yield server


@pytest.fixture
def fetch(tmp_path, capsys, monkeypatch):
    """Call the command; return its exit status and all that it says."""
    monkeypatch.delenv(released.VARIABLE, raising=False)

    def call(source, *words):
        options = [] if source is None else ["--from", str(source)]
        options += ["--out", str(tmp_path / "released")]
        code = main(["fetch-weights", *map(str, words), *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def fetched(tmp_path):
    return contents(tmp_path / "released")


# What works


def test_a_fetched_run_loads_and_its_tables_are_read(made, fetch, tmp_path):
    code, said = fetch(made / "packed", "strokes/vlae")
    assert code == 0
    for seed in (1, 2):
        folder = tmp_path / "released" / "runs" / "strokes" / "vlae" / str(seed)
        assert f"[fetch-weights] {folder}\n" in said
        own = made / "results" / "runs" / "strokes" / "vlae" / str(seed)
        found, expected = (vlae.load(f, device="cpu").sample(2) for f in (folder, own))
        assert (found == expected).all()
    tables = vlae.load_results(tmp_path / "released")
    assert tables.runs == {"strokes/vlae": [1, 2]}
    assert len(tables.table("effects")) == 8 and len(tables.history())


def test_an_address_gives_the_same_files_as_the_folder(made, server, fetch, tmp_path):
    assert fetch(made / "packed", "--all")[0] == 0
    expected = fetched(tmp_path)
    shutil.rmtree(tmp_path / "released")
    assert fetch(f"{server.address}/v1/", "--all")[0] == 0
    assert fetched(tmp_path) == expected
    own = contents(made / "results")
    same = [name for name in expected if own.get(name) == expected[name]]
    assert len(same) == len(expected) - 3  # the manifest, the card, the crate


def test_one_seed_or_one_file_is_fetched_alone(server, fetch, tmp_path):
    address = f"{server.address}/v1"
    assert fetch(address, "strokes/vlae/1", "explorer.html")[0] == 0
    assert server.paths() == [
        f"/v1/{name}" for name in ("weights.json", ARCHIVE, "explorer.html")
    ]
    names = {*fetched(tmp_path)}
    assert {"explorer.html", "weights.json"} < names
    assert not [name for name in names if "/2/" in name]


def test_what_is_there_is_not_fetched_again(server, fetch):
    address = f"{server.address}/v1"
    assert fetch(address, "strokes/vlae/1")[0] == 0
    code, said = fetch(address, "strokes/vlae/1")
    assert code == 0 and "[strokes/vlae/1] is already there" in said
    assert server.paths().count(f"/v1/{ARCHIVE}") == 1


def test_the_environment_names_the_address(made, fetch, monkeypatch):
    monkeypatch.setenv(released.VARIABLE, str(made / "packed"))
    assert fetch(None, "strokes/vlae/1")[0] == 0


def test_without_names_it_lists_and_writes_nothing(made, fetch, tmp_path):
    code, said = fetch(made / "packed")
    assert code == 0 and not (tmp_path / "released").exists()
    assert "Tiny: 2 trained models of 2026-01-01\n" in said
    assert "  strokes/vlae   VLAE (network vlae), seeds 1, 2, " in said
    assert "  explorer.html  15 bytes\n" in said
    assert "  DATASET.RUN.md: 1 model cards\n" in said
    assert f"sha256:{sha256(made / 'packed' / 'weights.json')}" in said


# What goes wrong on the way


def test_a_cut_download_continues(made, server, fetch, tmp_path):
    content = (made / "packed" / ARCHIVE).read_bytes()
    half = len(content) // 2
    cut = Reply(content, ranges=True, sends=half)
    server.serve(f"/v1/{ARCHIVE}", *[cut] * 1, Reply(b"", status=403))
    code, said = fetch(f"{server.address}/v1", "strokes/vlae/1")
    assert code == 1 and "403" in said
    assert not list((tmp_path / "released").rglob("*.safetensors"))
    server.log.clear()
    server.serve(f"/v1/{ARCHIVE}", Reply(content, ranges=True))
    assert fetch(f"{server.address}/v1", "strokes/vlae/1")[0] == 0
    (request,) = [r for r in server.log if r.path.endswith(ARCHIVE)]
    assert request.range == f"bytes={half}-" and request.sent == len(content) - half
    assert list((tmp_path / "released").rglob("*.safetensors"))


def test_a_wrong_checksum_is_refused_and_nothing_stays(release, fetch, tmp_path):
    content = bytearray((release / ARCHIVE).read_bytes())
    content[-100] ^= 1
    (release / ARCHIVE).write_bytes(content)
    code, said = fetch(release, "strokes/vlae/1")
    assert code == 1 and f"{ARCHIVE}: wrong checksum: " in said
    assert fetched(tmp_path) == {}


def test_wrong_bytes_that_were_joined_are_fetched_once_more(made, server, fetch):
    content = (made / "packed" / ARCHIVE).read_bytes()
    other = bytes(len(content))
    cut = Reply(other, ranges=True, sends=1000, etag=False)
    server.serve(f"/v1/{ARCHIVE}", cut, Reply(content, ranges=True, etag=False))
    code, said = fetch(f"{server.address}/v1", "strokes/vlae/1")
    assert code == 0 and "it is fetched again from 0" in said


def test_the_manifest_can_be_demanded(made, fetch, tmp_path):
    right = sha256(made / "packed" / "weights.json")
    for given in (right, f"sha256:{right}"):
        assert fetch(made / "packed", "strokes/vlae/1", "--checksum", given)[0] == 0
    shutil.rmtree(tmp_path / "released")
    code, said = fetch(made / "packed", "strokes/vlae/1", "--checksum", "0" * 64)
    assert code == 1 and "weights.json: wrong checksum: " in said
    assert fetched(tmp_path) == {}
    code, said = fetch(made / "packed", "strokes/vlae/1", "--checksum", "abc")
    assert code == 1 and "'abc' is not a SHA-256" in said


def test_files_of_another_release_are_not_mixed(release, made, fetch, tmp_path):
    assert fetch(made / "packed", "strokes/vlae/1")[0] == 0
    before = fetched(tmp_path)
    manifest = json.loads((release / "weights.json").read_text())
    write_json(release / "weights.json", {**manifest, "title": "Another"})
    code, said = fetch(release, "strokes/vlae/2")
    assert code == 1 and "holds files of another release" in said
    assert fetched(tmp_path) == before


def test_a_file_of_the_user_is_not_replaced(made, fetch, tmp_path):
    own = tmp_path / "released" / "runs" / "strokes" / "vlae" / "1" / "spec.json"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    code, said = fetch(made / "packed", "strokes/vlae/1")
    assert code == 1 and f"{own}: is not the file of the release" in said
    assert own.read_text() == "mine"


# Bad input


def test_there_is_no_address_yet(fetch):
    assert released.ADDRESS is None
    code, said = fetch(None)
    assert code == 1
    assert "have no public one yet. Give --from FOLDER_OR_ADDRESS or set VLAE_" in said


def test_no_such_folder(fetch, tmp_path):
    code, said = fetch(tmp_path / "none")
    assert code == 1 and "none: no such folder" in said


@pytest.mark.parametrize("content", [None, "{", "[]", '{"runs": []}'])
def test_a_folder_that_is_no_release(fetch, tmp_path, content):
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / "folder" / "weights.json").write_text(content)
    code, said = fetch(tmp_path / "folder")
    expected = "not the manifest of a release" if content else "no such file"
    assert code == 1 and f"weights.json: {expected}" in said


def test_a_name_that_is_not_in_it(made, fetch):
    code, said = fetch(made / "packed", "strokes/vlea")
    assert code == 1
    assert "'strokes/vlea' is not in this release" in said
    assert "Did you mean 'strokes/vlae'?" in said


def hostile(release, path):
    """Call a packed file by another name, in the zip and in the manifest."""
    content = json.loads((release / "weights.json").read_text())
    run = content["runs"][0]
    with zipfile.ZipFile(release / ARCHIVE, "a") as archive:
        archive.writestr(path, b"evil")
    run["files"].append({"path": path, "size": 4, "sha256": "0" * 64})
    run["archive"]["sha256"] = sha256(release / ARCHIVE)
    write_json(release / "weights.json", content)


@pytest.mark.parametrize("path", ["runs/../../evil", "/evil", "evil", "runs/..\\evil"])
def test_paths_do_not_lead_out_of_the_folder(release, fetch, tmp_path, path):
    hostile(release, path)
    code, said = fetch(release, "strokes/vlae/1")
    assert code == 1 and "is not a path of a released file" in said
    assert not list(tmp_path.rglob("evil")) and not (tmp_path / "released").exists()


def test_a_zip_that_does_not_hold_what_the_manifest_says(release, fetch, tmp_path):
    hostile(release, "runs/strokes/vlae/1/more.json")
    code, said = fetch(release, "strokes/vlae/1")
    assert code == 1 and "more.json has another checksum" in said
    assert "runs/strokes/vlae/1/more.json" not in fetched(tmp_path)


def test_a_folder_that_cannot_be_written(made, fetch, tmp_path):
    (tmp_path / "released").write_text("in the way")
    code, said = fetch(made / "packed", "strokes/vlae/1")
    assert code == 1 and "cannot write here" in said and "Traceback" not in said
