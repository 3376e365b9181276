"""Self-contained HTML pages from the templates in the folder `report/`."""

from pathlib import Path

import jinja2

from vlae.system.files import atomic


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


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all.

    The name of a file, such as an overlay, may have bytes that are not UTF-8. They
    become question marks, since a page must not fail because it names the file.
    """
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
