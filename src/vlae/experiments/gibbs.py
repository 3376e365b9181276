"""Figure 2: a Gibbs chain that never looks at a prior, beside ancestral samples.

Proposition 1: if q(z_1|x) p_data(x) = p(x|z_1) p(z_1), the chain z_1 ~ q(z_1|x),
x ~ p(x|z_1) (Eq. 6) converges to p_data without ever looking at the layers above.
Where p(x|.) sees all layers, or z_1 is inferred from those above it, the chain is
z ~ q(z|x), x ~ p(x|z), which does without p(z).
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import entr
from torch import Tensor

from vlae.experiment import Context, Result
from vlae.latent import LatentVariableModel
from vlae.observation import observe
from vlae.progress import Progress
from vlae.runs import classify, decode, grey_levels

JUDGED = "required"
CHAINS = ("data", "noise")


@torch.no_grad()
def run(context: Context) -> Result:
    """Judge ancestral samples and both chains; keep images of the first ones.

    The table has columns arm, step, confident (share of images whose class the
    judge gives at least the configured probability), class_entropy (of the classes
    it names, in nats) and images. Arms are held_out (images), reconstructions,
    ancestral, and the chains from data and from noise at every step; all but the
    first are means of p(x | z), of a chain's last draw of z. Step 0 of a chain is
    its start, before any draw.

    Arrays: `held_out`, `reconstructions`, `ancestral`, `data_STEP` and `noise_STEP`,
    each (shown, C, H, W) uint8.
    """
    trained, settings = context.run, context.settings
    judge = context.judge
    assert judge is not None
    shown, stream = settings["shown"], trained.stream("gibbs")
    arrays: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []

    def look(arm: str, step: int, images: Tensor) -> None:
        found = confidence(classify(judge, images), settings["confident"])
        rows.append({"arm": arm, "step": step, **found, "images": len(images)})
        name = f"{arm}_{step}" if arm in CHAINS else arm
        arrays[name] = grey_levels(images[:shown])

    model = trained.model
    steps = sorted(set(settings["steps"]))
    held_out = context.data.images("test")[: settings["chains"]]
    pixels, count = torch.tensor(held_out, device=trained.device), len(held_out)
    data_noise = trained.spec["data_noise"]
    look("held_out", 0, pixels.float() / 255)
    x, _ = observe(pixels, data_noise, stream)
    look("reconstructions", 1, gibbs_step(model, x, stream)[0])
    look("ancestral", 1, decode(trained, model.draw_noise(count, stream)))
    random = torch.rand(pixels.shape, generator=stream, device=trained.device)
    for arm, start in zip(CHAINS, (pixels, (random * 255).byte()), strict=True):
        look(arm, 0, start.float() / 255)
        name = f"{trained.spec['dataset']}/{trained.spec['run']} chain from {arm}"
        progress = Progress(name, steps[-1], "step")
        x, _ = observe(start, data_noise, stream)
        for step in range(1, steps[-1] + 1):
            mean, x = gibbs_step(model, x, stream)
            if step in steps:
                look(arm, step, mean)
            progress.update(step)
    return Result(pd.DataFrame(rows), arrays)


def gibbs_step(
    model: LatentVariableModel, x: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """z ~ q(z|x), as far as p(x|z) sees it, then x' ~ p(x'|z) (Eq. 6).

    Returns:
        the mean of p(x'|z) and the draw x', both of the shape of x.
    """
    options: dict[str, Any] = {"device": x.device, "dtype": x.dtype}
    noise = [
        torch.randn(len(x), size, generator=generator, **options)
        for size in model.resampled_sizes
    ]
    latents = model.resample(x, noise)
    mean, scale = model.likelihood(model.decoder(latents))
    return mean, model.likelihood.sample(mean, scale, generator)


def confidence(probabilities: np.ndarray, threshold: float) -> dict[str, float]:
    """Share of images with a class of at least `threshold`; entropy of the classes.

    Args:
        probabilities: (N, classes), rows summing to 1.
        threshold: in (0, 1).

    Returns:
        `confident` in [0, 1], and `class_entropy` of the most probable classes in
        nats, from 0 to log(classes).
    """
    counts = np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])
    return {
        "confident": float((probabilities.max(1) >= threshold).mean()),
        "class_entropy": float(entr(counts / counts.sum()).sum()),
    }
