"""What every experiment takes and returns.

An experiment is a module of `vlae.experiments` that defines `run(context) -> Result`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.experiment_spec import ExperimentSpec
from vlae.data.noise import observe
from vlae.data.prepared import Prepared
from vlae.models.base import ImageClassifier, LatentVariableModel
from vlae.system.errors import UserError
from vlae.training.trained_run import TrainedRun


@dataclass(frozen=True)
class HeldOut:
    """Held-out images and what a run sees of them, each (N, C, H, W), on its device."""

    images: Tensor
    """uint8, as stored."""
    x: Tensor
    """Encoder input, float32."""
    target: Tensor
    """Likelihood target, float32; equal to `x` unless the run trains on denoising."""


@dataclass(frozen=True)
class Context:
    """A trained run, its data, and the classifier of its data set if there is one."""

    spec: ExperimentSpec
    run: TrainedRun[LatentVariableModel]
    data: Prepared
    classifier: TrainedRun[ImageClassifier] | None

    @property
    def settings(self) -> dict[str, Any]:
        """The experiment's own settings."""
        return self.spec.settings

    def required_classifier(self) -> TrainedRun[ImageClassifier]:
        """Return the classifier.

        Raises:
            UserError: if there is none.
        """
        if self.classifier is None:
            raise UserError(
                f"experiment {self.spec.experiment} needs a classifier of "
                f"{self.spec.dataset}. Give its model.safetensors with --classifier."
            )
        return self.classifier

    def images(self, split: str, rows: slice | np.ndarray) -> Tensor:
        """Return stored images of a split on the device of the run.

        Args:
            split: `train` or `test` (the held-out images).
            rows: the wanted rows, as a slice or as an array of row numbers.

        Returns:
            (N, C, H, W), uint8.
        """
        return torch.tensor(self.data.images(split)[rows], device=self.run.device)

    def observe(self, images: Tensor, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return encoder input and likelihood target of images, with the run's noise.

        Args:
            images: uint8 (N, C, H, W) on the device of the run.
            stream: where the data noise is drawn from.

        Returns:
            both (N, C, H, W), float32.
        """
        return observe(images, self.run.spec.data_noise, stream)

    def held_out(self, count: int, stream: torch.Generator) -> HeldOut:
        """Return the first `count` held-out images, observed once.

        Args:
            count: number of images; all of them if there are fewer.
            stream: where the data noise is drawn from.
        """
        images = self.images("test", slice(count))
        return HeldOut(images, *self.observe(images, stream))


@dataclass(frozen=True)
class Result:
    """Tidy tables by name, and arrays by name (images are uint8).

    An experiment that makes only the table of its own name gives that table alone.
    """

    tables: pd.DataFrame | dict[str, pd.DataFrame]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """The only table."""
        if isinstance(self.tables, pd.DataFrame):
            return self.tables
        (table,) = self.tables.values()
        return table

    def named(self, experiment: str) -> dict[str, pd.DataFrame]:
        """Return all tables by name.

        Args:
            experiment: the name of a table that was given alone.
        """
        tables = self.tables
        return tables if isinstance(tables, dict) else {experiment: tables}
