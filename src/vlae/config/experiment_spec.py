"""Type of an experiment's spec.

Every experiment depends on this module, so an edit of it repeats all of them.
"""

from typing import Any

from vlae.config.spec_types import Spec


class ExperimentSpec(Spec, frozen=True):
    """The complete settings of one experiment on one trained run."""

    experiment: str
    """Name of its module in `vlae.experiments`."""
    dataset: str
    run: str
    seed: int
    measures: tuple[str, ...]
    """Modules of `vlae.experiments.measures` by which it measures images."""
    settings: dict[str, Any]
    """Free keys: those of the experiment, as its schema describes them."""
