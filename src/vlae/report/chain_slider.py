"""Gibbs chains that a slider of the report moves step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlae.figures import chain_panels
from vlae.figures.plotting import mosaic
from vlae.report.images import pixels
from vlae.results.run_results import RunResults

CHAINS, COLUMNS = 12, 4
"""Chains that are shown of one run, and how many of them side by side."""
TITLES = {**chain_panels.ARMS, "ancestral": "ancestral samples"}


@dataclass(frozen=True)
class Panel:
    """Frames of the same chains in one picture, one below another in order of steps."""

    title: str
    count: int
    """Number of chains."""
    steps: list[int]
    start: int
    """Index of the frame that is shown at first."""
    width: int
    height: int
    """Size of one frame in pixels."""
    picture: str
    """Data URL of all frames."""

    @property
    def moves(self) -> bool:
        """Whether there are several frames."""
        return len(self.steps) > 1


@dataclass(frozen=True)
class Chains:
    """Chains of the first seed of one run."""

    title: str
    seed: int
    panels: list[Panel]


def chains(runs: Sequence[RunResults]) -> list[Chains]:
    """Return the chains from noise and from data, and ancestral samples, of each run.

    At first a panel shows the step that the figure and the claims compare, or the last
    one before it.
    """
    return [_of_run(run) for run in runs]


def steps(found: Sequence[Chains]) -> list[int]:
    """Return every step at which some chain was recorded, in order."""
    moving = [panel for run in found for panel in run.panels if panel.moves]
    return sorted({step for panel in moving for step in panel.steps})


def _of_run(run: RunResults) -> Chains:
    frames: dict[str, dict[int, np.ndarray]] = {}
    for name, images in run.arrays("chains").items():
        arm, _, step = name.rpartition("_")
        if arm in TITLES:
            frames.setdefault(arm, {})[int(step)] = images[:CHAINS]
    panels = [_panel(TITLES[arm], frames[arm]) for arm in TITLES if arm in frames]
    return Chains(run.title, run.seeds[0], panels)


def _panel(title: str, images: dict[int, np.ndarray]) -> Panel:
    """Return the panel of one arm, from images (N, C, H, W) by step."""
    order = sorted(images)
    frames = [mosaic(images[step], COLUMNS) for step in order]
    height, width = frames[0].shape[:2]
    return Panel(
        title=title,
        count=len(images[order[0]]),
        steps=order,
        start=_start(order),
        width=width,
        height=height,
        picture=pixels(np.concatenate(frames)),
    )


def _start(steps: Sequence[int]) -> int:
    """Return the index of the last step that is not beyond the compared one, or 0."""
    early = [i for i, step in enumerate(steps) if step <= chain_panels.COMPARED_STEP]
    return max(early, default=0)
