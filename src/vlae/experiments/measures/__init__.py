"""Properties that are measured on images; `datasets.*.measures` chooses modules.

Each module has `MEASURES`, the names of its properties in the order of tables, and
`measure(images)`, which takes float images (N, C, H, W) in [0, 1] and returns a dict
from name to values: (N,) or, for a vector such as a colour, (N, d). NaN means that the
property is undefined. A module that works only for some numbers of channels lists these
in `CHANNELS`.
"""
