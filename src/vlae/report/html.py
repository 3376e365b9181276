"""Self-contained HTML pages from the templates in the folder `report/`."""

from pathlib import Path

import jinja2


def environment(templates: Path) -> jinja2.Environment:
    """Return the templates below a folder.

    An unknown name in a template is an error, and everything shown is escaped.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(templates: Path) -> str:
    """Return the style sheet of the report, which comparisons use as well."""
    return (templates / "page" / "style.css").read_text(encoding="utf-8")


def script(templates: Path) -> str:
    """Return the script of the report."""
    return (templates / "page" / "report.js").read_text(encoding="utf-8")
