"""What Sphinx is given beside Markdown, and links to files that are not pages."""

import os
import re
import subprocess
import sys

import sources

from vlae.system.checkout import ROOT

SITE = ROOT / "docs" / "site"

# What Sphinx is given


def test_contents_are_the_lists_of_links_of_the_index():
    index = """# Title

A [link](elsewhere.md) in a sentence.

## First

- [One](../README.md): a sentence.
- [Two](notebook.ipynb), with more
  on a second line.

## Second

Words.

- [Three](../src/vlae/__init__.py)
"""
    first, second = sources.contents(index).split("```{toctree}")[1:]
    assert first.split("\n\n")[0] == "\n:hidden:\n:caption: First"
    assert first.split("\n\n")[1].startswith("One <../README>\nTwo <notebook>\n```")
    assert ":caption: Second\n\nThree <../src/vlae/__init__>\n```" in second


def test_the_index_names_every_page_once():
    contents = sources.contents((ROOT / "docs" / "index.md").read_text("utf-8"))
    names = re.findall(r"<([^>]+)>", contents)
    found = sorted(os.path.normpath(f"docs/{name}") for name in names)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md", "docs/*.ipynb"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    pages = [
        name.rpartition(".")[0]
        for name in listed
        if not name.startswith((".github/", "report/"))
    ]
    pages.remove("docs/index")
    assert found == sorted([*pages, "src/vlae/__init__"])


def test_a_package_has_its_public_modules(tmp_path):
    folder = tmp_path / "src" / "house"
    for name, text in {
        "__init__": "A house.\n\nMore.",
        "_hidden": "Private.",
        "door": "A door.\n\nMore.",
        "room/__init__": "A room.",
    }.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""{text}"""\n')
    page = sources.package_page(folder)
    assert re.findall(r"^[.][.] automodule:: (.*)$", page, re.MULTILINE) == [
        "house",
        "house.door",
    ]
    assert "   * - :py:mod:`door <house.door>`\n     - A door.\n" in page
    assert "   * - :py:mod:`room <house.room>`\n     - A room.\n" in page
    assert "   house.room <room/__init__>\n" in page
    assert "hidden" not in page.replace(":hidden:", "")


def test_a_notebook_is_its_text_and_its_code():
    notebook = """{"cells": [
        {"cell_type": "markdown", "source": ["# Title\\n", "Text."]},
        {"cell_type": "code", "source": "x = 1"}
    ]}"""
    assert sources.notebook_page(notebook) == "# Title\nText.\n\n```python\nx = 1\n```"


# A site of two pages


PAGES = {
    "README.md": """# Project

[![tests](../../actions/badge.svg)](../../actions) [the index](docs/index.md#first)
""",
    "docs/index.md": """# Index

[settings](../config/some.yaml), [`a folder`](../config), [home](../README.md)

## First

- [Project](../README.md)
""",
    "config/some.yaml": "a: 1\n",
}


def built(folder, repository="", **changes):
    """Build a site of `PAGES`; the process, and the folder of the site."""
    for name, text in {**PAGES, **changes}.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    site = folder / "site"
    words = ["-W", "--keep-going", "-q", "-c", SITE, folder / "source", site]
    process = subprocess.run(
        [sys.executable, "-m", "sphinx", *map(str, words)],
        env={**os.environ, "VLAE_REPOSITORY": repository},
        capture_output=True,
        text=True,
    )
    return process, site


def article(site, name):
    """Return the text of a page, without the navigation around it."""
    (found,) = re.findall(
        r"<article.*?</article>", (site / name).read_text("utf-8"), re.DOTALL
    )
    return found


def test_links_lead_to_pages_and_to_the_host(tmp_path):
    process, site = built(tmp_path, "https://host.example/owner/vlae/")
    assert process.returncode == 0, process.stderr
    host = "https://host.example/owner/vlae"
    index, readme = article(site, "docs/index.html"), article(site, "README.html")
    assert f'href="{host}/blob/main/config/some.yaml"' in index
    assert f'href="{host}/tree/main/config"' in index
    assert 'href="../README.html"' in index
    assert 'href="docs/index.html#first"' in readme
    assert f'href="{host}/actions"' in readme
    assert f'src="{host}/actions/badge.svg"' in readme
    assert 'url=docs/index.html"' in (site / "index.html").read_text("utf-8")


def test_without_a_host_links_to_files_are_text(tmp_path):
    process, site = built(tmp_path)
    assert process.returncode == 0, process.stderr
    index, readme = article(site, "docs/index.html"), article(site, "README.html")
    assert "settings, <code" in re.sub(r"</?span[^>]*>", "", index)
    assert "some.yaml" not in index and "actions" not in readme
    assert not (site / "_downloads").exists()


def test_links_to_nowhere_are_refused(tmp_path):
    links = ("nowhere.md", "docs/index.md#third", "config/other.yaml", "src/none.py")
    text = "# Project\n\n" + " ".join(f"[a]({link})" for link in links)
    process, _ = built(tmp_path, **{"README.md": text})
    assert process.returncode != 0
    for link in links:
        assert link.rpartition("#")[2] in process.stderr
