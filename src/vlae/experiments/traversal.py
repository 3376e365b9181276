"""Figure 5: a grid over the code of one layer, the other layers redrawn per cell."""

import pandas as pd
import torch

from vlae.experiments.base import Context, Result
from vlae.training.trained_run import decode, grey_levels


def run(context: Context) -> Result:
    """Return arrays `layer_1` ... `layer_L`, and the codes of the grid's cells.

    Each array is (grid^2, C, H, W), uint8, row by row. The first coordinate of the
    layer's code runs from -extent to extent along a row, the second from extent in the
    top row to -extent in the bottom row. All further coordinates of the layer and all
    other layers are redrawn in every cell. The table has one row per cell.
    """
    trained, settings = context.run, context.settings
    model, side = trained.model, settings["grid"]
    stream = trained.stream("traversal")
    axis = torch.linspace(-1, 1, side, device=trained.device) * settings["extent"]
    vertical, horizontal = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    cells = torch.stack([horizontal.flatten(), vertical.flatten()], 1)
    arrays = {}
    for layer, size in enumerate(model.latent_sizes):
        noise = model.draw_noise(len(cells), stream)
        used = min(size, 2)
        noise[layer][:, :used] = cells[:, :used]
        arrays[f"layer_{layer + 1}"] = grey_levels(decode(trained, noise))
    table = pd.DataFrame(cells.cpu().numpy(), columns=["first", "second"])
    return Result(table.rename_axis("cell").reset_index(), arrays)
