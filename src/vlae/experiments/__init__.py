"""Experiments: each module turns a trained run into a table and arrays."""
