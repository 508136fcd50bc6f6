"""Makes the pictures of the web page in docs/images anew: ``python scripts/page_pictures.py``. Wants chromium on the
PATH; the masks are those of the engine that the settings give."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.demo import service

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


def opened(browser: Browser, url: str, **options: object) -> Page:
    """The page with its sample, masked."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.goto(url)
    page.locator("#sample").click()
    expect(page.locator("#state")).to_contain_text("Mask of", timeout=60_000)
    return page


def mask(page: Page) -> None:
    page.locator("#target").select_option("openai")


def anonymise(page: Page) -> None:
    page.get_by_text("Anonymise").click()
    expect(page.locator("#state")).to_contain_text("Done.", timeout=60_000)


def cutout(page: Page) -> None:
    page.get_by_text("Cut out").click()
    page.locator("#region").select_option("head")
    page.wait_for_timeout(500)
    expect(page.locator("#state")).to_have_text("Done.", timeout=60_000)


def main() -> None:
    with service() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, act, options in (
            ("page-mask", mask, {**DESKTOP, "color_scheme": "light"}),
            ("page-anonymise-dark", anonymise, {**DESKTOP, "color_scheme": "dark"}),
            ("page-cutout-phone", cutout, {**PHONE, "color_scheme": "light"}),
        ):
            page = opened(browser, url, **options)
            act(page)
            page.screenshot(path=IMAGES / f"{name}.jpg", type="jpeg", quality=82)
        browser.close()


if __name__ == "__main__":
    main()
