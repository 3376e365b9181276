"""What every benchmark gives: rows of measured quantities, and their targets."""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))  # for every benchmark, which all import this


"""The shipped configuration, as the Snakefile reads it."""

HEADER = (
    "| what | setting | median (least to most) | target | met |",
    "|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        what: the quantity, as the targets name it.
        setting: network, width, threads, sizes: what the number depends on.
        values: one a repetition; none where it cannot be measured here.
        unit: of `values`: x (a ratio), s, MiB, images/s ...
        target: the value wanted, or None for a row that only informs.
        more: whether more is better.
        note: why there is no value, or what a reader must know.
    """

    what: str
    setting: str
    values: tuple[float, ...]
    unit: str
    target: float | None = None
    more: bool = True
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """None where there is nothing to compare."""
        if self.target is None or not self.values:
            return None
        if self.more:
            return self.median >= self.target
        return self.median <= self.target

    def line(self) -> str:
        """A row of a Markdown table under `HEADER`."""
        measured = self.note or "open"
        if self.values:
            spread = f"{_short(min(self.values))}–{_short(max(self.values))}"
            measured = f"{_short(self.median)} {self.unit} ({spread})"
            if self.note:
                measured += f"; {self.note}"
        sign = "≥" if self.more else "≤"
        target = "" if self.target is None else f"{sign} {_short(self.target)}"
        met = "" if self.target is None else {None: "open", True: "yes", False: "no"}
        answer = met[self.met] if isinstance(met, dict) else ""
        return f"| {self.what} | {self.setting} | {measured} | {target} | {answer} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    found = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    found.add_argument(
        "--quick", action="store_true", help="least sizes: does it run, not how fast"
    )
    found.add_argument("--rows", type=Path, help="write the rows here, as JSON lines")
    return found


def publish(rows: Iterable[Row], path: Path | None) -> None:
    """Print each row as it comes, and append it to `path`."""
    print(*HEADER, sep="\n", flush=True)
    for row in rows:
        print(row.line(), flush=True)
        if path:
            with path.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")


def read(path: Path) -> list[Row]:
    """What `publish` wrote."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [Row(**{**row, "values": tuple(row["values"])}) for row in found]
