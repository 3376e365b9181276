"""Merge and resolve configurations."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from vlae.config import configuration
from vlae.config.configuration import Configuration
from vlae.config.overlays import layered
from vlae.system.errors import UserError

JARGON = ("schema", "instance", "valid under", "is not of type", "does not match")


def merged(*overlays):
    """Return the paper's configuration with overlays, given as maps, on top."""
    return layered(overlays)


def resolved(*overlays):
    return Configuration(layered(overlays))


def refusal(overlay):
    """Return the message that refuses an overlay, given as YAML: one plain line."""
    with TemporaryDirectory() as folder, pytest.raises(UserError) as caught:
        path = Path(folder, "overlay.yaml")
        path.write_text(overlay, encoding="utf-8")
        configuration.load([path])
    message = str(caught.value)
    assert not [jargon for jargon in JARGON if jargon in message]
    assert "\n" not in message
    return message
