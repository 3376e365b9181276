"""What Sphinx reads beside Markdown: Python modules, a notebook, and the index."""

import ast
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.parsers import RSTParser

import vlae


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the parsers; called by Sphinx."""
    app.add_source_suffix(".py", "python")
    app.add_source_parser(PackageParser)
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    app.add_lexer("mermaid", TextLexer)  # a diagram of few arrows, shown as text
    app.connect("source-read", add_contents)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)
    return {"parallel_read_safe": True}


# The index


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make the site's contents of the lists of links in the index."""
    if docname == app.config.root_doc:
        source[0] += contents(source[0])


def contents(index: str) -> str:
    """Return one hidden table of contents for each heading that has a list of links.

    Args:
        index: the Markdown text of the index. What counts are lines such as
            `- [Title](page.md): a sentence`; other links do not.
    """
    tables = []
    for section in re.split(r"^#+ ", index, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        links = re.findall(r"^- \[([^]]+)\]\(([^)]+)\)", text, re.MULTILINE)
        entries = "\n".join(
            f"{title} <{re.sub(r'[.](md|py|ipynb)$', '', path)}>"
            for title, path in links
        )
        if links:
            tables.append(
                f"\n\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{entries}\n```"
            )
    return "".join(tables)


# Python


class PackageParser(RSTParser):
    """A page for each package, made of the docstrings of its public modules."""

    supported = ("python",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse what `package_page` writes in place of the source of `__init__.py`."""
        env: BuildEnvironment = document.settings.env
        folder = Path(env.doc2path(env.docname)).parent
        for module in modules(folder):
            env.note_dependency(str(module))
        super().parse(package_page(folder), document)


def modules(folder: Path) -> list[Path]:
    """Return the public modules of a package, sorted by name."""
    return sorted(p for p in folder.glob("*.py") if not p.stem.startswith("_"))


def packages(folder: Path) -> list[Path]:
    """Return the folders of the packages directly in a package, sorted by name."""
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def dotted_name(path: Path) -> str:
    """Return the name by which a module or a package's folder is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[len(parts) - parts[::-1].index("src") :])


def first_sentence(path: Path) -> str:
    """Return the first line of the docstring of a module."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]


def package_page(folder: Path) -> str:
    """Return the page of a package as reStructuredText.

    It has the package's docstring and public names, a table of what is in it, and then
    the docstrings of each module. Packages in it have pages of their own.
    """
    inner = packages(folder)
    rows = [
        row
        for path in [*inner, *modules(folder)]
        for row in (
            f"   * - :py:mod:`{path.stem} <{dotted_name(path)}>`",
            f"     - {first_sentence(path if path.suffix else path / '__init__.py')}",
        )
    ]
    table = ["", ".. list-table::", "   :widths: auto", "", *rows]
    contents = ["", ".. toctree::", "   :hidden:", ""]
    contents += [f"   {dotted_name(p)} <{p.name}/__init__>" for p in inner]
    texts = [documented(dotted_name(path), "-") for path in modules(folder)]
    lines = [*documented(dotted_name(folder), "="), *table]
    return "\n".join([*lines, *contents, *(line for text in texts for line in text)])


def documented(name: str, underline: str) -> list[str]:
    """Return the lines that document one module, below a heading."""
    lines = ["", name, underline * len(name), "", f".. automodule:: {name}"]
    if name != "vlae":
        return [*lines, "   :members:", ""]
    for public in sorted(set(vlae.__all__) - {"__version__"}, key=class_last):
        if public.islower():
            lines += ["", f".. autofunction:: vlae.{public}"]
        else:
            # Docstrings refer to the error: its one target is where it is defined.
            option = ":no-index:" if public == "UserError" else ":members:"
            lines += ["", f".. autoclass:: vlae.{public}", f"   {option}"]
    return [*lines, ""]


def class_last(name: str) -> tuple[bool, str]:
    """Sort functions before classes, and either by name."""
    return not name.islower(), name


def keep_colons(
    app: Sphinx, what: str, name: str, described: Any, options: Any, lines: list[str]
) -> None:
    """Hide the first line of a variable's docstring from napoleon, which runs later.

    It would read "Values of a byte: its type" as a type and a text. It looks no further
    than an empty comment in front of it.
    """
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]


# The notebook


class NotebookParser(MystParser):
    """A notebook without outputs: its text and its code."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse the cells as one Markdown text."""
        super().parse(notebook_page(inputstring), document)


def notebook_page(notebook: str) -> str:
    """Return the cells of a notebook as Markdown, code between fences.

    Args:
        notebook: the content of the file, in version 4 of the format.
    """
    cells = [
        (cell["cell_type"], "".join(cell["source"]))
        for cell in json.loads(notebook)["cells"]
    ]
    return "\n\n".join(
        text if kind == "markdown" else f"```python\n{text}\n```"
        for kind, text in cells
    )
