"""Screenshots of the web page for the documentation: ``.venv/bin/python -m bench.page_pictures [--out docs/images]``.

The service is started with the mesh engine, the picture is the public-domain portrait that scikit-image carries.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

from bench.speed.handover import FLAGS
from bench.started import ROOT, started

DESK = {"width": 1180, "height": 900}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def _mask(page: Page) -> None:
    page.locator("#feather").fill("6")
    page.locator("#target").select_option("openai")
    page.wait_for_timeout(1500)


def _hide(page: Page) -> None:
    page.get_by_text("Anonymise").click()
    page.wait_for_function("document.getElementById('state').textContent.startsWith('Done')", timeout=60_000)
    page.locator("#split").fill("62")


def _cut(page: Page) -> None:
    page.get_by_text("Cut out").click()
    page.locator("#region").fill("head")
    page.locator("#region").press("Tab")
    page.locator("#aspect").select_option("35x45mm")
    page.wait_for_timeout(3000)


SHOTS: tuple[tuple[str, dict[str, Any], Callable[[Page], None]], ...] = (
    ("page-mask", {"viewport": DESK, "color_scheme": "light"}, _mask),
    ("page-anonymise-dark", {"viewport": DESK, "color_scheme": "dark"}, _hide),
    ("page-cutout-phone", PHONE, _cut),
)


def small(png: bytes) -> bytes:
    """The same picture as JPEG: a quarter of the bytes."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("there is no chromium here")
    photo = io.BytesIO()
    Image.fromarray(data.astronaut()).save(photo, "PNG")
    upload = {"name": "portrait.png", "mimeType": "image/png", "buffer": photo.getvalue()}
    with started(engine="mesh") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, context, act in SHOTS:
            page = browser.new_context(**context, bypass_csp=True).new_page()  # playwright waits by eval
            page.goto(server.url)
            page.set_input_files("#file", upload)  # type: ignore[arg-type]
            page.wait_for_function("document.body.dataset.milliseconds !== undefined", timeout=60_000)
            act(page)
            (options.out / f"{name}.jpg").write_bytes(small(page.screenshot()))
        browser.close()


if __name__ == "__main__":
    main()
