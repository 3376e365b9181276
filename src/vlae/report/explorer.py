"""The latent explorer: one page with exported decoders and the runtime for them.

Everything that the page needs lies in it, gzipped and in base64, so that it works from
a disk and without a network. The runtime is kept in the repository, see the README
beside it.
"""

import base64
import gzip
import hashlib
import lzma
from pathlib import Path
from typing import Any

import jinja2

from vlae.system.errors import UserError
from vlae.system.files import read_json

SCRIPTS = ("decoder.js", "controls.js", "explorer.js")
"""They make one module, in this order."""
RUNTIME = Path("vendor") / "onnxruntime-web"
Map = dict[str, Any]


def render(spec: Map, template: Path, decoders: Path) -> str:
    """The page of an explorer spec.

    Args:
        spec: see `Configuration.explorer_spec`.
        template: the report's folder, with `explorer/` and the runtime.
        decoders: folder with DATASET/RUN/SEED/decoder.onnx and its card.

    Raises:
        UserError: if a decoder or its card is missing, or the runtime is not what its
            manifest says.
    """
    folder = template / "explorer"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    runtime = read_json(template / RUNTIME / "runtime.json", "manifest")
    assets = {
        f"runtime-{part}": packed(runtime_file(template / RUNTIME, runtime[part]))
        for part in ("script", "wasm")
    }
    runs = []
    for number, row in enumerate(spec["runs"]):
        asset = f"decoder-{number}"
        card, assets[asset] = _decoder(row, decoders)
        runs.append({**card, "asset": asset})
    return environment.get_template("explorer.html.j2").render(
        spec=spec,
        style=(folder / "explorer.css").read_text(),
        script="\n".join((folder / name).read_text() for name in SCRIPTS),
        runtime=runtime,
        runs=runs,
        assets=assets,
    )


def packed(content: bytes) -> str:
    """gzip in base64, the same text at every call."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def runtime_file(folder: Path, entry: Map) -> bytes:
    """Content of a file of the runtime: a manifest's `file`, unpacked if it is xz.

    Raises:
        UserError: if it is missing or its content has not the manifest's `sha256`.
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
            f"{path}: sha256 {found}, expected {entry['sha256']} of runtime.json "
            "beside it. Take the file from the repository again."
        )
    return content


def _decoder(row: Map, decoders: Path) -> tuple[Map, str]:
    """What the page is told of a run, and its packed decoder."""
    name = f"{row['dataset']}/{row['run']}"
    folder = decoders / name / str(row["seeds"][0])
    card = read_json(folder / "decoder.json", "decoder's card")
    graph = folder / "decoder.onnx"
    if not graph.is_file():
        raise UserError(f"{graph}: no such file; python -m vlae export writes it.")
    title = f"{row['dataset_title']}: {row['label']}, seed {card['seed']}"
    return {"name": name, "title": title, **card}, packed(graph.read_bytes())
