"""The page as an editor: zoom, brush, undo, views, before and after, by pointer and by keys."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .hands import click_at, drag, on_screen, pixel, slide, tool, wait
from .stub import Stub

WHITE, BLACK = [255, 255, 255], [0, 0, 0]


def scale(page: Page) -> float:
    return float(page.locator("#canvas").get_attribute("data-scale") or 0)


def saved(page: Page) -> Image.Image:
    with page.expect_download() as got:
        page.locator("#download").click()
    return Image.open(io.BytesIO(Path(got.value.path()).read_bytes()))


def press(page: Page, *keys: str) -> None:
    page.locator("#canvas").focus()
    for key in keys:
        page.keyboard.press(key)


# --- zoom -------------------------------------------------------------------------------------------------------------


def test_zoom_by_buttons_and_keys(loaded: Page) -> None:
    fit = scale(loaded)
    loaded.locator("#nearer").click()
    assert scale(loaded) == pytest.approx(fit * 1.5)
    loaded.locator("#whole").click()
    assert scale(loaded) == pytest.approx(1)
    expect(loaded.locator("#percent")).to_have_text("100 %")
    press(loaded, "PageUp", "PageUp", "PageDown")
    assert scale(loaded) == pytest.approx(1.5)
    press(loaded, "Home")
    assert scale(loaded) == pytest.approx(fit)


def test_the_wheel_zooms_where_the_pointer_is_and_a_drag_moves(loaded: Page, stub: Stub) -> None:
    before = on_screen(loaded, 480, 200)
    loaded.mouse.move(*before)
    loaded.mouse.wheel(0, -400)
    wait(loaded, lambda: scale(loaded) > 1.5)
    assert on_screen(loaded, 480, 200) == pytest.approx(before, abs=1)
    asked = stub.count("/masks")
    drag(loaded, (480, 200), (440, 180))
    assert on_screen(loaded, 480, 200) != pytest.approx(before, abs=10)
    assert stub.count("/masks") == asked, "a drag is no click"
    click_at(loaded, 480, 200)
    wait(loaded, lambda: stub.last("/masks")["faces"] == [0])


def test_the_picture_follows_the_cross(loaded: Page) -> None:
    press(loaded, "End", "PageUp", "PageUp", "PageUp", *["Shift+ArrowRight"] * 12)
    box = loaded.locator("#canvas").bounding_box()
    assert box
    assert box["x"] < on_screen(loaded, 639, 240)[0] <= box["x"] + box["width"] + 1


# --- brush ------------------------------------------------------------------------------------------------------------


def test_paint_and_erase_are_in_the_saved_mask(loaded: Page, stub: Stub) -> None:
    tool(loaded, "paint")
    asked = stub.count("/masks")
    drag(loaded, (20, 400), (100, 400))
    tool(loaded, "erase")
    drag(loaded, (180, 200), (220, 200))
    assert stub.count("/masks") == asked, "strokes need no answer of the engine"
    mask = saved(loaded)
    assert (mask.mode, mask.size) == ("L", (640, 480))
    pixels = np.asarray(mask)
    assert (pixels[400, 60], pixels[200, 200]) == (0, 255)
    assert (pixels[300, 200], pixels[20, 600]) == (0, 255)


def test_a_mask_that_is_painted_alone(loaded: Page, stub: Stub) -> None:
    loaded.locator("#nobody").click()
    expect(loaded.locator("#state")).to_have_text("All faces are switched off.")
    loaded.locator("#download").click()
    expect(loaded.locator("#error")).to_contain_text("Nothing is switched on")
    tool(loaded, "paint")
    drag(loaded, (20, 400), (100, 400))
    loaded.locator("#invert").uncheck()
    pixels = np.asarray(saved(loaded))
    assert (pixels[400, 60], pixels[200, 200]) == (255, 0)


def test_strokes_fit_the_tools_own_size_and_polarity(loaded: Page, stub: Stub) -> None:
    stub.transform.update(width=704, height=480, offset_x=32)
    loaded.locator("#target").select_option("a1111")
    tool(loaded, "paint")
    drag(loaded, (20, 400), (100, 400))
    answers: list[Image.Image] = []
    loaded.on("download", lambda d: answers.append(Image.open(io.BytesIO(Path(d.path()).read_bytes()))))
    loaded.locator("#download").click()
    expect(loaded.locator("#state")).to_contain_text("Two files")
    wait(loaded, lambda: len(answers) == 2)
    row = np.asarray(answers[0])[400]
    assert row[92] == 255 and row[15] != 255, "moved by the transform"


def test_the_brush_by_keys(loaded: Page) -> None:
    press(loaded, "p", "ArrowLeft", *["Shift+ArrowDown"] * 5, *["Shift+ArrowLeft"] * 8, "]", "Enter")
    expect(loaded.locator("#clear")).to_be_enabled()
    x, y = 640 // 2 - 6 - 8 * 32, 480 // 2 + 5 * 32
    assert np.asarray(saved(loaded))[y, x] == 0
    press(loaded, "z")
    assert np.asarray(saved(loaded))[y, x] == 255


def test_brush_in_a_cut_out(loaded: Page) -> None:
    loaded.get_by_text("Cut out").click()
    expect(loaded.locator("#state")).to_have_text("Done.")
    slide(loaded, "split", 0)
    tool(loaded, "paint")
    drag(loaded, (20, 400), (100, 400))
    tool(loaded, "erase")
    drag(loaded, (180, 200), (220, 200))
    checks = ([255, 255, 255], [201, 206, 212])
    wait(loaded, lambda: pixel(loaded, 185, 200)[:3] in checks and pixel(loaded, 60, 400)[:3] not in checks)
    cut = np.asarray(saved(loaded))
    assert (cut[400, 60, 3], cut[200, 200, 3], cut[300, 200, 3]) == (255, 0, 255)
    assert abs(cut[400, 60, :3].astype(int) - (120, 150, 170)).max() < 8, "the picture's own colours"


# --- undo -------------------------------------------------------------------------------------------------------------


def test_undo_and_redo_of_everything(loaded: Page, stub: Stub) -> None:
    expect(loaded.locator("#undo")).to_be_disabled()
    loaded.locator("#list input").nth(1).uncheck()
    loaded.locator("#region").select_option("head")
    slide(loaded, "expand", 30)
    loaded.locator("#target").select_option("openai")
    tool(loaded, "paint")
    drag(loaded, (20, 400), (100, 400))
    for gone in ("stroke", "target", "expand", "region", "face"):
        assert loaded.locator("#undo").is_enabled(), gone
        loaded.keyboard.press("Control+z")
    expect(loaded.locator("#undo")).to_be_disabled()
    expect(loaded.locator("#expand")).to_have_value("5")
    expect(loaded.locator("#target")).to_have_value("")
    wait(loaded, lambda: stub.last("/masks")["faces"] == [0, 1] and stub.last("/masks")["region"] == "face")
    loaded.keyboard.press("Control+Shift+z")
    loaded.keyboard.press("Control+y")
    wait(loaded, lambda: stub.last("/masks")["faces"] == [0] and stub.last("/masks")["region"] == "head")
    loaded.locator("#list input").nth(1).check()
    expect(loaded.locator("#redo")).to_be_disabled()


def test_undo_and_redo_of_points_and_boxes(loaded: Page, stub: Stub) -> None:
    points, hidden = loaded.locator("#points"), loaded.locator("#hidden")
    press(loaded, "-", "ArrowDown", "Enter", "b", "Enter", *["Shift+ArrowRight"] * 3, *["Shift+ArrowDown"] * 3, "Enter")
    said = ["1 point, a box in place of the faces.", "1 point.", "None."]
    for text in said:
        expect(points).to_have_text(text)
        loaded.keyboard.press("Control+z")
    for text in said[1::-1]:
        loaded.keyboard.press("Control+y")
        expect(points).to_have_text(text)
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("Done")
    press(loaded, "b", "ArrowLeft", "Enter", *["Shift+ArrowRight"] * 2, "Shift+ArrowUp", "Enter")
    for key, text in (("", "1 box."), ("Control+z", "None."), ("Control+y", "1 box.")):
        if key:
            loaded.keyboard.press(key)
        expect(hidden).to_have_text(text)


def test_undo_goes_back_to_the_tab(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("Done")
    loaded.locator("#undo").click()
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(loaded.locator("#compare")).not_to_be_visible()


# --- views ------------------------------------------------------------------------------------------------------------


def test_views(loaded: Page) -> None:
    view = loaded.locator("#view")
    view.select_option("mask")
    assert (pixel(loaded, 200, 250)[:3], pixel(loaded, 20, 20)[:3]) == (BLACK, WHITE)
    loaded.locator("#invert").uncheck()
    assert (pixel(loaded, 200, 250)[:3], pixel(loaded, 20, 20)[:3]) == (WHITE, BLACK)
    view.select_option("picture")
    wall = pixel(loaded, 20, 20)[:3]
    assert abs(np.array(wall) - (120, 150, 170)).max() < 8
    view.select_option("repaint")
    assert pixel(loaded, 20, 20)[:3] == wall
    assert pixel(loaded, 200, 250)[0] < 160, "stripes over the face"
    loaded.locator("#target").select_option("ideogram-edit")
    loaded.locator("#edit").select_option("everything_else")
    assert pixel(loaded, 20, 20)[:3] != wall
    assert pixel(loaded, 200, 250)[0] > 200
    view.select_option("mask")
    assert (pixel(loaded, 200, 250)[:3], pixel(loaded, 20, 20)[:3]) == (WHITE, BLACK)


def test_opacity(loaded: Page) -> None:
    slide(loaded, "opacity", 0)
    wall = pixel(loaded, 20, 20)[:3]
    assert abs(np.array(wall) - (120, 150, 170)).max() < 8
    slide(loaded, "opacity", 100)
    assert sum(pixel(loaded, 20, 20)[:3]) < 200


def test_faces_are_switched_on_the_picture_in_every_tab(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("Done")
    click_at(loaded, 480, 200)
    wait(loaded, lambda: "except_points" in stub.last("/anonymize"))
    press(loaded, "2")
    wait(loaded, lambda: "except_points" not in stub.last("/anonymize"))


def test_on_a_phone_the_picture_stays_in_sight(loaded: Page) -> None:
    loaded.set_viewport_size({"width": 375, "height": 740})
    loaded.locator("#invert").scroll_into_view_if_needed()
    expect(loaded.locator("#canvas")).to_be_in_viewport(ratio=0.9)
    for name in ("invert", "opacity"):
        expect(loaded.locator(f"#{name}")).to_be_in_viewport(ratio=1)
    assert loaded.evaluate("document.documentElement.scrollWidth") == 375


def test_two_fingers_zoom(loaded: Page) -> None:
    fit = scale(loaded)
    pinch = """(n) => {
      const canvas = document.getElementById('canvas'), box = canvas.getBoundingClientRect();
      const send = (kind, id, x) => canvas.dispatchEvent(new PointerEvent(kind, { pointerId: id, pointerType: 'touch',
        isPrimary: id === 11, clientX: box.left + x, clientY: box.top + 200, bubbles: true }));
      canvas.setPointerCapture = () => {};
      send('pointerdown', 11, 300); send('pointerdown', 12, 400);
      send('pointermove', 12, 500); send('pointerup', 12, 500); send('pointerup', 11, 300);
    }"""
    loaded.evaluate(pinch, 1)
    assert scale(loaded) == pytest.approx(fit * 2, rel=0.02)


def test_a_png_is_read_and_written_byte_for_byte(page: Page) -> None:
    """Every filter, every number of channels, and the colours under transparency."""
    random = np.random.default_rng(3)
    code = """async (text) => {
      const { readPng, writePng } = await import(new URL('static/png.js', document.baseURI));
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const again = new Uint8Array(await (await writePng(await readPng(new Blob([bytes])))).arrayBuffer());
      let out = ''; for (const b of again) out += String.fromCharCode(b);
      return btoa(out);
    }"""
    for mode, depth in (("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)):
        noise = random.integers(0, 256, (13, 17, depth), np.uint8)
        smooth = np.add.outer(np.arange(64), np.arange(48))[..., None].repeat(depth, 2).astype(np.uint8)
        for pixels in (noise, smooth):
            before = io.BytesIO()
            Image.fromarray(pixels[..., 0] if depth == 1 else pixels, mode).save(before, "PNG")
            after = base64.b64decode(page.evaluate(code, base64.b64encode(before.getvalue()).decode()))
            found = Image.open(io.BytesIO(after))
            assert found.mode == mode
            assert np.array_equal(np.asarray(found).reshape(pixels.shape), pixels)
