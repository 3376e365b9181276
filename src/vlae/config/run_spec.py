"""Types of `spec.json`, the complete settings of one training.

Every field is a key of the configuration; `workflow/schemas/run.schema.yaml` says what
it means and which values it takes. Trainings depend on this module, so an edit of it
retrains every run.
"""

import math
from pathlib import Path
from typing import Any, Literal

import msgspec

from vlae.config.spec_types import Spec
from vlae.system.errors import UserError


class KLWarmup(Spec, frozen=True, omit_defaults=True):
    """Weight of the KL term over training."""

    schedule: Literal["none", "linear", "exponential"]
    steps: int | None = None
    out_of: int | None = None
    fraction: float | None = None

    def weight(self, step: int, steps: int) -> float:
        """Return the weight of the KL divergence at a step, in [0, 1].

        `none` is always 1, the ELBO itself. `linear` goes from 0 to 1 over the length
        of the warm-up. `exponential` is 1 - exp(-step / length), as in the authors'
        code. The length is `fraction` of all steps, or `self.steps`; in a run of fewer
        than `out_of` steps it is shortened in proportion.

        Args:
            step: counted from 0.
            steps: number of steps of the training.
        """
        if self.schedule == "none":
            return 1.0
        if self.steps is None:
            assert self.fraction is not None, "the schema asks for one of the two"
            length = self.fraction * steps
        else:
            length = self.steps * min(1.0, steps / self.out_of if self.out_of else 1.0)
        if self.schedule == "linear":
            return min(1.0, step / length)
        return 1.0 - math.exp(-step / length)


class Objective(Spec, frozen=True):
    """What is maximised: the ELBO under a likelihood, or one with another KL term."""

    likelihood: Literal["gaussian", "laplace"]
    scale: Literal["fixed", "scalar", "network"]
    scale_value: float
    kl_warmup: KLWarmup
    kl_weight: float
    """Weight of the KL term of layer 1, whose square is that of layer 2, and so on."""


class DataNoise(Spec, frozen=True):
    """Noise added to the data; standard deviations in units of the full grey range."""

    dequantise: bool
    scale: float
    denoising: float


class Growing(Spec, frozen=True, omit_defaults=True):
    """Parts of the training at which layers below the top one begin to count."""

    schedule: Literal["none", "from-top"]
    first: float | None = None
    """Where the layer below the top one begins, as a fraction of the training."""
    last: float | None = None
    """Where the bottom layer begins; layers between them are spaced evenly."""
    length: float | None = None
    """How long a layer fades in."""


class TrainingSettings(Spec, frozen=True):
    """Number of steps, size of batches, Adam's learning rate, and growing."""

    steps: int
    batch_size: int
    learning_rate: float
    learning_rate_tail: float
    gradient_clip: float
    growing: Growing


class EvaluationSettings(Spec, frozen=True):
    """When the history is recorded, and on how many images."""

    every: int
    images: int


class DataFacts(Spec, frozen=True):
    """What a model must know of its data set."""

    shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: int
    """Number of classes; 0 where images have none."""
    attributes: tuple[str, ...]
    """Columns of zeros and ones that a classifier learns; empty for other models."""


class RunSpec(Spec, frozen=True):
    """The complete settings of one training of one run with one seed."""

    dataset: str
    run: str
    seed: int
    preset: str
    network_name: str
    common_start: str | None
    data: DataFacts
    network: dict[str, Any]
    """Free keys: those of the model, which its plan in `vlae.networks` checks."""
    objective: Objective
    data_noise: DataNoise
    training: TrainingSettings
    evaluation: EvaluationSettings
    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: int
    precision: Literal["float32", "tf32", "bf16"]
    compile: Literal["none", "default", "reduce-overhead"]

    @property
    def name(self) -> str:
        """`dataset/run/seed`, the name in log lines and messages."""
        return f"{self.dataset}/{self.run}/{self.seed}"

    @property
    def stream(self) -> tuple[int, str]:
        """Seed and name from which all random numbers of the run follow."""
        return self.seed, self.common_start or f"{self.dataset}/{self.run}"

    @property
    def model(self) -> str:
        """Name of the model's module in `vlae.models`."""
        return str(self.network["model"])

    def replace(self, **changes: Any) -> "RunSpec":
        """Return a copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)


class RunFiles:
    """Paths of the files of one trained run.

    Args:
        folder: `results/runs/DATASET/RUN/SEED`, or a copy of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "spec.json"
        self.weights = folder / "model.safetensors"
        self.history = folder / "history.parquet"
        self.facts = folder / "training.json"

    @classmethod
    def of_weights(cls, weights: Path) -> "RunFiles":
        """Return the files of the run that some weights belong to.

        Args:
            weights: `model.safetensors`, with `spec.json` beside it.

        Raises:
            UserError: if it has another name.
        """
        files = cls(weights.parent)
        if weights.name != files.weights.name:
            raise UserError(
                f"{weights}: expected the weights of a run, "
                f"{files.weights.name}, with {files.spec.name} beside them."
            )
        return files
