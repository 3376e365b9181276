"""Self-contained HTML pages from the templates in `report/`."""

from pathlib import Path

import jinja2

from vlae.system.checkout import ROOT

TEMPLATES = ROOT / "report"


def environment(templates: Path) -> jinja2.Environment:
    """Templates of a folder: strict about names, and whatever they show is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(templates: Path) -> str:
    return (templates / "style.css").read_text()


def script(templates: Path) -> str:
    return (templates / "report.js").read_text()
