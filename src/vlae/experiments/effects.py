"""Total-effect index of each layer on pixels, measured properties and the class."""

import numpy as np
import pandas as pd

from vlae.experiment import Context, Result
from vlae.measures import stroke_measures
from vlae.runs import classify, decode
from vlae.sensitivity import class_effect, total_effect

JUDGED = True


def run(context: Context) -> Result:
    """Table with columns layer, property, total_effect.

    Properties are of the mean image of p(x | z): `pixels`; thickness, slant, width
    and ink where the data show strokes; `class` as the data set's judge names it.
    """
    trained, judge = context.run, context.judge
    assert judge is not None
    stream = trained.stream("effects")
    count = context.settings["samples"]
    base = trained.model.draw_noise(count, stream)

    def properties(noise: list) -> dict[str, np.ndarray]:
        images = decode(trained, noise)
        found = {"pixels": images.cpu().numpy()}
        if context.spec["ink"]:
            found |= dict(stroke_measures(images[:, 0].cpu().numpy()).items())
        found["class"] = classify(judge, images).argmax(1)
        return {str(k): np.asarray(v) for k, v in found.items()}

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
