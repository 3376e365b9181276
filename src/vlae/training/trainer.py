"""Training: from a run spec and prepared data to weights and a history.

The bits of a training follow from spec, code, data, machine and device, and from
nothing else: the order of every epoch follows from seed and epoch, all other noise
comes from one generator whose state is in the checkpoint, and a held-out evaluation has
a generator of its own. A killed training therefore continues to exactly the weights of
an uninterrupted one. A signal that asks the process to end takes effect between two
steps or two batches of an evaluation.
"""

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vlae.config.run_spec import DataFacts, RunSpec
from vlae.config.term_names import ELBO, RECONSTRUCTION, kl_terms
from vlae.data.noise import observe
from vlae.data.prepared import Prepared, targets, taught
from vlae.models.base import LatentVariableModel, Noise, build_model
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
from vlae.training.live import Live
from vlae.training.schedules import learning_rate_factor, presence
from vlae.training.stopwatch import Stopwatch

SPLITS = ("train", "test")
CHECKPOINT, FINISHED = "state.safetensors", "finished.safetensors"


@dataclass
class Trained:
    """What a training leaves."""

    weights: dict[str, Tensor]
    """State of the model by name, on the CPU."""
    history: list[dict[str, Any]]
    """Rows with `step`, `split`, `term` and `value`; one row per combination."""
    seconds: float
    """Seconds of work over all attempts."""
    parameters: int
    """Number of trained numbers."""
    device: str
    """Name of the device of the attempt that finished the training."""


def identity(spec: RunSpec, data: Prepared, device: torch.device) -> dict[str, str]:
    """Return what the bits of a training follow from, except the machine, by name."""
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
    patience: float = checkpoints.LOCK_TIMEOUT_S,
) -> Trained:
    """Run the training of `spec`, or continue it from its checkpoint.

    Args:
        spec: the settings of the training.
        data: prepared data with splits train and test.
        folder: checkpoint folder that belongs to this spec, code and data alone.
        checkpoint_seconds: seconds of work that a kill may cost; more are lost only
            where one step or one evaluation takes longer.
        data_memory_mb: memory for images, in 10^6 bytes; further images are read from
            their files while training. It does not change the result.
        patience: seconds to wait for another process that runs the same training.

    Raises:
        UserError: if the loss is not finite, the device is missing, the folder is in
            use, a checkpoint is broken or belongs to another training, the disk is
            full, or images cannot be read.
        Stopped: on a signal, after a checkpoint was saved.
    """
    set_up(spec)
    device = resolve_device(spec.device)
    with checkpoints.exclusive(folder, spec.name, patience):
        trainer = _Trainer(spec, data, device, data_memory_mb)
        live = Live(folder, spec.name, spec.training.steps)
        finished = folder / FINISHED
        with closing(trainer):
            if finished.exists():
                weights, facts = trainer.state.finished(finished)
                live.begin(spec.training.steps, facts["history"])
                live.finished()
                say(f"[{spec.name}] already finished, taken from {finished}")
                return Trained(weights, **facts)
            with postponed() as trainer.request:
                result = trainer.run(folder / CHECKPOINT, checkpoint_seconds, live)
                facts = {key: getattr(result, key) for key in FACTS}
                facts["identity"] = trainer.state.identity
                weight_files.save(finished, result.weights, facts)
                (folder / CHECKPOINT).unlink(missing_ok=True)
                live.finished()
        return result


