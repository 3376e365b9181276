"""Properties that are measured on images; `datasets.*.measures` chooses modules.

Each module has `MEASURES`, the names of its properties in the order of tables, and
`measure(images)`, which takes float images (N, C, H, W) in [0, 1] and returns a dict
from name to values: (N,) or, for a vector such as a colour, (N, d). NaN means that the
property is undefined. Images are decoded by models or prepared data, so a module need
not check them. These constants are read without importing the module:

- `CHANNELS`: the numbers of channels that images may have, if the module works only for
  some.
- `WITHIN_CLASS`: the measures that are also taken within the class, less the mean of
  the class (`vlae.statistics.within_class`), where a classifier names classes. Such a
  property has the name of the measure and `_within_class`.
- `PART_OF`: measures that are a part of another one of the module, by name, with the
  name of that one: the luminance of a colour, say.

A name stands for one property: no two modules share one, `class` and `pixels` are
taken, and in the experiment `codes` a column of the data's own table with the same
name takes the place of the measure.

Claims that range over all properties range over those that are not a part of another
one, nor within the class: each thing is counted once. A module that is added to a data
set takes part in what decides these claims.
"""
