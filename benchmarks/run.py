"""All benchmarks: a table and a plot of every row, with the machine they ran on.

    python benchmarks/run.py [--only training prepare ...] [--quick]

Each is a command of its own and runs alone, one after the other. Writes rows.jsonl,
table.md and plot.svg to the folder of --out (default: results/benchmarks/speed).
"""

import argparse
import datetime
import statistics
import subprocess
import sys
from pathlib import Path

import matplotlib
from rows import HEADER, ROOT, Row, read

from vlae.commands.train import versions
from vlae.training.device import device_name

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

SCALE = (0.25, 0.5, 1, 2, 4, 8)
"""Shares of the target that the plot tells apart."""

COMMANDS: dict[str, list[str]] = {
    "training": [],
    "against_pythae": [],
    "inference": [],
    "bound": [],
    "pipeline": ["--demo"],
    "prepare": ["--synthetic", "5000"],
    "growth": [],
    "cost": [],
}


def machine() -> str:
    names = [device_name(torch.device("cpu"))]
    if torch.cuda.is_available():
        names.append(torch.cuda.get_device_name())
    libraries = ", ".join(f"{name} {number}" for name, number in versions().items())
    return f"{datetime.date.today()}; {'; '.join(names)}; {libraries}"


def table(rows: list[Row]) -> str:
    return "\n".join([machine(), "", *HEADER, *(row.line() for row in rows)]) + "\n"


def plot(rows: list[Row], path: Path) -> None:
    """Each row with a target, as a share of it: right of the line it is met."""
    shown = [row for row in rows if row.values and row.target]
    figure, axes = plt.subplots(figsize=(9, 0.35 * len(shown) + 1.2))
    for place, row in enumerate(reversed(shown)):
        assert row.target
        shares = [v / row.target if row.more else row.target / v for v in row.values]
        shares = [min(max(share, SCALE[0]), SCALE[-1]) for share in shares]
        colour, marker = ("tab:blue", "o") if row.met else ("tab:red", "X")
        axes.plot(shares, [place] * len(shares), "|", color=colour, markersize=9)
        axes.plot([statistics.median(shares)], [place], marker, color=colour)
    axes.axvline(1, color="0.5", linewidth=1)
    axes.set_xscale("log")
    ticks = [f"{share:g}" for share in SCALE]
    ticks = [f"≤ {ticks[0]}", *ticks[1:-1], f"≥ {ticks[-1]}"]
    axes.set_xticks(SCALE, ticks)
    axes.minorticks_off()
    labels = [f"{row.what}\n{row.setting}" for row in reversed(shown)]
    axes.set_yticks(range(len(shown)), labels, fontsize=7)
    axes.set_xlabel("measured over target (target over measured where less is better)")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options.add_argument("--quick", action="store_true", help="does it run?")
    folder = ROOT / "results" / "benchmarks" / "speed"
    options.add_argument("--out", type=Path, default=folder)
    arguments = options.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "rows.jsonl"
    file.unlink(missing_ok=True)
    for name in arguments.only:
        print(f"\n## {name}\n", flush=True)
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
        words = [*COMMANDS[name], *(["--quick"] if arguments.quick else [])]
        subprocess.run([*command, *words, "--rows", str(file)], check=True)
    rows = read(file)
    (arguments.out / "table.md").write_text(table(rows))
    plot(rows, arguments.out / "plot.svg")
    print(f"\n{arguments.out / 'table.md'}, plot.svg")


if __name__ == "__main__":
    main()
