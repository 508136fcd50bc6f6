"""A headless Chromium and a stub of the service, one of each for all tests of the page."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from ..support.scene import Fixed
from .application import application
from .stub import Stub, picture, serve

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
expect.set_options(timeout=30_000)  # a busy machine is slow; what is there is seen at once
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One for all tests, held open by an empty page: to open one for each takes a second of computing."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.new_page()
    yield context
    context.close()


@pytest.fixture
def tab(window: BrowserContext) -> Iterator[Page]:
    """An empty page; in the end it and whatever was opened beside it are closed, and all that was kept is forgotten."""
    first, *_ = window.pages
    opened = window.new_page()
    opened.set_default_timeout(30_000)
    yield opened
    for page in window.pages[1:]:
        page.close()
    session = window.new_cdp_session(first)
    session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    session.send("Network.clearBrowserCache")
    session.detach()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serve(Stub()) as served:
        yield served


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of the application itself, on fakes."""
    with application(tmp_path, detector=Fixed()) as address:
        yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "two people.jpg"
    path.write_bytes(picture())
    return path


@contextlib.contextmanager
def opened(tab: Page, url: str) -> Iterator[Page]:
    """The page. Whatever the browser complains about fails the test, but for requests that the stub refused and for the
    tests' own reading of pixels."""
    complaints: list[str] = []
    fine = ("Failed to load resource", "Multiple readback operations")

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in fine):
            complaints.append(message.text)

    tab.on("console", listen)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(url)
    yield tab
    tab.close()
    assert not complaints


@pytest.fixture
def page(tab: Page, stub: Stub) -> Iterator[Page]:
    with opened(tab, stub.url) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, stub: Stub) -> Iterator[Page]:
    """The page on a small phone."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        accept_downloads=True,
    )
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    with opened(tab, stub.url) as page:
        yield page
    context.close()


@pytest.fixture
def loaded(page: Page, photo: Path) -> Page:
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    return page
