"""Everything that changes from step to step of a training, and its checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vlae.system.errors import UserError
from vlae.system.files import tidy
from vlae.system.locks import alone
from vlae.system.progress import say
from vlae.training import weights as weight_files

PATIENCE = 3600.0
"""Seconds to wait for another training of the same spec, code and data."""


@contextmanager
def exclusive(folder: Path, name: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold `folder` against a second training; the system frees it at any death.

    A second one waits: mostly it is a job submitted again whose first copy still runs,
    and then it finds the work done. What killed trainings left half-written is removed.

    Args:
        name: of the training, for what is said.
        patience: seconds to wait.

    Raises:
        UserError: if another process still holds it then.
    """
    with alone(folder / "lock", name, "trains it", patience) as held:
        if held.killed:
            say(
                f"[{name}] the attempt before ({held.killed}) was killed without a "
                "word: out of memory, a lost node, or kill -9"
            )
        if held.sure:
            for path in folder.glob("*.safetensors"):
                tidy(path, 0)
        yield


FACTS = ("history", "seconds", "parameters", "device")  # of a finished training
MOMENTS = ("exp_avg", "exp_avg_sq")  # of Adam, each of the shape of its parameter


@dataclass
class State:
    """State of one training, between two steps.

    Args:
        identity: what the training's bits follow from: a hash of each by name. A
            checkpoint of any other is refused.
    """

    model: Any  # of a module of vlae.models: no two have the same methods
    optimiser: torch.optim.Optimizer
    noise: torch.Generator
    identity: dict[str, str]
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
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
            UserError: if it is of another, or cannot be of any.
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
            raise _refusal(path, f"its tensors are not this training's ({wrong})")
        self.noise.set_state(tensors["noise"])
        self.model.load_state_dict(_below("model.", tensors))
        optimiser = self.optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, key = name.split(".", 1)
            # In memory as the weights are: the fused optimiser takes no mixture.
            layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
            state.setdefault(int(index), {})[key] = tensor.to(memory_format=layout)
        self.optimiser.load_state_dict({**optimiser, "state": state})
        self.step, self.seconds, self.history = step, seconds, history

    def finished(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights and `FACTS` of the same training, finished by an earlier call.

        Raises:
            UserError: as `restore`.
        """
        weights, facts = weight_files.load(path)
        self._check_identity(path, facts)
        wrong = weight_files.difference(self.model.state_dict(), weights)
        if wrong:
            raise _refusal(path, f"its weights are not this network's ({wrong})")
        if not facts.keys() >= {*FACTS}:
            raise _refusal(path, f"it lacks {', '.join({*FACTS} - facts.keys())}")
        return weights, {key: facts[key] for key in FACTS}

    def _check_identity(self, path: Path, facts: dict[str, Any]) -> None:
        found = facts.get("identity")
        found = found if isinstance(found, dict) else {}
        ours = self.identity.items()
        other = [name for name, expected in ours if found.get(name) != expected]
        if other:
            why = f"it belongs to a training with other {', '.join(other)}"
            raise _refusal(path, why)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        return {**tensors, "noise": self.noise.get_state()}

    def _expected(self, step: int) -> dict[str, Tensor]:
        """What a checkpoint at `step` has: the optimiser is empty before the first."""
        tensors = self._tensors()
        if step:
            for index, parameter in enumerate(self.model.parameters()):
                tensors |= {f"optimiser.{index}.{k}": parameter for k in MOMENTS}
                tensors[f"optimiser.{index}.step"] = torch.zeros(())
        return tensors


def _refusal(path: Path, why: str) -> UserError:
    """That the file is no checkpoint of this training."""
    return UserError(
        f"{path}: no checkpoint of this training: {why}. Delete it and run again; "
        "the training starts over."
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
