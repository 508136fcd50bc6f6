"""The page's main ways in Firefox, against the application on fakes: a visit, a second one, corrections, files.

Firefox as published is driven by WebDriver BiDi; ``apt install firefox-esr`` brings one. Without it this is skipped.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ..support.scene import picture
from .hands import drag, pixel, tool, wait

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(not FIREFOX, reason="there is no firefox here")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that Firefox saves into, under the files' own names."""
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def firefox(saved: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.firefox.launch(executable_path=FIREFOX, channel="moz-firefox", downloads_path=saved)
        yield opened
        opened.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "two people.png"
    path.write_bytes(picture())
    return path


@pytest.fixture(params=[(1280, 800), (390, 760)], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, firefox: Browser, url: str) -> Iterator[Page]:
    width, height = request.param
    context = firefox.new_context(viewport={"width": width, "height": height})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(url)
    yield opened
    context.close()
    assert not wrong


def masked(page: Page, photo: Path) -> None:
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")


def test_load_reload_and_a_second_tab(page: Page, url: str, photo: Path) -> None:
    masked(page, photo)
    page.reload()
    masked(page, photo)
    tab = page.context.new_page()
    tab.set_default_timeout(30_000)
    tab.goto(url)
    masked(tab, photo)


def test_to_the_docs_and_to_the_page_again(page: Page, photo: Path) -> None:
    page.get_by_role("link", name="API").click()
    expect(page.locator("h1")).to_contain_text("SAM Mask API")
    page.get_by_role("link", name="the web page").click()
    masked(page, photo)


def test_brush_undo_redo_and_the_saved_file(page: Page, photo: Path, saved: Path) -> None:
    masked(page, photo)
    plain = pixel(page, 30, 120)
    tool(page, "paint")
    drag(page, (30, 120), (60, 120))
    wait(page, lambda: pixel(page, 30, 120) != plain)
    page.keyboard.press("Control+z")
    wait(page, lambda: pixel(page, 30, 120) == plain)
    page.keyboard.press("Control+y")
    wait(page, lambda: pixel(page, 30, 120) != plain)
    target = saved / "two people-mask.png"
    target.unlink(missing_ok=True)
    page.locator("#download").click()
    wait(page, lambda: target.exists() and target.stat().st_size > 0)
    mask = np.asarray(Image.open(io.BytesIO(target.read_bytes())))
    assert mask.shape == (150, 200)
    assert mask[120, 30] == mask[75, 150] != mask[5, 5], "painted like a face, and not like the ground"


def test_hide_and_cut_out(page: Page, photo: Path) -> None:
    masked(page, photo)
    page.get_by_text("Anonymise").click()
    expect(page.locator("#state")).to_contain_text("A second look at the whole picture found no face")
    page.get_by_text("Cut out").click()
    expect(page.locator("#state")).to_have_text("Done.")
