"""The configuration as a whole: read, checked, and ready to answer.

No torch here: Snakemake reads the configuration at every start, and a mistake must be
named before the first download.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vlae.config import cross_references, schema_defaults, sweeps, validation
from vlae.config.overlays import layered, layers_of, located
from vlae.config.selection import Selection
from vlae.config.specs import Specs


class Configuration:
    """A checked configuration.

    Attributes:
        content: the merged configuration files, with the defaults of schemas and a run
            for every cell of a sweep.
        selection: what the configuration asks for.
        specs: the complete settings of every job.

    Args:
        content: the merged configuration files.

    Raises:
        UserError: naming the first key that is wrong.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        validation.check(content)
        content = {
            **content,
            "datasets": schema_defaults.completed_datasets(content["datasets"]),
            "networks": schema_defaults.completed_networks(content["networks"]),
        }
        content = sweeps.with_runs(content)
        self.content = content
        self.selection = Selection(content)
        self.specs = Specs(content, self.selection)
        cross_references.check(self.selection, self.specs)


def load(
    overlays: Iterable[Path] = (), given: dict[str, Any] | None = None
) -> Configuration:
    """Read, merge and check the paper's configuration with overlays on top.

    Args:
        overlays: files; later ones win.
        given: what was given on the command line, which wins over all files.

    Raises:
        UserError: if a file is missing or unreadable, or a key of the result is wrong.
    """
    layers = [layer for path in overlays for layer in layers_of(path)]
    return Configuration(layered([*layers, located(given or {}, Path())]))
