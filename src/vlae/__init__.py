"""Variational ladder autoencoders and hierarchical VAEs: Zhao, Song, Ermon 2017.

From Python, `vlae.load(folder)` opens a trained run and `vlae.load_results(folder)` the
tables of a results folder. Both are imported when they are first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlae.results.loaded_results import LoadedResults, load_results
    from vlae.system.errors import UserError
    from vlae.training.loaded_run import LoadedRun, load

__version__ = "0.2.0"
__all__ = [
    "LoadedResults",
    "LoadedRun",
    "UserError",
    "__version__",
    "load",
    "load_results",
]

_HOMES = {
    "LoadedResults": "vlae.results.loaded_results",
    "LoadedRun": "vlae.training.loaded_run",
    "UserError": "vlae.system.errors",
    "load": "vlae.training.loaded_run",
    "load_results": "vlae.results.loaded_results",
}
"""Modules of the public names."""


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vlae' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
