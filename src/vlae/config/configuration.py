"""The configuration as a whole: read, checked, and ready to answer.

No torch here: Snakemake reads the configuration at every start, and a mistake must be
named before the first download.
"""

from pathlib import Path
from typing import Any

from vlae.config import cross_references, validation
from vlae.config.overlays import extended, read
from vlae.config.selection import Selection
from vlae.config.specs import Specs
from vlae.system.checkout import ROOT


class Configuration:
    """A checked configuration.

    Attributes:
        content: the merged configuration files.
        selection: what the configuration asks for.
        specs: the complete settings of every job.

    Args:
        content: the merged configuration files.

    Raises:
        UserError: naming the first key that is wrong.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        validation.check(content)
        self.content = content
        self.selection = Selection(content)
        self.specs = Specs(content, self.selection)
        cross_references.check(self.selection, self.specs)


def load(paths: list[Path]) -> Configuration:
    """Read, merge (as Snakemake does) and check configuration files.

    Args:
        paths: all files, those of `overlays.BASE` first; later files win.

    Raises:
        UserError: if a file is missing or unreadable, or a key of the result is wrong.
    """
    content: dict[str, Any] = {}
    for path in paths:
        content = extended(content, read(path, "configuration"), ROOT)
    return Configuration(content)
