"""What an archive of a user's images holds: images, tables, and what is left out."""

import posixpath
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from vlae.data import image_formats
from vlae.data.datasets._classes import natural
from vlae.data.datasets._label_table import some
from vlae.data.zip_archive import HIDDEN_FILES, Archive
from vlae.system.errors import UserError

TABLE = "labels.csv"

_MADE_BY_PROGRAMS = ("thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir")
_TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet")
# What lies beside images on purpose, so that it is not missed among them.
_BESIDE = (
    *_TABLES,
    *(".txt", ".md", ".rst", ".rtf", ".pdf", ".doc", ".docx", ".html", ".htm"),
    *(".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".log"),
    *(".xmp", ".aae", ".thm", ".db", ".url", ".lnk", ".py", ".ipynb", ".m", ".r"),
    *(".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".mp3", ".wav", ".m4a"),
    *(".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".npy", ".npz", ".mat", ".pt"),
)


@dataclass(frozen=True)
class ImageFiles:
    """Members of an archive, by what they are.

    Names of images are normal: in one Unicode form, with slashes between folders.

    Args:
        archive: the archive.
        images: members that are images, by name, in natural order.
        others: reason why each other member is left out, by name, hidden ones excepted.
        member: the member of each name of `images` and `others`.
        tables: names of members that are called `labels.csv`.
    """

    archive: Archive
    images: list[str]
    others: dict[str, str]
    member: dict[str, str]
    tables: list[str]

    @cached_property
    def folders(self) -> list[str]:
        """Folders that hold all images, outermost first, each with a slash."""
        steps = [name.split("/")[:-1] for name in self.images]
        shared = posixpath.commonprefix(steps)
        return ["/".join(shared[: i + 1]) + "/" for i in range(len(shared))]

    @property
    def unused_tables(self) -> list[str]:
        """Names of members that may be tables, but are not called `labels.csv`."""
        return [name for name in self.others if image_formats.ending(name) in _TABLES]

    def short(self, name: str) -> str:
        """Return a name without the outermost folder that holds all images."""
        return name.removeprefix(next(iter(self.folders), ""))

    def doubtful(self) -> list[str]:
        """Return names of left-out files that somebody may take for images."""
        return [
            name for name in self.others if image_formats.ending(name) not in _BESIDE
        ]


def normal(name: str) -> str:
    """Return a path in one Unicode form, with slashes, without detours."""
    slashes = unicodedata.normalize("NFC", name).replace("\\", "/")
    return posixpath.normpath(slashes)


def inspected(archive: Archive) -> ImageFiles:
    """Return what an archive holds.

    Files without an ending are images if their content is.

    Raises:
        UserError: if names differ only in their Unicode form or their slashes.
    """
    member: dict[str, str] = {}
    images, tables, others = [], [], {}
    for stored in archive.names():
        name = normal(stored)
        if is_hidden(name):
            continue
        other = member.setdefault(name, stored)
        if other != stored:
            raise UserError(
                f"{archive.path}: '{other}' and '{stored}' are the same name, written "
                "in two ways. Rename or remove one of them."
            )
        if posixpath.basename(name).lower() == TABLE:
            tables.append(name)
        elif why := _not_an_image(archive, name, stored):
            others[name] = why
        else:
            images.append(name)
    return ImageFiles(archive, sorted(images, key=natural), others, member, tables)


def hidden(archive: Archive) -> Counter[str]:
    """Return numbers of files left out when packing, and of hidden ones."""
    found = Counter(archive.left_out)
    if number := sum(is_hidden(normal(name)) for name in archive.names()):
        found[HIDDEN_FILES] += number
    return found


def is_hidden(name: str) -> bool:
    """Return whether a file manager hides a file or makes it for itself."""
    steps = name.lower().split("/")
    return any(step.startswith(".") or step in _MADE_BY_PROGRAMS for step in steps)


def _not_an_image(archive: Archive, name: str, stored: str) -> str:
    """Return why a member is not among the images, or "" if it is."""
    ending = image_formats.ending(name)
    if ending in image_formats.endings():
        return ""
    if ending in image_formats.LACKING:
        return f"{ending} files ({image_formats.LACKING[ending]})"
    if ending in _TABLES:
        return f"{ending} files (a table must be called {TABLE} or be files.labels)"
    if ending:
        return f"{ending} files"
    if image_formats.is_image(archive.read(stored)):
        return ""
    return "files without an ending that are not images"


def the_table(files: ImageFiles) -> str | None:
    """Return the name of the member that is the table, or None.

    Raises:
        UserError: if there are several.
    """
    if len(files.tables) > 1:
        raise UserError(
            f"{files.archive.path}: has {len(files.tables)} tables: "
            f"{some(files.tables)}. Leave one, or name the right one by files.labels."
        )
    return files.tables[0] if files.tables else None
