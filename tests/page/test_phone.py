"""The page on a small phone, by touch: every tool in sight, the picture too, fingers that draw, zoom and scroll."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from .hands import on_screen, tool, wait
from .stub import Stub

Spot = tuple[float, float]
TOOLS = ["Faces", "Paint", "Erase", "Add point", "Remove point", "Box"]


@pytest.fixture
def loaded(phone: Page, photo: Path) -> Page:
    phone.set_input_files("#file", photo)
    expect(phone.locator("#state")).to_contain_text("Mask of 2 faces")
    return phone


class Fingers:
    """Touches as the device gives them, so that the browser itself scrolls or not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session: CDPSession = page.context.new_cdp_session(page)

    def send(self, kind: str, *spots: Spot) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def move(self, *ways: tuple[Spot, Spot], steps: int = 12) -> None:
        """Each finger from its first spot to its second, on the screen."""
        self.send("touchStart", *[start for start, _ in ways])
        for step in range(1, steps + 1):
            at = step / steps
            self.send("touchMove", *[(a + (c - a) * at, b + (d - b) * at) for (a, b), (c, d) in ways])
            self.page.wait_for_timeout(16)
        self.send("touchEnd")


def scale(page: Page) -> float:
    return float(page.locator("#canvas").get_attribute("data-scale") or 0)


@pytest.mark.parametrize("name", ["pick", "paint", "box"])
def test_every_tool_is_in_sight(loaded: Page, name: str) -> None:
    tool(loaded, name)
    shown = ["undo", "redo", "further", "nearer", "fit"] + (["size"] if name == "paint" else [])
    for each in shown:
        expect(loaded.locator(f"#{each}")).to_be_in_viewport(ratio=1)
    assert loaded.evaluate("document.documentElement.scrollWidth") == 360


def test_the_picture_stays_where_it_is_whatever_the_tool(loaded: Page) -> None:
    before = loaded.locator("#canvas").bounding_box()
    for name in ("paint", "box", "add", "pick"):
        tool(loaded, name)
        assert loaded.locator("#canvas").bounding_box() == before


def test_every_tool_has_a_name_where_its_word_is_hidden(loaded: Page) -> None:
    for name in TOOLS:
        expect(loaded.get_by_role("radio", name=name, exact=True)).to_have_count(1)


@pytest.mark.parametrize("name", ["region", "expand", "matte", "target", "invert"])
def test_what_is_scrolled_to_is_not_covered(loaded: Page, name: str) -> None:
    """The picture above and the buttons below stay in sight; what the keyboard comes to stands between them."""
    control = loaded.locator(f"#{name}")
    for start in ("0", "document.body.scrollHeight"):
        loaded.evaluate(f"document.activeElement.blur(); scrollTo(0, {start})")
        control.focus()
        hit = "(e) => { const r = e.getBoundingClientRect(); const [x, y] = [r.x + r.width / 2, r.y + r.height / 2]; "
        assert control.evaluate(hit + "return document.elementFromPoint(x, y) === e; }")


def test_soft_edges_by_touch(loaded: Page, stub: Stub) -> None:
    loaded.locator("#matte").tap()
    wait(loaded, lambda: stub.last("/masks").get("matte") is True)


def test_a_finger_paints_and_two_zoom_and_move(loaded: Page) -> None:
    fingers, fit = Fingers(loaded), scale(loaded)
    tool(loaded, "paint")
    fingers.move((on_screen(loaded, 60, 420), on_screen(loaded, 300, 420)))
    expect(loaded.locator("#points")).to_have_text("1 stroke.")
    (x, y), (right, _) = on_screen(loaded, 280, 240), on_screen(loaded, 360, 240)
    fingers.move(((x, y), (x - 40, y)), ((right, y), (right + 40, y)))
    assert scale(loaded) > 1.5 * fit
    moved, steady = on_screen(loaded, 300, 240), scale(loaded)
    fingers.move(((100, 250), (120, 280)), ((200, 250), (220, 280)))
    assert on_screen(loaded, 300, 240) == pytest.approx((moved[0] + 20, moved[1] + 30), abs=3)
    assert scale(loaded) == pytest.approx(steady, rel=0.02)
    expect(loaded.locator("#points")).to_have_text("1 stroke.")
    assert loaded.evaluate("scrollY") == 0


def test_a_finger_on_the_whole_picture_scrolls_the_page_unless_a_tool_draws(loaded: Page) -> None:
    fingers, way = Fingers(loaded), (on_screen(loaded, 320, 400), on_screen(loaded, 320, 100))
    tool(loaded, "paint")
    fingers.move(way)
    assert loaded.evaluate("scrollY") == 0
    tool(loaded, "pick")
    fingers.move(way)
    wait(loaded, lambda: loaded.evaluate("scrollY") > 20)


def test_the_brush_is_seen_while_its_size_is_chosen(loaded: Page) -> None:
    """No mouse hovers here that would show it."""
    tool(loaded, "paint")
    pixels = "document.getElementById('canvas').toDataURL()"
    before = loaded.evaluate(pixels)
    size = loaded.locator("#size")
    size.evaluate("(e) => { e.value = 80; e.dispatchEvent(new Event('input')); }")
    assert loaded.evaluate(pixels) != before
    size.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert loaded.evaluate(pixels) == before


def test_a_picture_by_its_address(phone: Page, stub: Stub) -> None:
    url = "https://pictures.example/holiday.jpg"
    phone.locator("#address").tap()
    phone.keyboard.type(url)
    phone.get_by_role("button", name="Open").tap()
    wait(phone, lambda: stub.last("/images").get("image_url") == url)
