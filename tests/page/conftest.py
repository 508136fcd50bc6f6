"""A headless Chromium and a stub of the service, one of each for all tests of the page."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

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
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """The page. Whatever the browser complains about fails the test, but for requests that the stub refused and for the
    tests' own reading of pixels."""
    complaints: list[str] = []
    fine = ("Failed to load resource", "Multiple readback operations")

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in fine):
            complaints.append(message.text)

    context = browser.new_context(accept_downloads=True, **options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def page(browser: Browser, stub: Stub) -> Iterator[Page]:
    with opened(browser, stub.url, viewport={"width": 1280, "height": 800}) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, stub: Stub) -> Iterator[Page]:
    """The page on a small phone."""
    screen = {"width": 360, "height": 640}
    with opened(browser, stub.url, viewport=screen, device_scale_factor=2, is_mobile=True, has_touch=True) as page:
        yield page


@pytest.fixture
def loaded(page: Page, photo: Path) -> Page:
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    return page
