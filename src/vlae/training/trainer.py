"""Training: from a run spec and prepared data to weights and a history.

Bits depend on spec, code, data, machine and device, and on nothing else: every
epoch's order follows from seed and epoch, all other noise from one generator
whose state is in the checkpoint, and a held-out evaluation has a generator of
its own. So a killed run continues to the very weights of an unkilled one. A signal
that asks it to end is obeyed between two steps, or within an evaluation.
"""

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vlae.config.run_spec import DataFacts, RunSpec
from vlae.data.noise import observe
from vlae.data.prepared import Prepared, targets, taught
from vlae.models.base import Noise, build_model
from vlae.system.code_hash import training_code
from vlae.system.errors import UserError
from vlae.system.files import digest
from vlae.system.progress import Progress, say
from vlae.system.random_streams import generator
from vlae.system.signals import Request, Stopped, postponed
from vlae.training import batches
from vlae.training import checkpoint as checkpoints
from vlae.training import weights as weight_files
from vlae.training.checkpoint import FACTS, State
from vlae.training.device import (
    compiled,
    device_name,
    number_format,
    resolve_device,
    set_up,
)
from vlae.training.evaluation import evaluate
from vlae.training.schedules import kl_weight, learning_rate_factor

SPLITS = ("train", "test")
CHECKPOINT, FINISHED = "state.safetensors", "finished.safetensors"


@dataclass
class Trained:
    """What a training leaves. `history` has one row per step, split and term."""

    weights: dict[str, Tensor]
    history: list[dict[str, Any]]
    seconds: float
    parameters: int
    device: str
    """The name of what it was trained on, or ended on."""


def identity(spec: RunSpec, data: Prepared, device: torch.device) -> dict[str, str]:
    """What the bits of a training follow from, but for the machine: hashes by name."""
    return {
        "spec": digest(spec.as_dict()),
        "code": training_code(spec.model),
        "data": digest(data.card["sha256"]),
        "device": str(device),
        "libraries": f"torch {torch.__version__}, numpy {np.__version__}",
    }


def train(
    spec: RunSpec,
    data: Prepared,
    folder: Path,
    checkpoint_seconds: float = 60.0,
    data_memory_mb: int = 4000,
    patience: float = checkpoints.PATIENCE,
) -> Trained:
    """Run, or continue, the training of `spec`.

    Args:
        spec: a run spec (see `Configuration.run_spec`).
        data: prepared data with splits train and test.
        folder: checkpoint folder that belongs to this spec, code and data alone.
        checkpoint_seconds: seconds of work that a kill may cost; more only where one
            step or one evaluation takes longer.
        data_memory_mb: memory for images, in 10^6 bytes; more of them are read from
            their files while training. Changes no bit.
        patience: seconds to wait for another process that trains it.

    Raises:
        UserError: non-finite loss, no such device, folder in use, a checkpoint that is
            broken or another training's, a full disk, or images that cannot be read.
        Stopped: by a signal. What was done is saved.
    """
    set_up(spec)
    device = resolve_device(spec.device)
    with checkpoints.exclusive(folder, spec.name, patience):
        trainer = _Trainer(spec, data, device, data_memory_mb)
        finished = folder / FINISHED
        with closing(trainer):
            if finished.exists():
                weights, facts = trainer.state.finished(finished)
                say(f"[{trainer.name}] already finished, taken from {finished}")
                return Trained(weights, **facts)
            with postponed() as trainer.request:
                result = trainer.run(folder / CHECKPOINT, checkpoint_seconds)
                facts = {key: getattr(result, key) for key in FACTS}
                facts["identity"] = trainer.state.identity
                weight_files.save(finished, result.weights, facts)
                (folder / CHECKPOINT).unlink(missing_ok=True)
        return result


