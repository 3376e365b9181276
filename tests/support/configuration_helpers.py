"""Configurations, merged and resolved."""

import copy

import yaml
from snakemake.utils import update_config

from vlae.config.configuration import Configuration
from vlae.config.overlays import BASE, extended
from vlae.system.checkout import ROOT

LAYERS = [ROOT / "config" / f"{name}.yaml" for name in BASE]


def read(path):
    return yaml.safe_load(path.read_text())


def merged(*overlays):
    """What the Snakefile makes of its configuration files and some on top."""
    content: dict = {}
    for layer in (*map(read, LAYERS), *overlays):
        update_config(content, copy.deepcopy(layer))
    return content


def resolved(*overlays):
    top: dict = {}
    for overlay in overlays:
        update_config(top, copy.deepcopy(overlay))
    return Configuration(extended(merged(*overlays), top, ROOT))
