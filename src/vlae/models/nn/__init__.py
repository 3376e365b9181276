"""Layers, likelihoods and distributions that models are built from."""
