"""Experiments: each module turns a trained run into tables and arrays."""
