"""Types of the specs of figures, claims, report and explorer."""

from typing import Any

from vlae.config.spec_types import Spec
from vlae.system import registry

OVERVIEW_TABLES = ("samples",)
"""Tables, with the arrays that come with them, that the report's overview of every
generative run shows."""

SWEEP_TABLES = ("effects",)
"""Tables by which every cell of a sweep is measured."""


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


class SweepAxis(Spec, frozen=True):
    """One choice that a sweep varies."""

    name: str
    values: tuple[str, ...]
    """Names of its values."""
    settings: tuple[dict[str, Any], ...]
    """Free keys: what each value changes of the base run."""


class SweepCell(Spec, frozen=True):
    """One combination of values, and the run that it is."""

    values: tuple[str, ...]
    """Names of the values, one per axis."""
    row: RunRow


class SweepSpec(Spec, frozen=True):
    """A sweep: which choice decides what the layers of a model hold."""

    name: str
    title: str
    """The question, as a sentence."""
    base: str
    """The run that every cell starts from, `dataset/run`."""
    properties: tuple[str, ...]
    """Properties that its figure shows; empty for those that differ most."""
    axes: tuple[SweepAxis, ...]
    cells: tuple[SweepCell, ...]
    """All combinations of values; the last axis changes first."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of every cell."""
        return self.cells[0].row.seeds


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
    needs_control: bool
    """Whether support needs a control on the same data."""


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
    """Every run, those of sweeps as well; classifiers come last."""
    datasets: tuple[str, ...]
    explorer: bool
    """Whether there is an explorer."""
    sweeps: tuple[SweepSpec, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError if it names experiments that there are not (any more)."""
        unknown = self.experiments.keys() - {*registry.names("experiments")}
        if unknown:
            named = ", ".join(sorted(unknown))
            raise ValueError(f"experiments that this version does not have: {named}")

    def overviewed(self) -> list[RunRow]:
        """Return the runs that are shown at a glance: all but the cells of sweeps."""
        cells = {cell.row for sweep in self.sweeps for cell in sweep.cells}
        return [row for row in self.runs if row not in cells]


class ExplorerSpec(Spec, frozen=True):
    """The runs that the explorer offers; the first seed of each."""

    title: str
    runs: tuple[RunRow, ...]
