"""What changes from step to step of a training, and its checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vlae.models.base import Model
from vlae.system.errors import UserError
from vlae.system.files import tidy
from vlae.system.locks import alone
from vlae.system.progress import say
from vlae.training import weights as weight_files

LOCK_TIMEOUT_S = 3600.0
"""Seconds to wait for another training of the same spec, code and data."""

FACTS = ("history", "seconds", "parameters", "device")
"""What the file of a finished training holds besides the weights."""
MOMENTS = ("exp_avg", "exp_avg_sq")
"""Tensors that Adam keeps per parameter, each of the parameter's shape."""


@contextmanager
def exclusive(
    folder: Path, name: str, patience: float = LOCK_TIMEOUT_S
) -> Iterator[None]:
    """Hold `folder` against a second training; the system frees it when this one dies.

    A second training waits. Usually it is a job that was submitted again while its
    first copy still runs, and then it finds the work done. Files that a killed training
    left half-written are removed.

    Args:
        folder: checkpoint folder of the training.
        name: name of the training, for log lines.
        patience: seconds to wait.

    Raises:
        UserError: if another process still holds the folder after that time.
    """
    with alone(folder / "lock", name, "trains it", patience) as held:
        if held.killed:
            say(
                f"[{name}] the previous attempt ({held.killed}) ended without a "
                "message: out of memory, a lost node, or kill -9"
            )
        if held.sure:
            for path in folder.glob("*.safetensors"):
                tidy(path, 0)
        yield


@dataclass
class State:
    """State of one training between two steps.

    Args:
        model: the model, on the device of the training.
        optimiser: Adam over its parameters.
        noise: random numbers of the steps.
        identity: what the bits of the training follow from, a text each by name. A
            checkpoint with another identity is refused.
        step: number of steps done.
        seconds: seconds of work until the last checkpoint.
        history: rows of the evaluations so far.
    """

    model: Model
    optimiser: torch.optim.Optimizer
    noise: torch.Generator
    identity: dict[str, str]
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        facts = {
            "identity": self.identity,
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
        }
        weight_files.save(path, self._tensors(), facts)

    def restore(self, path: Path) -> None:
        """Continue from what `save` wrote for a training of the same identity.

        Raises:
            UserError: if the checkpoint is broken or belongs to another training.
        """
        tensors, facts = weight_files.load(path)
        self._check_identity(path, facts)
        step, seconds, history = (facts.get(k) for k in ("step", "seconds", "history"))
        if not (
            isinstance(step, int)
            and step >= 0
            and isinstance(seconds, int | float)
            and isinstance(history, list)
            and all(isinstance(r, dict) and "step" in r for r in history)
        ):
            raise _refusal(path, "it has no step, seconds and history")
        wrong = weight_files.difference(self._expected(step), tensors)
        if wrong:
            raise _refusal(path, f"its tensors do not fit this training ({wrong})")
        self.noise.set_state(tensors["noise"])
        self.model.load_state_dict(_below("model.", tensors))
        optimiser = self.optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, key = name.split(".", 1)
            # The fused optimiser wants them to lie in memory as the weights do.
            layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
            state.setdefault(int(index), {})[key] = tensor.to(memory_format=layout)
        self.optimiser.load_state_dict({**optimiser, "state": state})
        self.step, self.seconds, self.history = step, seconds, history

    def finished(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return weights and `FACTS` of the same training, finished by an earlier call.

        Raises:
            UserError: if the file is broken or belongs to another training.
        """
        weights, facts = weight_files.load(path)
        self._check_identity(path, facts)
        wrong = weight_files.difference(self.model.state_dict(), weights)
        if wrong:
            raise _refusal(path, f"its weights do not fit this network ({wrong})")
        if not facts.keys() >= {*FACTS}:
            raise _refusal(path, f"it lacks {', '.join({*FACTS} - facts.keys())}")
        return weights, {key: facts[key] for key in FACTS}

    def _check_identity(self, path: Path, facts: dict[str, Any]) -> None:
        found = facts.get("identity")
        found = found if isinstance(found, dict) else {}
        ours = self.identity.items()
        other = [name for name, expected in ours if found.get(name) != expected]
        if other:
            raise _refusal(path, f"it differs in {', '.join(other)}")

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        return {**tensors, "noise": self.noise.get_state()}

    def _expected(self, step: int) -> dict[str, Tensor]:
        """Return tensors like those of a checkpoint at `step`.

        Before the first step the optimiser has none.
        """
        tensors = self._tensors()
        if step:
            for index, parameter in enumerate(self.model.parameters()):
                tensors |= {f"optimiser.{index}.{k}": parameter for k in MOMENTS}
                tensors[f"optimiser.{index}.step"] = torch.zeros(())
        return tensors


def _refusal(path: Path, why: str) -> UserError:
    """Return the error that the file is not a checkpoint of this training."""
    return UserError(
        f"{path}: not a checkpoint of this training: {why}. Delete it and run again; "
        "the training starts over."
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
