"""Figure 4: the graphs of inference and of generation, found in the model itself."""

import pandas as pd

from vlae.experiments import _dependence
from vlae.experiments.base import Context, Result
from vlae.system.random_streams import derive

COLUMNS = ["direction", "source", "target", "layers", "through", "sensitivity"]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS` with one row per edge.

    `direction` is `inference` or `generation`. Every edge leads to a variable that is
    drawn. `through` names the deterministic features on the way, separated by blanks.
    The other columns are the fields of `_dependence.Edge`.
    """
    trained, points = context.run, context.settings["points"]
    seed = derive(trained.spec.seed, "graph")
    image = trained.spec.data.shape
    found = {
        "inference": _dependence.inference(trained.model, image, points, seed),
        "generation": _dependence.generation(trained.model, points, seed),
    }
    rows = [
        (direction, e.source, e.target, e.layers, " ".join(e.through), e.sensitivity)
        for direction, edges in found.items()
        for e in edges
    ]
    return Result(pd.DataFrame(rows, columns=COLUMNS))
