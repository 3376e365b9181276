"""Total-effect index of each layer on pixels, measured properties and the class."""

import numpy as np
import pandas as pd

from vlae import registry
from vlae.experiment import Context, Result
from vlae.runs import classify, decode
from vlae.sensitivity import class_effect, total_effect

JUDGED = True
MEASURED = True


def run(context: Context) -> Result:
    """Table with columns layer, property, total_effect.

    Properties are of the mean image of p(x | z): `pixels`; those of the data set's
    measures (:mod:`vlae.measures`); `class` as the data set's judge names it.
    """
    trained, judge = context.run, context.judge
    assert judge is not None
    stream = trained.stream("effects")
    measures = [registry.load("measures", m) for m in context.spec["measures"]]
    count = context.settings["samples"]
    base = trained.model.draw_noise(count, stream)

    def properties(noise: list) -> dict[str, np.ndarray]:
        images = decode(trained, noise)
        pixels = images.cpu().numpy()
        found = {"pixels": pixels}
        for module in measures:
            found |= module.measure(pixels)
        return {**found, "class": classify(judge, images).argmax(1)}

    before, rows = properties(base), []
    for layer, redrawn in enumerate(trained.model.draw_noise(count, stream)):
        after = properties([*base[:layer], redrawn, *base[layer + 1 :]])
        for name, values in before.items():
            index = class_effect if name == "class" else total_effect
            rows.append(
                {
                    "layer": layer + 1,
                    "property": name,
                    "total_effect": index(values, after[name]),
                }
            )
    return Result(pd.DataFrame(rows))
