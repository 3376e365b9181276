"""The latent explorer: one page with exported decoders and the runtime for them.

Everything that the page needs is in it, gzipped and in base64, so that it works from a
disk and without a network. The runtime is part of the repository; see the README in its
folder.
"""

import base64
import gzip
import hashlib
import lzma
from pathlib import Path
from typing import Any

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ExplorerSpec, RunRow
from vlae.report.html import environment
from vlae.system.errors import UserError
from vlae.system.files import read_json

SCRIPTS = ("decoder.js", "controls.js", "images.js", "explorer.js")
"""Scripts that make one module, in this order."""
RUNTIME = Path("vendor") / "onnxruntime-web"


def render(spec: ExplorerSpec, templates: Path, results: ResultsFolder) -> str:
    """Return the page of the explorer.

    Args:
        spec: the runs that it offers.
        templates: the folder `report/` of the repository, with the runtime.
        results: the results folder, with the exported decoders.

    Raises:
        UserError: if a decoder or its card is missing, or a file of the runtime is not
            the one that the manifest names.
    """
    folder = templates / "explorer"
    runtime = read_json(templates / RUNTIME / "runtime.json", "manifest")
    assets = {
        f"runtime-{part}": packed(runtime_file(templates / RUNTIME, runtime[part]))
        for part in ("script", "wasm")
    }
    runs = []
    for number, row in enumerate(spec.runs):
        asset = f"decoder-{number}"
        card, assets[asset] = _decoder(row, results)
        runs.append({**card, "asset": asset})
    scripts = [(folder / name).read_text(encoding="utf-8") for name in SCRIPTS]
    template = environment(templates).get_template("explorer/explorer.html.j2")
    return template.render(
        spec=spec,
        style=(folder / "explorer.css").read_text(encoding="utf-8"),
        script="\n".join(scripts),
        runtime=runtime,
        runs=runs,
        assets=assets,
    )


def packed(content: bytes) -> str:
    """Return bytes gzipped and in base64; the same text at every call."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def runtime_file(folder: Path, entry: dict[str, str]) -> bytes:
    """Return the content of one file of the runtime, unpacked if it is xz.

    Args:
        folder: the folder of the runtime.
        entry: `file` and `sha256` of the manifest.

    Raises:
        UserError: if the file is missing or its content has another `sha256`.
    """
    path = folder / entry["file"]
    try:
        content = path.read_bytes()
        if path.suffix == ".xz":
            content = lzma.decompress(content)
    except (FileNotFoundError, lzma.LZMAError) as error:
        raise UserError(
            f"{path}: {error}. Take the file from the repository again."
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != entry["sha256"]:
        raise UserError(
            f"{path}: sha256 {found}, but runtime.json in the same folder says "
            f"{entry['sha256']}. Take the file from the repository again."
        )
    return content


def _decoder(row: RunRow, results: ResultsFolder) -> tuple[dict[str, Any], str]:
    """Return what the page's script needs about a run, and its packed decoder."""
    files = results.export(row.dataset, row.run, row.seeds[0])
    card = read_json(files.facts, "decoder's card")
    if not files.onnx.is_file():
        raise UserError(f"{files.onnx}: no such file; python -m vlae export writes it.")
    title = f"{row.title}, seed {card['seed']}"
    name = f"{row.dataset}/{row.run}"
    return {"name": name, "title": title, **card}, packed(files.onnx.read_bytes())
