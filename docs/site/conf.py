"""Settings of the site that `make docs` builds with Sphinx.

The source folder is the whole repository, so that the links between its Markdown files
are the links of the site, and no page is written twice.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "src"), str(HERE)]

import vlae

# What is built

project = "vlae"
author = copyright = "the vlae authors"
release = vlae.__version__
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "config/README.md",
    "docs/*.ipynb",
    "docs/*.md",
    "reference/README.md",
    "src/vlae/**__init__.py",
]
_FOLDERS = {"config", "docs", "reference", "src"}
exclude_patterns = [
    path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in _FOLDERS
]
"""Folders such as .venv and results are not even searched."""

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sources",
    "links",
]
repository = os.environ.get("VLAE_REPOSITORY", "").rstrip("/")
"""Address of the repository on its host, to which links to files lead.

Without one, such links are plain text.
"""

# Markdown, as on a code host

myst_heading_anchors = 6
smartquotes = False
highlight_language = "none"

# Docstrings

default_role = "code"
add_module_names = False
toc_object_entries = False  # a room has hundreds
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_custom_sections = [("Keys of the criterion", "params_style")]
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# Every reference to a public name of ours must lead somewhere, type variables aside.
# Those to other projects would need a network.

nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!vlae\.).*|.*\._.*|.*T_co")]

# Appearance

html_theme = "furo"
html_title = f"vlae {release}"
html_additional_pages = {"index": "redirect.html"}
html_copy_source = False
html_js_files = ["accessible.js"]
html_static_path = ["static"]
templates_path = ["templates"]