class _Trainer:
    """One training: its images, its state, and the loop over its steps.

    `state` is whole between two steps: there it may be evaluated, saved or left.

    Args:
        spec: the settings of the training.
        data: prepared data with splits train and test.
        device: where the model and, if they fit, the images lie.
        data_memory_mb: memory for images, in 10^6 bytes.

    Raises:
        UserError: if there are fewer training images than one batch takes, or images
            cannot be read.
    """

    def __init__(
        self,
        spec: RunSpec,
        data: Prepared,
        device: torch.device,
        data_memory_mb: int = 4000,
    ) -> None:
        self.spec, self.settings, self.device = spec, spec.training, device
        self.images = batches.opened(
            {split: data.images(split) for split in SPLITS},
            {"train": sys.maxsize, "test": spec.evaluation.images},
            device,
            data_memory_mb * 1_000_000,
            spec.name,
        )
        size, count = self.settings.batch_size, len(self.images["train"])
        if size > count:
            raise UserError(
                f"{spec.name}: training.batch_size is {size}, but there are {count} "
                "training images. Lower it."
            )
        self.order = batches.Order(count, size, spec.stream, device)
        self.labels = {s: _labels(data, s, spec.data, device) for s in SPLITS}
        model = build_model(spec).to(device)
        optimiser = torch.optim.Adam(
            model.parameters(), self.settings.learning_rate, fused=True
        )
        # Asking the model for them at every step takes longer than a small step.
        self.parameters = list(model.parameters())
        self.losses = compiled(self._losses, spec.compile)
        noise = generator(device, *spec.stream, "training noise")
        self.state = State(model, optimiser, noise, identity(spec, data, device))
        self.request = Request()
        # On the device, so that a step does not wait for it; -1 while all is well.
        self.first_bad_step = torch.full((), -1, device=device)
        self.watch = Stopwatch()
        self.evaluation_seconds = 0.0

    def close(self) -> None:
        """Stop the threads that read images."""
        for images in self.images.values():
            images.close()

    def run(self, checkpoint: Path, checkpoint_seconds: float, live: Live) -> Trained:
        """Train to the last step, from the checkpoint if there is one.

        Args:
            checkpoint: file of the checkpoint.
            checkpoint_seconds: seconds of work after which it is written again.
            live: what others watch.

        Raises:
            Stopped: if `request` asks for it, after a checkpoint was saved.
        """
        state, steps = self.state, self.settings.steps
        if checkpoint.exists():
            state.restore(checkpoint)
            say(f"[{self.spec.name}] continues from step {state.step} of {steps}")
        self.watch = Stopwatch(state.seconds)
        live.begin(state.step, state.history)
        with live.noted(lambda: state.step):
            try:
                self._train(checkpoint, checkpoint_seconds, live)
            except Stopped as stopped:
                self._save(checkpoint)
                stopped.next = (
                    f"{self.spec.name}: step {state.step} of {steps} is saved in "
                    f"{checkpoint}; the same command continues there."
                )
                raise
        return self._result()

    def _train(self, checkpoint: Path, checkpoint_seconds: float, live: Live) -> None:
        """Take all remaining steps; report, save, stop and evaluate between them."""
        state, steps = self.state, self.settings.steps
        progress = Progress(self.spec.name, steps, "steps", start=state.step)
        state.model.train()
        if self._evaluation_due():
            self._evaluate()
            live.evaluated(state.history)
        while state.step < steps:
            terms = self._step()
            state.step += 1
            if progress.due(state.step):
                self._check_finite()
                live.seen(state.step, progress.rate(state.step))
                progress.update(state.step, _described(terms))
            if self._checkpoint_due(checkpoint_seconds):
                self._save(checkpoint)
            self.request.check()
            if self._evaluation_due():
                self._evaluate()
                live.evaluated(state.history)

    def _step(self) -> dict[str, Tensor]:
        """Take one step of the optimiser; return the terms of its batch, (B,) each."""
        state, settings = self.state, self.settings
        terms, loss = self._forward()
        state.optimiser.zero_grad()
        loss.backward()
        norm = self._clip()
        self._note_unless_finite(loss, norm)
        tail, steps = settings.learning_rate_tail, settings.steps
        factor = learning_rate_factor(tail, state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = settings.learning_rate * factor
        state.optimiser.step()
        return terms

    def _forward(self) -> tuple[dict[str, Tensor], Tensor]:
        """Return the terms (B,) and the loss () of the batch at this step."""
        spec, state = self.spec, self.state
        self._grow()
        rows = self.order(state.step)
        images = self.images["train"].batch(self.order, state.step)
        x, target = observe(images, spec.data_noise, state.noise)
        noise = state.model.draw_noise(len(rows), state.noise)
        warmup, steps = spec.objective.kl_warmup, self.settings.steps
        # The weight is a tensor, since a new number makes a compiled function compile
        # again.
        weight = torch.tensor(warmup.weight(state.step, steps), device=self.device)
        found: tuple[dict[str, Tensor], Tensor] = self.losses(
            x, target, self.labels["train"][rows], noise, weight
        )
        return found

    def _grow(self) -> None:
        """Give the layers of a model that grows the presence of this step."""
        growing, model = self.settings.growing, self.state.model
        if growing.schedule != "none":
            assert isinstance(model, LatentVariableModel)
            layers, steps = len(model.latent_sizes), self.settings.steps
            model.grow(presence(growing, layers, self.state.step, steps))

    def _losses(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise, weight: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return terms and loss in the number format of the spec; may be compiled."""
        model = self.state.model
        with number_format(self.device, self.spec.precision):
            terms = model.terms(x, target, labels, noise)
            return terms, model.loss(terms, weight)

    def _clip(self) -> Tensor:
        """Limit the norm of the whole gradient; return the norm () before that."""
        limit = self.settings.gradient_clip
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        # On a GPU the comparison would wait for the norm; on a CPU it saves a pass.
        if self.device.type != "cpu" or norm > limit:
            nn.utils.clip_grads_with_norm_(self.parameters, limit, norm)
        return norm

    def _note_unless_finite(self, loss: Tensor, norm: Tensor) -> None:
        """Note on the device whether this step is the first that is not finite."""
        finite = torch.isfinite(loss) & torch.isfinite(norm)
        bad = ~finite & (self.first_bad_step < 0)
        self.first_bad_step = torch.where(bad, self.state.step, self.first_bad_step)

    def _check_finite(self) -> None:
        """Raise UserError if a step so far was not finite; waits for the device."""
        step = int(self.first_bad_step)
        if step >= 0:
            raise UserError(
                f"{self.spec.name}: the loss or its gradient is not finite at step "
                f"{step}. The last good checkpoint, if any, is kept. Lower "
                "training.learning_rate or training.gradient_clip, or raise the "
                "scale of the likelihood."
            )

    def _checkpoint_due(self, checkpoint_seconds: float) -> bool:
        """Return whether a kill before the next opportunity would cost too much.

        An evaluation that comes first is expected to take as long as the last one.
        """
        ahead = self.evaluation_seconds if self._evaluation_due() else 0.0
        return self.watch.unsaved + ahead >= checkpoint_seconds

    def _save(self, checkpoint: Path) -> None:
        """Write the checkpoint, unless a step so far was not finite (UserError)."""
        self._check_finite()
        self.state.seconds = self.watch.total
        self.state.save(checkpoint)
        self.watch.saved()

    def _evaluation_due(self) -> bool:
        """Return whether the state is one that the history records."""
        step = self.state.step
        return step % self.spec.evaluation.every == 0 or step == self.settings.steps

    def _evaluate(self) -> None:
        """Append the model's numbers for both splits to the history, or nothing."""
        model, step = self.state.model, self.state.step
        evaluation = Stopwatch()
        self._grow()
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
        self.evaluation_seconds = evaluation.total

    def _result(self) -> Trained:
        """Return what the finished training leaves."""
        state = self.state
        return Trained(
            weights={
                k: v.cpu().contiguous() for k, v in state.model.state_dict().items()
            },
            history=state.history,
            seconds=self.watch.total,
            parameters=sum(p.numel() for p in self.parameters),
            device=device_name(self.device),
        )


def _labels(
    data: Prepared, split: str, facts: DataFacts, device: torch.device
) -> Tensor:
    """Return the labels of a split, (N,) or (N, attributes), on the device."""
    return torch.tensor(targets(data.table(split, taught(facts)), facts), device=device)


def _described(terms: dict[str, Tensor]) -> str:
    """Return the batch means of terms (B,) for the progress line, the ELBO first."""
    means = {term: values.mean().item() for term, values in terms.items()}
    if RECONSTRUCTION not in means:
        return ", ".join(f"{term} {mean:z.3f}" for term, mean in means.items())
    elbo = means[RECONSTRUCTION] - sum(means[term] for term in kl_terms(means))
    return ", ".join(f"{k} {v:z.1f}" for k, v in {ELBO: elbo, **means}.items())
