"""Types of the specs of figures, claims, report and explorer."""

from typing import Any

from vlae.config.spec_types import Spec

OVERVIEW_EXPERIMENTS = ("samples",)
"""Experiments that the report's overview of a run shows, for every generative run."""


class RunRow(Spec, frozen=True):
    """One run with all its seeds, as figures, claims and the report show it."""

    dataset: str
    dataset_title: str
    run: str
    label: str
    seeds: tuple[int, ...]

    @property
    def title(self) -> str:
        """Heading of data set and run, such as 'MNIST: VLAE'."""
        return f"{self.dataset_title}: {self.label}"


class FigureSpec(Spec, frozen=True):
    """A figure and what it shows: one row per run."""

    figure: str
    rows: tuple[RunRow, ...]


class ClaimSpec(Spec, frozen=True):
    """A claim of the paper, its criterion, its runs, and controls that must fail."""

    id: str
    kind: str
    """Name of its module in `vlae.claims`."""
    statement: str
    place: str
    """Section or figure of the paper that says so."""
    figure: str | None
    criterion: dict[str, Any]
    """Free keys: those of its kind. Each number is `{value: ..., why: ...}`."""
    development_seeds: tuple[int, ...]
    runs: tuple[RunRow, ...]
    controls: tuple[RunRow, ...]


class ReportSpec(Spec, frozen=True):
    """Everything that the report shows."""

    title: str
    overlays: tuple[str, ...]
    """Configuration files given on the command line."""
    config: dict[str, Any]
    """Single keys given on the command line, except those about the machine."""
    seeds: tuple[int, ...]
    experiments: dict[str, dict[str, Any]]
    """Settings of each experiment."""
    figures: tuple[FigureSpec, ...]
    claims: tuple[ClaimSpec, ...]
    runs: tuple[RunRow, ...]
    """Every run that is shown; classifiers come last."""
    datasets: tuple[str, ...]
    explorer: bool
    """Whether there is an explorer."""


class ExplorerSpec(Spec, frozen=True):
    """The runs that the explorer offers; the first seed of each."""

    title: str
    runs: tuple[RunRow, ...]
