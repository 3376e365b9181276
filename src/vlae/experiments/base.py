"""What every experiment takes and gives.

An experiment is a module of `vlae.experiments` with `run(context) -> Result`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from vlae.config.experiment_spec import ExperimentSpec
from vlae.data.prepared import Prepared
from vlae.training.trained_run import TrainedRun


@dataclass(frozen=True)
class Context:
    """A trained run, its data, the data set's classifier where asked for."""

    spec: ExperimentSpec
    run: TrainedRun
    data: Prepared
    classifier: TrainedRun | None

    @property
    def settings(self) -> dict[str, Any]:
        return self.spec.settings


@dataclass(frozen=True)
class Result:
    """A tidy table, and arrays by name (images are uint8)."""

    table: pd.DataFrame
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
