"""Figures 3, 6 and 7: redraw the noise of one layer and keep that of all others."""

import pandas as pd

from vlae.experiments.base import Context, Result
from vlae.training.trained_run import decode, grey_levels


def run(context: Context) -> Result:
    """Return arrays `layer_1` ... `layer_L` and `kept_1`, and how much they vary.

    Each array is (count, C, H, W), uint8. In `layer_l` only layer l is redrawn; in
    `kept_1` only the bottom layer is kept and all others are redrawn. The kept noise is
    a single draw, the same for every array and not selected. The table has one row per
    array; `pixel_std` is the standard deviation of a pixel over the images of the array
    in units of the full grey range, averaged over pixels.
    """
    trained, count = context.run, context.settings["count"]
    model = trained.model
    stream = trained.stream("ablation")
    kept = [e.expand(count, -1) for e in model.draw_noise(1, stream)]
    redrawn = model.draw_noise(count, stream)
    noises = {
        f"layer_{layer + 1}": [*kept[:layer], redrawn[layer], *kept[layer + 1 :]]
        for layer in range(len(kept))
    }
    noises["kept_1"] = [kept[0], *redrawn[1:]]
    panels, rows = {}, []
    for name, noise in noises.items():
        images = decode(trained, noise)
        panels[name] = grey_levels(images)
        rows.append({"panel": name, "pixel_std": images.std(0).mean().item()})
    return Result(pd.DataFrame(rows), panels)
