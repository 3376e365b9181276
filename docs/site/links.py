"""Links and pictures that do not lead to a page of the site."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sources import dotted_name
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform; called by Sphinx."""
    app.add_config_value("repository", "", "env", str)
    app.add_transform(LinksToFiles)
    return {"parallel_read_safe": True}


class LinksToFiles(SphinxTransform):
    """Let links of Markdown to files of the repository lead to the repository's host.

    Without an address of the host only their text is left. Links to a Python module
    lead to its docstrings. Those to what does not exist are left for Sphinx to report.
    """

    default_priority = 5  # before pictures and downloads are collected

    def apply(self) -> None:
        """Replace the links and pictures of one page."""
        root, page = Path(self.env.srcdir), Path(self.env.doc2path(self.env.docname))
        for link in [*self.document.findall(is_link)]:
            if link["refdomain"] == "doc" and link["reftarget"] in self.env.found_docs:
                continue
            path = Path(os.path.normpath(page.parent / link["reftarget"]))
            if link["refdomain"] == "doc":
                path = source(root / link["reftarget"], self.config.source_suffix)
            if is_public_module(path, root):
                self.lead_to_module(link, path)
            elif path.exists() or not path.is_relative_to(root):
                self.replace(link, path, root)
        for image in [*self.document.findall(nodes.image)]:
            path = Path(os.path.normpath(page.parent / image["uri"]))
            if "://" not in image["uri"] and not path.is_relative_to(root):
                self.replace_image(image, path, root)

    def address(self, path: Path, root: Path) -> str:
        """Return the address of a file on the host, or "" if no host is known.

        A path that leaves the repository, such as that of a badge, is one of the host,
        as a browser resolves it there.
        """
        repository: str = self.config.repository
        kind = "tree" if path.is_dir() else "blob"
        relative = os.path.relpath(path, root)
        return repository and urljoin(f"{repository}/{kind}/main/", relative)

    def lead_to_module(self, link: nodes.Element, path: Path) -> None:
        """Turn the link to a file into one to what the site says of the module."""
        module = addnodes.pending_xref(
            refdomain="py",
            reftype="mod",
            reftarget=dotted_name(path),
            refexplicit=True,
            refdoc=self.env.docname,
        )
        module.extend(child.deepcopy() for child in link.children)
        link.replace_self(module)

    def replace(self, link: nodes.Element, path: Path, root: Path) -> None:
        """Put a link to the host, or the text alone, in place of a link."""
        address = self.address(path, root)
        children = [child.deepcopy() for child in link.children]
        if address:
            link.replace_self(nodes.reference("", "", *children, refuri=address))
        else:
            link.replace_self(children)

    def replace_image(self, image: nodes.image, path: Path, root: Path) -> None:
        """Take a picture, such as a badge, from the host, or leave its text."""
        address = self.address(path, root)
        if address:
            image["uri"] = address
        else:
            image.replace_self(nodes.Text(image.get("alt", "")))


def is_link(node: nodes.Node) -> bool:
    """Tell whether a node is a link of Markdown to something in the repository."""
    kinds = (addnodes.download_reference, addnodes.pending_xref)
    return isinstance(node, kinds) and node.get("reftype") == "myst"


def source(page: Path, suffixes: Iterable[str]) -> Path:
    """Return the file of a page, of which only the path without suffix is known."""
    paths = [page.with_name(page.name + suffix) for suffix in suffixes]
    return next(path for path in paths if path.exists())


def is_public_module(path: Path, root: Path) -> bool:
    """Tell whether a path is that of a public module, or the folder of a package."""
    if not path.is_relative_to(root / "src") or path.stem.startswith("_"):
        return False
    module = path.suffix == ".py" and path.is_file()
    return module or (path / "__init__.py").is_file()
