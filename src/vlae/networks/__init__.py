"""The torch-free plan of each model: layer shapes, checked before any work.

`networks/NAME.py` belongs to `models/NAME.py`. Its function `plan` turns a network of
the configuration into a plan of resolved layers, or says what is wrong with it. This
takes milliseconds and does not import torch, so that Snakemake can refuse an impossible
network before the first download.
"""
