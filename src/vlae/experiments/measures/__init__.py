"""Properties that are measured on images; `datasets.*.measures` chooses modules.

Each module has `MEASURES`, the names of its properties in the order of tables, and
`measure(images)`, which takes float images (N, C, H, W) in [0, 1] and returns a dict
from name to values: (N,) or, for a vector such as a colour, (N, d). NaN means that the
property is undefined. Images are decoded by models or prepared data, so a module need
not check them. A module that works only for some numbers of channels lists these in
`CHANNELS`.

A name stands for one property: no two modules share one, `class` and `pixels` are
taken, and in the experiment `codes` a column of the data's own table with the same
name takes the place of the measure. Claims range over all properties that the data set
measures, so a module that is added to a data set takes part in what decides them.
"""
