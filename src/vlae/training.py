"""Training: from a run spec and prepared data to weights and a history.

Bits depend on spec, code, data, machine and device, and on nothing else: every
epoch's order follows from seed and epoch, all other noise from one generator
whose state is in the checkpoint, and a held-out evaluation has a generator of
its own. So a killed run continues to the very weights of an unkilled one.
"""

import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vlae import batches, checkpoints, registry
from vlae.computing import compiled, number_format, resolve_device, set_up
from vlae.errors import UserError
from vlae.latent import Noise
from vlae.observation import observe
from vlae.prepared import Prepared, targets, taught
from vlae.progress import Progress, say
from vlae.schedules import kl_weight, learning_rate_factor
from vlae.seeds import derive, generator

SPLITS = ("train", "test")
CHECKPOINT, FINISHED = "state.safetensors", "finished.safetensors"


@dataclass
class Trained:
    """What a training leaves. `history` has one row per step, split and term."""

    weights: dict[str, Tensor]
    history: list[dict[str, Any]]
    seconds: float
    parameters: int


@dataclass
class _State:
    """Everything that changes from step to step."""

    model: Any  # of a module of vlae.models: no two have the same methods
    optimiser: torch.optim.Optimizer
    noise: torch.Generator
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items()}
        tensors["noise"] = self.noise.get_state()
        facts = {"step": self.step, "seconds": self.seconds, "history": self.history}
        checkpoints.save(path, tensors, facts)

    def restore(self, path: Path) -> None:
        tensors, facts = checkpoints.load(path)
        self.noise.set_state(tensors.pop("noise"))
        self.model.load_state_dict(_below("model.", tensors))
        optimiser = self.optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, key = name.split(".", 1)
            # In memory as the weights are: the fused optimiser takes no mixture.
            layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
            state.setdefault(int(index), {})[key] = tensor.to(memory_format=layout)
        self.optimiser.load_state_dict({**optimiser, "state": state})
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.history = facts["history"]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def build_model(spec: dict[str, Any]) -> Any:
    """The model of a run spec, with initial weights that follow from its seed.

    Its weights lie channels last in memory, for which convolutions are faster.
    """
    module = registry.load("models", spec["network"]["model"])
    torch.manual_seed(derive(spec["seed"], "initial weights"))
    model = module.build(spec["network"], spec["objective"], spec["data"])
    return model.to(memory_format=torch.channels_last)


def train(
    spec: dict[str, Any],
    data: Prepared,
    folder: Path,
    checkpoint_seconds: float = 60.0,
    data_memory_mb: int = 4000,
) -> Trained:
    """Run, or continue, the training of `spec`.

    Args:
        spec: a run spec (see `Configuration.run_spec`).
        data: prepared data with splits train and test.
        folder: checkpoint folder that belongs to this spec, code and data alone.
        checkpoint_seconds: seconds of work that a kill may cost.
        data_memory_mb: memory for images, in 10^6 bytes; more of them are read from
            their files while training. Changes no bit.

    Raises:
        UserError: non-finite loss, no such device, folder in use, a broken
            checkpoint, or images that cannot be read.
    """
    set_up(spec)
    device = resolve_device(spec["device"])
    with checkpoints.exclusive(folder):
        trainer = _Trainer(spec, data, device, data_memory_mb)
        finished = folder / FINISHED
        if finished.exists():
            say(f"[{trainer.name}] already finished, taken from {finished}")
            weights, facts = checkpoints.load(finished)
            return Trained(weights, **facts)
        with closing(trainer):
            result = trainer.run(folder / CHECKPOINT, checkpoint_seconds)
        facts = {
            "history": result.history,
            "seconds": result.seconds,
            "parameters": result.parameters,
        }
        checkpoints.save(finished, result.weights, facts)
        (folder / CHECKPOINT).unlink(missing_ok=True)
        return result


