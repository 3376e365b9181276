"""How strong the layers of the VLAE are before training, by start and width.

    python benchmarks/start.py

The ratio is that of two standard deviations over a batch of draws from the prior: of
what z_l adds to the merge, and of what comes from the layers above. T is the total
effect of redrawing a layer on the output of the decoder before its sigmoid. Each number
is a mean over the seeds.
"""

import numpy as np
import torch
from torch import Tensor

from vlae.config import configuration
from vlae.config.run_spec import KLWarmup, Objective
from vlae.models.vlae import VLAE, DecoderStage
from vlae.statistics.sensitivity import total_effect

SEEDS = (1, 2, 3)
DRAWS = 500
WIDTHS = (1.0, 0.5, 0.25, 0.125)
NORMAL = {
    "batch_norm_epsilon": 1e-5,
    "batch_norm_gain": True,
    "unnormed_weights": "normal",
}
STARTS = {"authors'": {}, "N(0, .02) everywhere": NORMAL}
OBJECTIVE = Objective("gaussian", "fixed", 0.25, KLWarmup("none"), 1.0)


def started(width: float, start: dict[str, object], seed: int) -> VLAE:
    """Return the untrained network; its batch norm takes the statistics of a batch."""
    network = configuration.load().content["networks"]["vlae-mnist"]
    torch.manual_seed(seed)
    settings = {**network, **start, "width": width, "batch_norm": "batch"}
    return VLAE(settings, OBJECTIVE, (1, 28, 28)).eval()


def logits(model: VLAE, codes: list[Tensor]) -> np.ndarray:
    """Return the output of the decoder before its sigmoid, (N, 1, 28, 28)."""
    return model.likelihood.mean(model.decoder(codes)).numpy()


def ratio(stage: DecoderStage, z: Tensor, above: Tensor) -> float:
    """Return the deviation of what z adds, in units of what comes from above."""
    added = stage.gate * stage.embed(z)
    return float(added.std(0).pow(2).mean().sqrt() / above.std(0).pow(2).mean().sqrt())


@torch.no_grad()
def measured(model: VLAE, seed: int) -> list[float]:
    """Return the ratios of layers 1 and 2, and T of layers 1, 2 and 3."""
    stream = torch.Generator().manual_seed(100 + seed)
    codes, others = (model.draw_noise(DRAWS, stream) for _ in range(2))
    ratios, above = [0.0, 0.0], model.stages[2](codes[2], None)
    for layer in (1, 0):
        stage = model.stages[layer]
        assert isinstance(stage, DecoderStage)
        ratios[layer] = ratio(stage, codes[layer], above)
        above = stage(codes[layer], above)
    base = logits(model, codes)
    for layer in range(3):
        redrawn = [*codes[:layer], others[layer], *codes[layer + 1 :]]
        ratios.append(total_effect(base, logits(model, redrawn)))
    return ratios


def main() -> None:
    """Print the table."""
    print(
        f"{'start':22}{'width':>6}{'z1/above':>10}{'z2/above':>10}  T of layers 1 2 3"
    )
    for name, start in STARTS.items():
        for width in WIDTHS:
            found = [measured(started(width, start, s), s) for s in SEEDS]
            first, second, *effects = np.mean(found, 0)
            listed = " ".join(f"{t:.3f}" for t in effects)
            print(f"{name:22}{width:>6g}{first:>10.3f}{second:>10.3f}  {listed}")


if __name__ == "__main__":
    main()
