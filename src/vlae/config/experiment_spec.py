"""Type of an experiment's spec. Types only: every experiment depends on this module."""

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
    """Modules of `vlae.experiments.measures` that it measures images with."""
    settings: dict[str, Any]
    """Keys of the experiment's own; its schema in `workflow/schemas` describes them."""
