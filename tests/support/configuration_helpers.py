"""Merge and resolve configurations."""

import copy

import pytest
import yaml
from snakemake.utils import update_config

from vlae.config.configuration import Configuration
from vlae.config.overlays import BASE, extended
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

JARGON = ("schema", "instance", "valid under", "is not of type", "does not match")
LAYERS = [ROOT / "config" / f"{name}.yaml" for name in BASE]


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def merged(*overlays):
    """Return what the Snakefile makes of its configuration files and some overlays."""
    content: dict = {}
    for layer in (*map(read, LAYERS), *overlays):
        update_config(content, copy.deepcopy(layer))
    return content


def resolved(*overlays):
    top: dict = {}
    for overlay in overlays:
        update_config(top, copy.deepcopy(overlay))
    return Configuration(extended(merged(*overlays), top, ROOT))


def refusal(overlay):
    """Return the message that refuses an overlay, given as YAML: one plain line."""
    with pytest.raises(UserError) as caught:
        resolved(yaml.safe_load(overlay))
    message = str(caught.value)
    assert not [jargon for jargon in JARGON if jargon in message]
    assert "\n" not in message
    return message
