"""Measured properties of images; `datasets.*.measures` chooses modules by name.

Each module has `MEASURES`, the names of its properties in the order of tables, and
`measure(images)`: float images (N, C, H, W) in [0, 1] to a dict from name to values,
(N,) or, for a vector such as a colour, (N, d). NaN is an undefined property. A module
that cannot take any number of channels says which in `CHANNELS`.
"""
