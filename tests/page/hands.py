"""What a user does on the page, and what he sees there, in pixels of the picture."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def wait(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it did not happen")


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where the picture's pixel (x, y) is."""
    box = page.locator("#canvas").bounding_box()
    assert box
    scale, left, top = (
        float(page.locator("#canvas").get_attribute(f"data-{name}") or 0) for name in ("scale", "x", "y")
    )
    return box["x"] + left + x * scale, box["y"] + top + y * scale


def click_at(page: Page, x: float, y: float) -> None:
    """Clicks the picture's pixel (x, y)."""
    page.mouse.click(*on_screen(page, x, y))


def pixel(page: Page, x: int, y: int) -> list[int]:
    """What the canvas shows at the picture's pixel (x, y)."""
    box = page.locator("#canvas").bounding_box()
    assert box
    at = on_screen(page, x, y)
    code = "([x, y]) => [...document.getElementById('canvas').getContext('2d').getImageData(x, y, 1, 1).data]"
    return list(page.evaluate(code, [round(at[0] - box["x"]), round(at[1] - box["y"])]))


def size(page: Page) -> tuple[int, int]:
    """Of the picture on the canvas."""
    width, height = (int(page.locator("#canvas").get_attribute(f"data-{name}") or 0) for name in ("width", "height"))
    return width, height


def slide(page: Page, name: str, value: int) -> None:
    page.locator(f"#{name}").fill(str(value))


def drag(page: Page, *path: tuple[int, int]) -> None:
    """Pressed, from pixel to pixel, by mouse."""
    page.mouse.move(*on_screen(page, *path[0]))
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*on_screen(page, *point), steps=4)
    page.mouse.up()


def tool(page: Page, name: str) -> None:
    page.locator("label.pill", has=page.locator(f"input[value={name}]")).click()


def near(box: list[float] | None, wanted: list[int]) -> bool:
    return box is not None and all(abs(a - b) <= 2 for a, b in zip(box, wanted, strict=True))
