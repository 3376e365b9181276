"""Pictures of a run: samples, reconstructions, redrawn layers, and grids of codes."""

import numpy as np
import pandas as pd
import torch

from vlae.experiments.base import Context
from vlae.training.trained_run import decode, grey_levels

Arrays = dict[str, np.ndarray]


@torch.no_grad()
def samples(context: Context) -> tuple[pd.DataFrame, Arrays]:
    """Return arrays `data`, `reconstructions`, `samples`, and their mean grey levels.

    There are as many images in each as the setting `samples`. Reconstructions are means
    of p(x | z) with z ~ q(z | x) for the held-out images `data`, samples the same with
    z ~ p(z). The table has one row per array; `mean_grey` is in [0, 1].
    """
    trained, count = context.run, context.settings["samples"]
    model, stream = trained.model, trained.stream("samples")
    held_out = context.held_out(count, stream)
    noise = model.draw_noise(len(held_out.x), stream)
    latents, _ = model.infer(held_out.x, noise)
    means, _ = model.likelihood(model.decoder(latents))
    arrays = {
        "data": held_out.images.cpu().numpy(),
        "reconstructions": grey_levels(means),
        "samples": grey_levels(decode(trained, model.draw_noise(count, stream))),
    }
    rows = [{"images": k, "mean_grey": v.mean() / 255} for k, v in arrays.items()]
    return pd.DataFrame(rows), arrays


def ablation(context: Context) -> tuple[pd.DataFrame, Arrays]:
    """Figures 3, 6 and 7: redraw the noise of one layer and keep that of all others.

    Return arrays `redrawn_1` ... `redrawn_L` and `kept_1`, and how much they vary. In
    `redrawn_l` only layer l is redrawn; in `kept_1` only the bottom layer is kept and
    all others are redrawn; there are as many images in each as the setting `redraws`.
    The kept noise is a single draw, the same for every array and not selected. The
    table has one row per array (`panel`); `pixel_std` is the standard deviation of a
    pixel over the images of the array in units of the full grey range, averaged over
    pixels.
    """
    trained, count = context.run, context.settings["redraws"]
    model = trained.model
    stream = trained.stream("ablation")
    kept = [e.expand(count, -1) for e in model.draw_noise(1, stream)]
    redrawn = model.draw_noise(count, stream)
    noises = {
        f"redrawn_{layer + 1}": [*kept[:layer], redrawn[layer], *kept[layer + 1 :]]
        for layer in range(len(kept))
    }
    noises["kept_1"] = [kept[0], *redrawn[1:]]
    arrays, rows = {}, []
    for name, noise in noises.items():
        images = decode(trained, noise)
        arrays[name] = grey_levels(images)
        rows.append({"panel": name, "pixel_std": images.std(0).mean().item()})
    return pd.DataFrame(rows), arrays


def traversal(context: Context) -> tuple[pd.DataFrame, Arrays]:
    """Figure 5: a grid over the code of one layer, the other layers redrawn per cell.

    Return arrays `grid_1` ... `grid_L`, and the codes of the grid's cells. Each array
    has `grid`^2 images, row by row. The first coordinate of the layer's code runs from
    -extent to extent along a row, the second from extent in the top row to -extent in
    the bottom row. All further coordinates of the layer and all other layers are
    redrawn in every cell. The table has one row per cell.
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
        arrays[f"grid_{layer + 1}"] = grey_levels(decode(trained, noise))
    table = pd.DataFrame(cells.cpu().numpy(), columns=["first", "second"])
    return table.rename_axis("cell").reset_index(), arrays
