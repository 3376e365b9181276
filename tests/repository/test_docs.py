"""What the pages say is there: files, links, commands, options, targets of make."""

import re
import subprocess
from pathlib import Path

import pytest

from vlae.system.checkout import ROOT

PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if not name.startswith((".github/", "reference/"))
)
COMMANDS = ROOT / "src" / "vlae" / "commands"
GENERATED = ("results/", "by-hand/", ".snakemake/", ".venv/", "my/")
"""What a clone does not have: results, and files of the reader's own."""
USERS = ("my.yaml", "more.yaml", "photos.yaml", "A.yaml", "B.yaml")
"""Overlays that examples name, which a reader writes."""
ENDINGS = ("py", "md", "yaml", "yml", "smk", "js", "j2", "in", "lock", "toml", "cff")
PLACES = (ROOT, ROOT / "src" / "vlae", ROOT / "config")
"""Where a path of a page may start."""

page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def prose(text):
    """The page without blocks of code between fences."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text):
    """All code but that between fences: in backticks, and indented lines."""
    inline = re.findall(r"`([^`\n]+)`", prose(text))
    return inline + re.findall(r"^    (\S.*)$", prose(text), re.MULTILINE)


def anchors(path):
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h).lower() for h in headings]
    return {re.sub(r"[^\w\- ]", "", h).replace(" ", "-") for h in plain}


def test_pages_are_found():
    names = {str(p.relative_to(ROOT)) for p in PAGES}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/cluster.md",
        "config/README.md",
    } < names


@page
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@page
def test_files_that_it_names_exist(page):
    text = page.read_text()
    shown = re.findall(r"^`([^`\n]+)`:\n\n```", text, re.MULTILINE)  # with content
    named = [
        word.rstrip(":;,.")
        for words in code(text)
        for word in words.split()
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?[:;,.]?", word)
    ]
    files = [
        name
        for name in named
        if name.endswith(tuple(f".{ending}" for ending in ENDINGS))
        or name.startswith(("src/", "workflow/", "tests/", "config/", "docs/"))
    ]
    for name in files:
        if name.startswith((*GENERATED, *USERS)) or re.search(
            r"[A-Z]{2}", Path(name).name[:-3]
        ):
            continue
        if any(path.endswith(name) for path in shown):
            continue
        assert any((place / name).exists() for place in PLACES), name


@page
def test_targets_of_make_exist(page):
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([\w-]+):", makefile, re.MULTILINE)
    for words in code(page.read_text()):
        for target in re.findall(r"(?:^|: |\()make ([a-z-]+)(?![\w/])", words):
            assert target in targets, words


@page
def test_commands_and_their_options_exist(page):
    for words in code(page.read_text()):
        for command, rest in re.findall(
            r"(?:^|(?:python -m ))vlae ([a-z][a-z-]*)\b(?!:)([^#|;]*)", words
        ):
            path = COMMANDS / f"{command.replace('-', '_')}.py"
            assert path.exists(), words
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                assert f'"{option}"' in path.read_text() or option == "--help", words
        for script in re.findall(r"python ([\w/]+\.py)", words):
            assert script.startswith(GENERATED) or (ROOT / script).exists(), words
