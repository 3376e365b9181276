"""The whole site: built strictly, complete, and readable on a laptop and a phone."""

import os
import re
import subprocess
import sys
from html import unescape
from urllib.parse import unquote

import pytest
from browser import LAPTOP, PHONE, chromium, faults, opened

from vlae.system.checkout import ROOT

SHOWN = (
    "README",
    "docs/index",
    "docs/pipeline",
    "docs/notebook",
    "config/README",
    "src/vlae/__init__",
    "src/vlae/networks/__init__",
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, as `make docs` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    words = ["-W", "--keep-going", "-q", "-c", "docs/site", ".", str(folder)]
    process = subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "VLAE" not in name},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return folder


def test_every_public_module_is_documented(browser, site):
    texts = {path: path.read_text("utf-8") for path in site.rglob("__init__.html")}
    for path in (ROOT / "src" / "vlae").rglob("*.py"):
        if path.stem.startswith("_") and path.stem != "__init__":
            continue
        package = path.parent.relative_to(ROOT)
        name = ".".join(path.with_suffix("").parts[len(ROOT.parts) + 1 :])
        page = texts[site / package / "__init__.html"]
        assert f'id="module-{name.removesuffix(".__init__")}"' in page


def test_links_lead_somewhere_and_nothing_is_fetched(browser, site):
    pages = {path: path.read_text("utf-8") for path in site.rglob("*.html")}
    anchors = {path: {*re.findall(r'\bid="([^"]+)"', pages[path])} for path in pages}
    for page, text in pages.items():
        fetched = r'<(?:script|img|link)[^>]*(?:src|href)="http'
        assert not re.search(fetched, text), page
        for link in {*re.findall(r'href="([^"]+)"', text)}:
            if re.match("https?:", link):
                continue
            name, _, anchor = unquote(unescape(link)).partition("#")
            target = (page.parent / name.partition("?")[0]).resolve() if name else page
            assert target.is_file(), f"{page}: {link}"
            assert not anchor or anchor in anchors[target], f"{page}: {link}"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(pytest.param(name, PHONE, id=f"{name}-phone") for name in SHOWN),
        pytest.param("README", LAPTOP, id="README-laptop"),
    ],
)
def test_pages_can_be_read(browser, site, name, size):
    with opened(browser, site / f"{name}.html", size=size) as found:
        assert found.page.locator("h1").count() == 1
        width = found.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]
        assert not found.trouble
        assert all(address.startswith("file:") for address in found.asked)


@pytest.mark.parametrize(
    "name",
    [
        # The longest page by far, which takes axe as long as all others.
        pytest.param(name, marks=pytest.mark.slow if name == "config/README" else ())
        for name in SHOWN
    ],
)
def test_no_serious_fault_for_anybody(browser, site, name):
    with opened(browser, site / f"{name}.html", size=PHONE) as found:
        # Sphinx's own: parameters of a function, a line each, are a list without terms.
        known = ("definition-list: <dl>", "dlitem: ")
        assert not [text for text in faults(found.page) if not text.startswith(known)]
