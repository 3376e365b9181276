"""What the generator makes of noise: pictures, and what each layer controls in them."""

from vlae.experiments import _effects, _pictures
from vlae.experiments.base import Context, Result

CLASSIFIER = "optional"
MEASURES_IMAGES = True
TABLES = ("samples", "ablation", "traversal", "effects")


def run(context: Context) -> Result:
    """Return the tables and arrays of `_pictures`, and the table of `_effects.effects`.

    They are one experiment since each takes less time than starting a process, and
    since most figures read both for the same runs.
    """
    found = {
        "samples": _pictures.samples(context),
        "ablation": _pictures.ablation(context),
        "traversal": _pictures.traversal(context),
        "effects": (_effects.effects(context), {}),
    }
    tables = {name: table for name, (table, _) in found.items()}
    arrays = {k: v for _, pictures in found.values() for k, v in pictures.items()}
    return Result(tables, arrays)
