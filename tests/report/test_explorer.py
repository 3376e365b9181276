"""The explorer's page as a file: what is in it, and what is refused."""

import base64
import gzip
import hashlib
import json
import re
import shutil

import pytest
from explorer_helpers import explorer_spec, export, lively, write_page
from helpers import ROOT, spec

from vlae.config.paths import ResultsFolder
from vlae.report import explorer
from vlae.system.errors import UserError

REPORT = ROOT / "report"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for name in ("vlae", "hvae"):
        export(lively(spec(name)), folder)
    return folder


@pytest.fixture(scope="module")
def page(results):
    return write_page(results, ["vlae", "hvae"]).read_text()


def asset(page, name):
    (text,) = re.findall(f'<script [^>]*id="{name}">(.*?)</script>', page, re.DOTALL)
    return gzip.decompress(base64.b64decode(text))


def test_page_holds_decoders_and_cards(page, results):
    (text,) = re.findall('<script [^>]*id="runs">(.*?)</script>', page, re.DOTALL)
    runs = json.loads(text)
    assert [run["name"] for run in runs] == [
        "strokes/vlae",
        "strokes/hvae",
    ]
    assert runs[1]["title"] == "strokes: hvae, seed 1"
    assert [run["inputs"] for run in runs] == ["codes", "noise"]
    for run in runs:
        graph = results / "explorer" / run["name"] / "1" / "decoder.onnx"
        assert asset(page, run["asset"]) == graph.read_bytes()


def test_page_holds_the_runtime_that_the_manifest_names(page):
    manifest = json.loads((REPORT / explorer.RUNTIME / "runtime.json").read_text())
    for part in ("script", "wasm"):
        found = hashlib.sha256(asset(page, f"runtime-{part}")).hexdigest()
        assert found == manifest[part]["sha256"]
    head = asset(page, "runtime-script")[:60].decode()
    assert f"ONNX Runtime Web v{manifest['version']}" in head
    assert asset(page, "runtime-wasm").startswith(b"\0asm")
    assert f"ONNX Runtime Web {manifest['version']}" in page


def test_page_may_ask_nobody(page):
    (policy,) = re.findall('Content-Security-Policy" content="(.*?)"', page)
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert not re.findall(r"https?:|\*", policy)
    assert not re.findall(r'(?:src|href)="(?!report\.html|#)', page)


def test_same_input_gives_the_same_page(page, results):
    assert write_page(results, ["vlae", "hvae"]).read_text() == page


@pytest.mark.parametrize("file", ["decoder.json", "decoder.onnx"])
def test_a_missing_decoder_is_named(file, results, tmp_path):
    shutil.copytree(results / "explorer", tmp_path / "explorer")
    gone = tmp_path / "explorer" / "strokes" / "hvae" / "1" / file
    gone.unlink()
    with pytest.raises(UserError, match=f"{re.escape(str(gone))}: no such file"):
        explorer.render(explorer_spec(["hvae"]), REPORT, ResultsFolder(tmp_path))


@pytest.mark.parametrize("damage", ["another", "cut", "gone"])
def test_a_runtime_that_is_another_is_refused(damage, results, tmp_path):
    shutil.copytree(REPORT, tmp_path / "report")
    folder = tmp_path / "report" / explorer.RUNTIME
    path = folder / "ort.wasm.bundle.min.mjs"
    if damage == "another":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path = folder / "ort-wasm-simd-threaded.wasm.xz"
        content = path.read_bytes()[:1000]
        path.unlink()
        if damage == "cut":
            path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path.name}.* from the repository again"):
        explorer.render(
            explorer_spec(["vlae"]), tmp_path / "report", ResultsFolder(results)
        )
