"""Data sets by name: each public module with a function `splits` is one.

`splits(definition, raw)` returns the splits `train` and `test`, see `base.Split`, from
the settings of a data set and the folder of its raw files. A module may also set the
constants `NEEDED` and `PARALLEL`, see `vlae.system.registry`.
"""
