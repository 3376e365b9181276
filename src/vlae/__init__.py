"""Variational ladder autoencoders and hierarchical VAEs: Zhao, Song, Ermon 2017."""

__version__ = "0.1.0"
