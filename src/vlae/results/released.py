"""Released files: their manifest, and fetching them into a results folder.

A release is a flat folder, or an address, that `vlae release` has packed. Its
`weights.json` names every file with its size and SHA-256. There is one zip for each
trained model, whose files lie in it as in a results folder.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from vlae.config.spec_types import Spec
from vlae.data.download.http import Part, fetch
from vlae.data.download.sources import is_address
from vlae.system.disk import guarded, size
from vlae.system.errors import UserError, closest
from vlae.system.files import atomic, sha256
from vlae.system.locks import alone
from vlae.system.progress import say

MANIFEST = "weights.json"
CHECKSUMS = "SHA256SUMS"
"""Checksums of all files of a release, the manifest among them, for `sha256sum -c`."""
CARD = ".md"
"""Ending of model cards."""
VARIABLE = "VLAE_WEIGHTS"
"""Environment variable with the folder or address of a release."""
ADDRESS: str | None = None
"""Public address of the weights of this version; there is none yet."""
FOLDERS = ("experiments", "runs")
"""Folders of a results folder that hold the files of a trained model."""
STAGING = ".fetch-weights"
"""Folder for unfinished files and the lock, in the folder that is fetched into."""
_SHA256 = re.compile(r"(sha256:)?[0-9a-f]{64}")


class ReleasedFile(Spec, frozen=True):
    """A file of a release, or one in a zip of it."""

    path: str
    """Name in the release; of a file in a zip its path below the results folder."""
    size: int
    sha256: str


class ReleasedRun(Spec, frozen=True):
    """A trained model: one run with one seed."""

    dataset: str
    run: str
    seed: int
    label: str
    model: str
    network: str
    preset: str
    steps: int
    parameters: int
    archive: ReleasedFile
    files: tuple[ReleasedFile, ...]
    """What the archive holds."""

    @property
    def name(self) -> str:
        """`dataset/run`."""
        return f"{self.dataset}/{self.run}"


class Manifest(Spec, frozen=True):
    """The content of `weights.json`."""

    title: str
    version: str
    """Version of vlae that packed the release."""
    commit: str
    date: str
    """Day on which the report was written, as in 2026-01-31."""
    runs: tuple[ReleasedRun, ...]
    files: tuple[ReleasedFile, ...]
    """All but the zips of models: pages, model cards, the RO-Crate."""


@dataclass(frozen=True)
class Release:
    """A release that can be fetched from."""

    source: str
    """Folder or address."""
    manifest: Manifest
    content: bytes
    """The manifest as it came."""
    checksum: str
    """SHA-256 of the manifest in hexadecimal."""


# The manifest


def where(given: str | None) -> str:
    """Return the folder or address of the release that is asked for.

    Args:
        given: that of the command line; else the environment's, else `ADDRESS`.

    Raises:
        UserError: if there is none, or the folder does not exist.
    """
    source = given or os.environ.get(VARIABLE) or ADDRESS
    if not source:
        raise UserError(
            "no address: the weights of this version have no public one yet. Give "
            f"--from FOLDER_OR_ADDRESS or set {VARIABLE}; a folder that `vlae release "
            "RESULTS --out FOLDER` has packed will do."
        )
    if not is_address(source) and not Path(source).is_dir():
        raise UserError(
            f"{source}: no such folder; expected a folder that `vlae release` has "
            "packed, or the http(s) address of one."
        )
    return source.rstrip("/")


def opened(source: str, expected: str | None = None) -> Release:
    """Return a release after reading its manifest.

    Args:
        source: folder or address; see `where`.
        expected: SHA-256 of the manifest, with or without 'sha256:' before it; None to
            believe the manifest as it is.

    Raises:
        UserError: if the manifest is missing, is not the expected one, or is broken.
    """
    if expected is not None and not _SHA256.fullmatch(expected):
        raise UserError(
            f"--checksum: '{expected}' is not a SHA-256; expected 64 hexadecimal "
            "digits in lower case, with or without 'sha256:' before them."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MANIFEST
        _bring(source, MANIFEST, expected and expected.removeprefix("sha256:"), path)
        content, checksum = path.read_bytes(), sha256(path)
    at = _join(source, MANIFEST)
    try:
        manifest = Manifest.of(json.loads(content))
    except (ValueError, TypeError, UserError) as error:
        raise UserError(
            f"{at}: not the manifest of a release ({error}). Check the address; if it "
            "is right, the release may need another version of vlae."
        ) from None
    _check_paths(manifest, at)
    return Release(source, manifest, content, checksum)


def listing(manifest: Manifest) -> list[str]:
    """Return what a release holds: one line per run or file, model cards counted."""
    seeds: dict[str, list[ReleasedRun]] = {}
    for entry in manifest.runs:
        seeds.setdefault(entry.name, []).append(entry)
    files = [file for file in manifest.files if not file.path.endswith(CARD)]
    width = max(map(len, [*seeds, *(file.path for file in files)]), default=0)
    lines = []
    for name, entries in seeds.items():
        numbers = ", ".join(str(entry.seed) for entry in entries)
        word = "seed" if len(entries) == 1 else "seeds"
        total = size(sum(entry.archive.size for entry in entries))
        about = f"{entries[0].label} (network {entries[0].network})"
        lines.append(f"  {name.ljust(width)}  {about}, {word} {numbers}, {total}")
    lines += [f"  {file.path.ljust(width)}  {size(file.size)}" for file in files]
    return [
        *lines,
        f"  DATASET.RUN{CARD}: {len(manifest.files) - len(files)} model cards",
    ]


# Fetching


def chosen(
    manifest: Manifest, names: Sequence[str]
) -> tuple[list[ReleasedRun], list[ReleasedFile]]:
    """Return the runs and the other files of a release that are asked for.

    Args:
        manifest: that of the release.
        names: DATASET/RUN for all seeds of a run, DATASET/RUN/SEED for one, or the name
            of a file.

    Raises:
        UserError: if the release has nothing of that name.
    """
    runs: dict[str, list[ReleasedRun]] = {}
    for entry in manifest.runs:
        runs.setdefault(entry.name, []).append(entry)
        runs[f"{entry.name}/{entry.seed}"] = [entry]
    files = {file.path: file for file in manifest.files}
    unknown = [name for name in names if name not in runs and name not in files]
    if unknown:
        known = [name for name in [*runs, *files] if name.count("/") < 2]
        raise UserError(
            f"'{unknown[0]}' is not in this release; expected DATASET/RUN, "
            f"DATASET/RUN/SEED or a file; {closest(unknown[0], known)}"
        )
    wanted = [entry for name in names for entry in runs.get(name, [])]
    return (
        [entry for entry in manifest.runs if entry in wanted],
        [files[name] for name in dict.fromkeys(names) if name in files],
    )


def fetch_into(release: Release, names: Sequence[str], out: Path) -> list[Path]:
    """Fetch runs and files of a release into a folder laid out as a results folder.

    What is already there is left as it is. A transfer that was cut is continued.

    Args:
        release: the release.
        names: see `chosen`.
        out: the folder; it is made if it does not exist.

    Returns:
        the folders of the runs, for `vlae.load`, and the paths of the other files.

    Raises:
        UserError: if the release lacks what is asked for, if a file has the wrong
            checksum, or if the folder has another file in its place.
    """
    runs, files = chosen(release.manifest, names)
    staging = out / STAGING
    try:
        with guarded(out), alone(staging / "lock", str(out)):
            _refuse_others(out, release)
            for entry in runs:
                _fetch_run(release.source, entry, out)
            for file in files:
                if not _is_there(out, [file]):
                    at = out / file.path
                    _bring(release.source, file.path, file.sha256, at, staging)
            with atomic(out / MANIFEST) as temporary:
                temporary.write_bytes(release.content)
    except OSError as error:
        raise UserError(
            f"{out}: cannot write here ({error}). Expected a folder that you may write "
            "to; choose one with --out."
        ) from None
    folders = [out / "runs" / e.dataset / e.run / str(e.seed) for e in runs]
    return folders + [out / file.path for file in files]


def _refuse_others(out: Path, release: Release) -> None:
    """Raise UserError if a folder holds files of another release."""
    manifest = out / MANIFEST
    if manifest.is_file() and sha256(manifest) != release.checksum:
        raise UserError(
            f"{out}: holds files of another release (its {MANIFEST} differs). Choose "
            "another folder with --out, or remove this one."
        )


def _fetch_run(source: str, entry: ReleasedRun, out: Path) -> None:
    name = f"{entry.name}/{entry.seed}"
    if _is_there(out, entry.files):
        say(f"[{name}] is already there")
        return
    archive = out / STAGING / entry.archive.path
    _bring(source, entry.archive.path, entry.archive.sha256, archive, archive.parent)
    _unpack(archive, entry.files, out)
    archive.unlink()


def _is_there(out: Path, files: Sequence[ReleasedFile]) -> bool:
    """Return whether all files are there.

    Raises:
        UserError: if one of them is there with another content.
    """
    there = [file for file in files if (out / file.path).exists()]
    for file in there:
        path = out / file.path
        if not path.is_file() or sha256(path) != file.sha256:
            raise UserError(
                f"{path}: is not the file of the release. Choose another folder with "
                "--out, or remove what is there."
            )
    return len(there) == len(files)


def _bring(
    source: str, name: str, expected: str | None, out: Path, staging: Path | None = None
) -> None:
    """Put a file of a release at `out`, complete and with the right checksum.

    Args:
        source: folder or address of the release.
        name: name of the file in it.
        expected: SHA-256 in hexadecimal; None for any content.
        out: where the file goes.
        staging: folder for the unfinished file, from which it is continued; that of
            `out` if None.

    Raises:
        UserError: if it cannot be had, or has another checksum; then nothing stays.
    """
    if out.is_file() and sha256(out) == expected:  # an earlier call was stopped here
        return
    at = _join(source, name)
    part = Part((staging or out.parent) / f"{name}.part")
    part.path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        joined = _copied(at, part, name)
        found = sha256(part.path)
        if expected in (None, found):
            break
        part.discard()
        if not joined:
            raise UserError(f"{at}: wrong checksum: {found}, expected {expected}.")
        say(f"[{name}] wrong checksum after being cut: it is fetched again from 0")
    with part.path.open("rb") as file:
        os.fsync(file.fileno())
    out.parent.mkdir(parents=True, exist_ok=True)
    part.path.replace(out)
    part.discard()
    say(f"[{name}] {size(out.stat().st_size)}, sha256:{found}, from {source}")


def _copied(at: str, part: Part, name: str) -> bool:
    """Fetch a file, or copy it from a disk; return whether it came in parts."""
    try:
        if is_address(at):
            return fetch(at, part, name)
        shutil.copyfile(at, part.path)
    except UserError as error:
        raise type(error)(f"{at}: {error}") from None
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{at}: no such file in the release.") from None
    return False


def _unpack(archive: Path, files: Sequence[ReleasedFile], out: Path) -> None:
    """Unpack the files of the manifest, each of which appears whole or not at all."""
    try:
        with zipfile.ZipFile(archive) as opened:
            for file in files:
                # One file is in memory at a time; weights are the largest.
                content = opened.read(file.path)
                if hashlib.sha256(content).hexdigest() != file.sha256:
                    raise UserError(f"{file.path} has another checksum")
                with atomic(out / file.path) as temporary:
                    temporary.write_bytes(content)
    except (zipfile.BadZipFile, KeyError, RuntimeError, EOFError, UserError) as error:
        archive.unlink()
        raise UserError(
            f"{archive.name}: not what {MANIFEST} says of it ({error}). Tell those who "
            "packed the release."
        ) from None


def _check_paths(manifest: Manifest, at: str) -> None:
    """Raise UserError if a path leads out of where the files of a release belong."""
    names = [run.archive.path for run in manifest.runs]
    names += [file.path for file in manifest.files]
    wrong = [name for name in names if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)]
    for run in manifest.runs:
        for file in run.files:
            parts = PurePosixPath(file.path).parts
            if ".." in parts or parts[0] not in FOLDERS or "\\" in file.path:
                wrong.append(file.path)
    if wrong:
        raise UserError(f"{at}: '{wrong[0]}' is not a path of a released file.")


def _join(source: str, name: str) -> str:
    return f"{source}/{quote(name) if is_address(source) else name}"
