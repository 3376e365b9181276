"""Where every file of a results folder lies."""

from collections.abc import Callable
from pathlib import Path

from vlae.config.report_spec import RunRow
from vlae.config.run_spec import RunFiles
from vlae.system.errors import UserError


class ExperimentFiles:
    """Paths of the files of one experiment on one trained run, without its tables."""

    def __init__(self, folder: Path, experiment: str) -> None:
        self.spec = folder / f"{experiment}.spec.json"
        self.arrays = folder / f"{experiment}.npz"


class FigureFiles:
    """Paths of the files of one figure."""

    def __init__(self, folder: Path, figure: str) -> None:
        self.spec = folder / f"{figure}.spec.json"
        self.svg = folder / f"{figure}.svg"
        self.png = folder / f"{figure}.png"


class SweepFiles:
    """Paths of the files of one sweep."""

    def __init__(self, folder: Path, sweep: str) -> None:
        self.spec = folder / f"{sweep}.spec.json"
        self.table = folder / f"{sweep}.parquet"
        self.svg = folder / f"{sweep}.svg"
        self.png = folder / f"{sweep}.png"


class ClaimFiles:
    """Paths of the files of one claim."""

    def __init__(self, folder: Path, claim: str) -> None:
        self.spec = folder / f"{claim}.spec.json"
        self.findings = folder / f"{claim}.findings.parquet"
        self.verdicts = folder / f"{claim}.verdicts.parquet"


class DataFiles:
    """Paths of the files of one prepared data set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "spec.json"
        self.card = folder / "card.json"

    def images(self, split: str) -> Path:
        """Return the path of a split's images, (n, channels, height, width) uint8."""
        return self.folder / f"{split}.npy"

    def table(self, split: str) -> Path:
        """Return the path of a split's labels and factors, one row per image."""
        return self.folder / f"{split}.parquet"


class ExportFiles:
    """Paths of the exported decoder of one run, for the explorer."""

    def __init__(self, folder: Path) -> None:
        self.onnx = folder / "decoder.onnx"
        self.facts = folder / "decoder.json"


class ResultsFolder:
    """The layout of a results folder.

    Names may be Snakemake's wildcards, such as "{dataset}"; then paths are patterns.

    Args:
        root: the folder; the pipeline's is `results`.
    """

    def __init__(self, root: Path = Path("results")) -> None:
        self.root = root
        self.checkpoints = root / "checkpoints"
        self.report = root / "report.html"
        self.report_spec = root / "report.spec.json"
        self.provenance = root / "report.provenance.json"
        self.explorer = root / "explorer.html"
        self.explorer_spec = root / "explorer.spec.json"
        self.verdicts = root / "tables" / "claims.parquet"
        self.raw_data = root / "raw"
        self.crate = root / "ro-crate-metadata.json"

    @classmethod
    def holding(
        cls, file: Path, place: Callable[["ResultsFolder"], Path]
    ) -> "ResultsFolder":
        """Return the results folder that a file lies in.

        A command that reads many files gets one of them, and finds the others by it.

        Args:
            file: path of the file.
            place: tells where the file lies in a results folder.

        Raises:
            UserError: if the path does not end as the layout says.
        """
        below = place(cls(Path()))
        count = len(below.parts)
        if file.parts[-count:] != below.parts:
            raise UserError(
                f"{file}: expected a path that ends with {below}, as in a results "
                "folder, since the files that belong to it are found by that path. "
                "Give it where the pipeline has written it."
            )
        return cls(Path(*file.parts[:-count]))

    def raw(self, dataset: str, file: str) -> Path:
        """Return the path of a downloaded file."""
        return self.raw_data / dataset / file

    def sources(self, dataset: str) -> Path:
        """Return the path of the spec of a data set's downloads."""
        return self.raw_data / dataset / "sources.json"

    def data(self, dataset: str) -> DataFiles:
        """Return the files of a prepared data set."""
        return DataFiles(self.root / "data" / dataset)

    def run(self, dataset: str, run: str, seed: int | str) -> RunFiles:
        """Return the files of a training."""
        return RunFiles(self.root / "runs" / dataset / run / str(seed))

    def run_of(self, row: RunRow, seed: int) -> RunFiles:
        """Return the files of the training of a row's run with one of its seeds."""
        return self.run(row.dataset, row.run, seed)

    def experiment(
        self, experiment: str, dataset: str, run: str, seed: int | str
    ) -> ExperimentFiles:
        """Return the files of an experiment on a training."""
        return ExperimentFiles(self.experiments(dataset, run, seed), experiment)

    def experiments(self, dataset: str, run: str, seed: int | str) -> Path:
        """Return the folder of everything that experiments found in a training."""
        return self.root / "experiments" / dataset / run / str(seed)

    def table(self, table: str, dataset: str, run: str, seed: int | str) -> Path:
        """Return the path of one table of an experiment on a training."""
        return self.experiments(dataset, run, seed) / f"{table}.parquet"

    def figure(self, figure: str) -> FigureFiles:
        """Return the files of a figure."""
        return FigureFiles(self.root / "figures", figure)

    def sweep(self, sweep: str) -> SweepFiles:
        """Return the files of a sweep."""
        return SweepFiles(self.root / "sweeps", sweep)

    def claim(self, claim: str) -> ClaimFiles:
        """Return the files of a claim."""
        return ClaimFiles(self.root / "claims", claim)

    def export(self, dataset: str, run: str, seed: int | str) -> ExportFiles:
        """Return the files of a run's exported decoder."""
        return ExportFiles(self.root / "explorer" / dataset / run / str(seed))
