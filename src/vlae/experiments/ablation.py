"""Figure 3: the noise of one layer redrawn, that of all other layers fixed."""

import pandas as pd

from vlae.experiment import Context, Result
from vlae.runs import decode, grey_levels

FIXES_LAYERS = True


def run(context: Context) -> Result:
    """Arrays `layer_1` ... `layer_L`, each (count, C, H, W) uint8: that layer redrawn.

    The fixed noise is one draw, the same for every layer, unselected. The table
    gives the standard deviation of the pixels over each panel's images.
    """
    trained, count = context.run, context.settings["count"]
    model = trained.model
    stream = trained.stream("ablation")
    fixed = [e.expand(count, -1) for e in model.draw_noise(1, stream)]
    panels, rows = [], []
    for layer, redrawn in enumerate(model.draw_noise(count, stream)):
        noise = [*fixed[:layer], redrawn, *fixed[layer + 1 :]]
        images = decode(trained, noise)
        panels.append(grey_levels(images))
        rows.append({"layer": layer + 1, "pixel_std": images.std(0).mean().item()})
    table = pd.DataFrame(rows)
    return Result(table, {f"layer_{i + 1}": p for i, p in enumerate(panels)})
