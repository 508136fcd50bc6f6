"""The page against the application itself (on fakes): the same contract from both sides."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect

from ..support.scene import Fixed, picture
from .application import application

KEY = "sixteen-characters-at-least"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with application(tmp_path, detector=Fixed(), api_key=KEY) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    answer = opened.goto(url)
    assert answer
    assert_strict(answer)
    yield opened
    context.close()
    assert not wrong


def assert_strict(answer: Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def saved(page: Page) -> Image.Image:
    with page.expect_download() as got:
        page.locator("#download").click()
    return Image.open(io.BytesIO(Path(got.value.path()).read_bytes()))


def test_a_visit(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture())
    page.set_input_files("#file", photo)
    expect(page.locator("#error")).to_contain_text("API key")
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Tab")
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    mask = np.asarray(saved(page))
    assert mask.shape == (150, 200)
    assert (mask[75, 150], mask[5, 5]) == (0, 255)

    page.locator("#target").select_option("openai")
    with page.expect_download(), page.expect_download():
        page.locator("#download").click()
    expect(page.locator("#state")).to_contain_text("Two files")

    page.get_by_text("Anonymise").click()
    expect(page.locator("#state")).to_contain_text("A second look at the whole picture found no face")
    assert saved(page).size == (200, 150)

    page.get_by_text("Cut out").click()
    expect(page.locator("#state")).to_have_text("Done.")
    assert saved(page).mode == "RGBA"

    page.locator("#list input").first.uncheck()
    page.get_by_text("Mask", exact=True).click()
    expect(page.locator("#state")).to_contain_text("Mask of 1 face:")
    expect(page.locator("#region option")).to_have_text(["face", "head"])


def test_the_curl_command_with_a_box_and_points_runs(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture())
    page.locator("#access summary").click()
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Tab")
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    page.locator("#canvas").focus()
    corner = ["b", "Shift+ArrowLeft", "Enter"]
    for key in [
        *corner,
        *["Shift+ArrowRight"] * 5,
        *["Shift+ArrowDown"] * 5,
        "Enter",
        "+",
        *["Shift+ArrowUp"] * 2,
        "Enter",
    ]:
        page.keyboard.press(key)
    expect(page.locator("#points")).to_have_text("1 point, a box in place of the faces.")
    page.locator("#curl").click()
    command = page.locator("#command").input_value()
    assert KEY not in command
    ran = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=tmp_path,
        env={**os.environ, "SAM_API_KEY": KEY},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    mask = np.asarray(Image.open(tmp_path / "photo-mask.png"))
    assert mask.shape == (150, 200)
    assert (mask[105, 140], mask[20, 20]) == (0, 255)


def test_the_docs_with_a_key(page: Page) -> None:
    """A link cannot carry a key: the page fetches them and shows them itself."""
    page.locator("#access summary").click()
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Tab")
    page.get_by_role("link", name="API").click()
    expect(page.locator("#docstext h1")).to_contain_text("SAM Mask API")
    page.locator("#docstext nav").get_by_text("/cutout").click()
    expect(page.locator("#docstext h2", has_text="/cutout")).to_be_in_viewport()
    assert page.locator("#docstext").locator("script, style, link").count() == 0
    page.locator("#docsclose").click()
    expect(page.locator("#docsdialog")).not_to_be_visible()


def test_the_engine_and_its_regions_are_those_of_the_service(page: Page) -> None:
    expect(page.locator("#engine")).not_to_be_visible()
    page.locator("#access summary").click()
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Tab")
    expect(page.locator("#engineline")).not_to_be_empty()
    expect(page.locator("#region option")).to_have_text(["face", "head"])


def test_a_picture_that_the_browser_cannot_show(page: Page, tmp_path: Path) -> None:
    """The service draws it: put together from the upload and an edit that changes nothing."""
    page.locator("#access summary").click()
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Tab")
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture())
    page.evaluate(
        "() => { const real = createImageBitmap; self.createImageBitmap = (what) => "
        "what instanceof File ? Promise.reject(new Error('a format of tomorrow')) : real(what); }"
    )
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(page.locator("#canvas")).to_have_attribute("data-width", "200")
