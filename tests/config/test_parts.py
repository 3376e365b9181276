"""The parts of a configuration, which are run and kept one by one."""

from typing import Any

from vlae.config import configuration
from vlae.system.checkout import ROOT


def decided(selection):
    """What each claim is decided on, by its name and run: the controls."""
    return {
        (claim, run): set(selection.controls(claim))
        for claim in selection.claims()
        for run in selection.claim_runs(claim)
    }


def test_the_parts_decide_together_what_the_whole_decides():
    whole = ROOT / "config" / "mnist-cpu-seeds.yaml"
    parts = sorted((ROOT / "config" / "parts").glob("*.yaml"))
    together: dict[Any, Any] = {}
    for part in parts:
        together |= decided(configuration.load([whole, part]).selection)
    assert together == decided(configuration.load([whole]).selection)
