"""The page by keyboard alone: an order that makes sense, a focus that is seen, and a whole way from the first Tab to
the saved file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from .hands import size, wait
from .stub import Stub

STOP = """() => {
  const e = document.activeElement;
  const seen = e.closest('label')?.querySelector('span') || document.querySelector(`.drop label[for="${e.id}"]`) || e;
  return { id: e.id || e.name || e.textContent.trim(), outline: getComputedStyle(seen).outlineStyle,
           own: getComputedStyle(e).outlineStyle,
           size: seen.checkVisibility() ? seen.getBoundingClientRect().width : 0 };
}"""


def stops(page: Page) -> list[str]:
    """What Tab comes to, from here to the end of the page; each of them seen, with a ring."""
    found: list[str] = []
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return found
        stop = page.evaluate(STOP)
        assert stop["size"] > 10, stop
        assert "solid" in (stop["outline"], stop["own"]), stop
        found.append(stop["id"])


def to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id || document.activeElement.name") == name:
            return
    raise AssertionError(f"Tab does not come to {name}")


def test_the_order_before_there_is_a_picture(page: Page) -> None:
    order = stops(page)
    assert order[order.index("file") :][:3] == ["file", "sample", "address"]


def test_the_order_beside_a_picture(loaded: Page) -> None:
    order = stops(loaded)
    assert "file" not in order, "nothing is chosen with what is out of sight"
    after = ["tool", "further", "canvas", "view", "task", "region", "expand", "target", "download", "curl", "other"]
    assert [name for name in order if name in after] == after


def test_the_focus_goes_to_the_picture_and_no_key_is_lost(page: Page) -> None:
    to(page, "sample")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(page.locator("#canvas")).to_be_focused()


def test_a_picture_that_is_chosen_elsewhere_leaves_the_focus(loaded: Page, photo: Path) -> None:
    loaded.locator("#expand").focus()
    loaded.set_input_files("#file", photo)
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(loaded.locator("#expand")).to_be_focused()


def test_from_the_first_tab_to_the_saved_mask(page: Page, stub: Stub) -> None:
    to(page, "sample")
    page.keyboard.press("Enter")
    expect(page.locator("#canvas")).to_be_focused()
    for key in ["2", "p", "Enter", "Shift+ArrowUp", "Shift+ArrowUp", "Enter"]:
        page.keyboard.press(key)
    expect(page.locator("#points")).to_have_text("1 stroke.")
    to(page, "region")
    page.keyboard.press("h")
    wait(page, lambda: stub.last("/masks")["faces"] == [0] and stub.last("/masks")["region"] == "head")
    to(page, "download")
    with page.expect_download() as got:
        page.keyboard.press("Enter")
    mask = np.asarray(Image.open(io.BytesIO(Path(got.value.path()).read_bytes())))
    width, height = size(page)
    assert mask[height // 2 - 2 * round(max(width, height) / 20), width // 2] == 0
    page.keyboard.press("Control+z")
    wait(page, lambda: stub.last("/masks")["region"] == "face")


def test_the_tabs_by_arrows(loaded: Page) -> None:
    to(loaded, "task")
    loaded.keyboard.press("ArrowRight")
    expect(loaded.locator("#state")).to_contain_text("Done")
    loaded.keyboard.press("ArrowRight")
    expect(loaded.locator("#state")).to_have_text("Done.")
    expect(loaded.locator("input[name=task][value=cutout]")).to_be_focused()


def test_how_the_pointer_looks(loaded: Page) -> None:
    cursor = "getComputedStyle(document.getElementById('canvas')).cursor"
    for key, wanted in (("p", "crosshair"), ("Escape", "pointer"), ("+", "crosshair")):
        loaded.locator("#canvas").focus()
        loaded.keyboard.press(key)
        assert loaded.evaluate(cursor) == wanted
