"""Gibbs chains as a slider of the report moves them: step by step, the same chains."""

from dataclasses import dataclass

import numpy as np

from vlae.figures import chain_panels
from vlae.figures.plotting import Row, mosaic
from vlae.report.images import pixels

CHAINS, COLUMNS = 12, 4
"""Shown of a run, and beside each other."""
TITLES = {**chain_panels.ARMS, "ancestral": "ancestral samples"}


@dataclass(frozen=True)
class Panel:
    """Frames of the same chains below each other in one picture, in order of steps."""

    title: str
    count: int
    steps: list[int]
    start: int
    """Index of the frame that is shown at first."""
    width: int
    height: int
    """Of one frame, in pixels."""
    picture: str

    @property
    def moves(self) -> bool:
        return len(self.steps) > 1


@dataclass(frozen=True)
class Chains:
    """Of one run, first seed."""

    title: str
    seed: int
    panels: list[Panel]


def chains(rows: list[Row]) -> list[Chains]:
    """Chains from noise and from data, and ancestral samples, of each run.

    At first a panel shows the last step that is not beyond the one at which figure
    and claims compare.
    """
    return [_of_run(row) for row in rows]


def steps(found: list[Chains]) -> list[int]:
    """Every step at which some chain was looked at, in order."""
    moving = [panel for run in found for panel in run.panels if panel.moves]
    return sorted({step for panel in moving for step in panel.steps})


def start(steps: list[int]) -> int:
    """Index of the last of `steps` that is not beyond the one compared, or 0."""
    return max(
        (i for i, s in enumerate(steps) if s <= chain_panels.COMPARED_STEP), default=0
    )


def _of_run(row: Row) -> Chains:
    looks: dict[str, dict[int, np.ndarray]] = {}
    for name, images in row.arrays("chains").items():
        arm, step = name.rsplit("_", 1)
        looks.setdefault(arm, {})[int(step)] = images[:CHAINS]
    panels = [_panel(TITLES[arm], looks[arm]) for arm in TITLES if arm in looks]
    return Chains(row.title, row.seeds[0], panels)


def _panel(title: str, looks: dict[int, np.ndarray]) -> Panel:
    order = sorted(looks)
    frames = [mosaic(looks[step], COLUMNS) for step in order]
    height, width = frames[0].shape[:2]
    count = len(looks[order[0]])
    picture = pixels(np.concatenate(frames))
    return Panel(title, count, order, start(order), width, height, picture)
