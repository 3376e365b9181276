"""Figures 3, 6 and 7: the noise of one layer redrawn, that of all others fixed."""

import pandas as pd

from vlae.experiments.base import Context, Result
from vlae.training.trained_run import decode, grey_levels

FIXES_LAYERS = True


def run(context: Context) -> Result:
    """Arrays `layer_1` ... `layer_L`, each (count, C, H, W) uint8: that layer redrawn.

    The fixed noise is one draw, the same for every layer, unselected. `kept_1` is the
    converse for the bottom layer: it is fixed, all others are redrawn. The table gives
    the standard deviation of the pixels over the images of each array.
    """
    trained, count = context.run, context.settings["count"]
    model = trained.model
    stream = trained.stream("ablation")
    fixed = [e.expand(count, -1) for e in model.draw_noise(1, stream)]
    redrawn = model.draw_noise(count, stream)
    noises = {
        f"layer_{layer + 1}": [*fixed[:layer], redrawn[layer], *fixed[layer + 1 :]]
        for layer in range(len(fixed))
    }
    noises["kept_1"] = [fixed[0], *redrawn[1:]]
    panels, rows = {}, []
    for name, noise in noises.items():
        images = decode(trained, noise)
        panels[name] = grey_levels(images)
        rows.append({"panel": name, "pixel_std": images.std(0).mean().item()})
    return Result(pd.DataFrame(rows), panels)
