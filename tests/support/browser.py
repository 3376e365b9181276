"""Pages in headless Chromium, from the disk and without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAPTOP, PHONE = (1280, 800), (390, 844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium or Chrome; skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser to test pages with: none of {', '.join(NAMES)} found")
    with sync_playwright() as playwright:
        # The sandbox does not run as root, as in containers; the pages are our own.
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, and what went on in it: messages of trouble, addresses asked for."""

    page: Page
    trouble: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def opened(
    browser: Browser,
    path: Path,
    anchor: str = "",
    size: tuple[int, int] = LAPTOP,
    scheme: str = "light",
) -> Iterator[Opened]:
    """Open a file in a fresh profile; `scheme` is light or dark."""
    context = browser.new_context(
        offline=True,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    found = Opened(context.new_page())
    found.page.on("request", lambda request: found.asked.append(request.url))
    found.page.on("pageerror", lambda error: found.trouble.append(str(error)))
    found.page.on(
        "console",
        lambda message: (
            found.trouble.append(message.text)
            if message.type in ("error", "warning")
            else None
        ),
    )
    found.page.goto(path.as_uri() + anchor)
    yield found
    context.close()


def faults(page: Page) -> list[str]:
    """What axe-core finds to be a serious or critical obstacle to somebody."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