class _Trainer:
    def __init__(
        self,
        spec: dict[str, Any],
        data: Prepared,
        device: torch.device,
        data_memory_mb: int = 4000,
    ) -> None:
        self.spec, self.device = spec, device
        self.name = f"{spec['dataset']}/{spec['run']}/{spec['seed']}"
        self.settings = spec["training"]
        self.images = batches.opened(
            {s: data.images(s) for s in SPLITS},
            {"train": sys.maxsize, "test": spec["evaluation"]["images"]},
            device,
            data_memory_mb * 1_000_000,
            self.name,
        )
        size, count = self.settings["batch_size"], len(self.images["train"])
        if size > count:
            raise UserError(
                f"{self.name}: training.batch_size is {size}, but there are {count} "
                "training images. Lower it."
            )
        self.order = batches.Order(count, size, spec["seed"], device)
        self.labels = {s: _labels(data, s, spec["data"], device) for s in SPLITS}
        model = build_model(spec).to(device)
        optimiser = torch.optim.Adam(
            model.parameters(), self.settings["learning_rate"], fused=True
        )
        # Asking the model for them at every step takes longer than a small step.
        self.parameters = list(model.parameters())
        self.losses = compiled(self._losses, spec["compile"])
        noise = generator(device, spec["seed"], "training noise")
        self.state = _State(model, optimiser, noise)
        self.first_bad = torch.full((), -1, device=device)

    def close(self) -> None:
        for images in self.images.values():
            images.close()

    def run(self, checkpoint: Path, checkpoint_seconds: float) -> Trained:
        state, steps = self.state, self.settings["steps"]
        if checkpoint.exists():
            state.restore(checkpoint)
            say(f"[{self.name}] continues from step {state.step} of {steps}")
        progress = Progress(self.name, steps, "step", start=state.step)
        every = self.spec["evaluation"]["every"]
        started = saved = time.monotonic()
        before = state.seconds
        state.model.train()
        while state.step < steps:
            if state.step % every == 0:
                self._evaluate()
            terms = self._step()
            state.step += 1
            if progress.due(state.step):
                self._check_finite()
                progress.update(state.step, _describe(terms))
            state.seconds = before + time.monotonic() - started
            if time.monotonic() - saved >= checkpoint_seconds:
                self._check_finite()
                state.save(checkpoint)
                saved = time.monotonic()
        self._check_finite()
        self._evaluate()
        state.seconds = before + time.monotonic() - started
        parameters = sum(p.numel() for p in self.parameters)
        weights = {k: v.cpu().contiguous() for k, v in state.model.state_dict().items()}
        return Trained(weights, state.history, state.seconds, parameters)

    def _step(self) -> dict[str, Tensor]:
        spec, state, settings = self.spec, self.state, self.settings
        rows = self.order(state.step)
        images = self.images["train"].batch(self.order, state.step)
        x, target = observe(images, spec["data_noise"], state.noise)
        noise = state.model.draw_noise(len(rows), state.noise)
        steps = settings["steps"]
        weight = kl_weight(spec["objective"]["kl_warmup"], state.step, steps)
        labels = self.labels["train"][rows]
        # The weight as a tensor: a compiled function is made anew for a new number.
        terms, loss = self.losses(
            x, target, labels, noise, torch.tensor(weight, device=self.device)
        )
        state.optimiser.zero_grad()
        loss.backward()
        norm = self._clip()
        bad = ~(torch.isfinite(loss) & torch.isfinite(norm)) & (self.first_bad < 0)
        self.first_bad = torch.where(bad, state.step, self.first_bad)
        factor = learning_rate_factor(settings["learning_rate_tail"], state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = settings["learning_rate"] * factor
        state.optimiser.step()
        return terms

    def _clip(self) -> Tensor:
        """Limit the norm of the whole gradient; the norm before."""
        limit = self.settings["gradient_clip"]
        norm = nn.utils.get_total_norm([p.grad for p in self.parameters])
        # On a GPU asking would wait for it; on a processor it saves a pass over all.
        if self.device.type != "cpu" or norm > limit:
            nn.utils.clip_grads_with_norm_(self.parameters, limit, norm)
        return norm

    def _losses(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise, weight: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        model = self.state.model
        with number_format(self.device, self.spec["precision"]):
            terms = model.terms(x, target, labels, noise)
            return terms, model.loss(terms, weight)

    def _check_finite(self) -> None:
        step = int(self.first_bad)
        if step >= 0:
            raise UserError(
                f"{self.name}: the loss or its gradient is not finite at step {step}. "
                "The last good checkpoint, if any, is kept. Lower "
                "training.learning_rate or training.gradient_clip, or raise the "
                "scale of the likelihood."
            )

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Append the mean of every term on train and held-out images."""
        model, spec = self.state.model, self.spec
        model.eval()
        for split in SPLITS:
            noise = generator(self.device, spec["seed"], "evaluation", split)
            count = min(spec["evaluation"]["images"], len(self.images[split]))
            sums: dict[str, Tensor] = {}
            for start in range(0, count, 500):
                rows = slice(start, min(start + 500, count))
                images = self.images[split].rows(rows)
                x, target = observe(images, spec["data_noise"], noise)
                terms = model.terms(
                    x, target, self.labels[split][rows], model.draw_noise(len(x), noise)
                )
                for term, values in model.summary(terms).items():
                    sums[term] = sums.get(term, 0) + values.cpu().double().sum()
            self.state.history += [
                {
                    "step": self.state.step,
                    "split": "held-out" if split == "test" else split,
                    "term": term,
                    "value": float(total) / count,
                }
                for term, total in sums.items()
            ]
        model.train()


def _labels(
    data: Prepared, split: str, facts: dict[str, Any], device: torch.device
) -> Tensor:
    return torch.tensor(targets(data.table(split, taught(facts)), facts), device=device)


def _describe(terms: dict[str, Tensor]) -> str:
    return ", ".join(f"{k} {v.mean().item():.1f}" for k, v in terms.items())