class _Trainer:
    def __init__(
        self,
        spec: RunSpec,
        data: Prepared,
        device: torch.device,
        data_memory_mb: int = 4000,
    ) -> None:
        self.spec, self.device = spec, device
        self.name = spec.name
        self.settings = spec.training
        self.images = batches.opened(
            {s: data.images(s) for s in SPLITS},
            {"train": sys.maxsize, "test": spec.evaluation.images},
            device,
            data_memory_mb * 1_000_000,
            self.name,
        )
        size, count = self.settings.batch_size, len(self.images["train"])
        if size > count:
            raise UserError(
                f"{self.name}: training.batch_size is {size}, but there are {count} "
                "training images. Lower it."
            )
        self.order = batches.Order(count, size, spec.seed, device)
        self.labels = {s: _labels(data, s, spec.data, device) for s in SPLITS}
        model = build_model(spec).to(device)
        optimiser = torch.optim.Adam(
            model.parameters(), self.settings.learning_rate, fused=True
        )
        # Asking the model for them at every step takes longer than a small step.
        self.parameters = list(model.parameters())
        self.losses = compiled(self._losses, spec.compile)
        noise = generator(device, spec.seed, "training noise")
        bits = identity(spec, data, device)
        self.state = State(model, optimiser, noise, bits)
        self.request = Request()
        self.first_bad = torch.full((), -1, device=device)

    def close(self) -> None:
        for images in self.images.values():
            images.close()

    def run(self, checkpoint: Path, checkpoint_seconds: float) -> Trained:
        state, steps = self.state, self.settings.steps
        if checkpoint.exists():
            state.restore(checkpoint)
            say(f"[{self.name}] continues from step {state.step} of {steps}")
        before, started = state.seconds, time.monotonic()
        try:
            self._train(checkpoint, checkpoint_seconds)
        except Stopped as stopped:  # by `request`, so the state is whole
            self._check_finite()
            state.seconds = before + time.monotonic() - started
            state.save(checkpoint)
            stopped.next = (
                f"{self.name}: step {state.step} of {steps} is saved in {checkpoint}; "
                "the same command continues there."
            )
            raise
        state.seconds = before + time.monotonic() - started
        parameters = sum(p.numel() for p in self.parameters)
        weights = {k: v.cpu().contiguous() for k, v in state.model.state_dict().items()}
        name = device_name(self.device)
        return Trained(weights, state.history, state.seconds, parameters, name)

    def _train(self, checkpoint: Path, checkpoint_seconds: float) -> None:
        state, steps = self.state, self.settings.steps
        every = self.spec.evaluation.every
        progress = Progress(self.name, steps, "step", start=state.step)
        before, started = state.seconds, time.monotonic()
        saved, evaluating = started, 0.0
        state.model.train()
        while True:
            if state.step % every == 0 or state.step == steps:
                begun = time.monotonic()
                self._evaluate()
                evaluating = time.monotonic() - begun
            if state.step >= steps:
                return
            terms = self._step()
            state.step += 1
            if progress.due(state.step):
                self._check_finite()
                progress.update(state.step, _describe(terms))
            now = time.monotonic()
            # What comes before the next chance: a step, and maybe an evaluation.
            ahead = evaluating if state.step % every == 0 else 0.0
            if now - saved + ahead >= checkpoint_seconds:
                self._check_finite()
                state.seconds = before + now - started
                state.save(checkpoint)
                saved = time.monotonic()
            self.request.check()

    def _step(self) -> dict[str, Tensor]:
        spec, state, settings = self.spec, self.state, self.settings
        rows = self.order(state.step)
        images = self.images["train"].batch(self.order, state.step)
        x, target = observe(images, spec.data_noise, state.noise)
        noise = state.model.draw_noise(len(rows), state.noise)
        steps = settings.steps
        weight = kl_weight(spec.objective.kl_warmup, state.step, steps)
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
        factor = learning_rate_factor(settings.learning_rate_tail, state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = settings.learning_rate * factor
        state.optimiser.step()
        return terms

    def _clip(self) -> Tensor:
        """Limit the norm of the whole gradient; the norm before."""
        limit = self.settings.gradient_clip
        norm = nn.utils.get_total_norm([p.grad for p in self.parameters])
        # On a GPU asking would wait for it; on a processor it saves a pass over all.
        if self.device.type != "cpu" or norm > limit:
            nn.utils.clip_grads_with_norm_(self.parameters, limit, norm)
        return norm

    def _losses(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise, weight: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        model = self.state.model
        with number_format(self.device, self.spec.precision):
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

    def _evaluate(self) -> None:
        """Append what the model records of train and held-out images, or nothing."""
        model, step = self.state.model, self.state.step
        model.eval()
        rows: list[dict[str, Any]] = []
        for split in SPLITS:
            found = evaluate(
                model,
                self.spec,
                split,
                self.images[split],
                self.labels[split],
                self.request.check,
            )
            shown = {"step": step, "split": "held-out" if split == "test" else split}
            rows += [{**shown, "term": t, "value": v} for t, v in found.items()]
        model.train()
        self.state.history += rows


def _labels(
    data: Prepared, split: str, facts: DataFacts, device: torch.device
) -> Tensor:
    return torch.tensor(targets(data.table(split, taught(facts)), facts), device=device)


def _describe(terms: dict[str, Tensor]) -> str:
    return ", ".join(f"{k} {v.mean().item():.1f}" for k, v in terms.items())
