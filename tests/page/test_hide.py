"""The anonymise tab: boxes around what was not found, what is left, and what the second look can say."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .hands import click_at, drag, near, pixel, tool, wait
from .stub import Stub


def hidden(stub: Stub) -> list[list[float]]:
    boxes: list[list[float]] = stub.last("/anonymize").get("boxes", [])
    return boxes


def test_boxes_are_hidden_besides_the_faces(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    tool(loaded, "box")
    drag(loaded, (20, 30), (90, 80))
    wait(loaded, lambda: len(hidden(stub)) == 1 and near(hidden(stub)[0], [20, 30, 70, 50]))
    click_at(loaded, 300, 20)  # two clicks are a box as well
    click_at(loaded, 380, 70)
    wait(loaded, lambda: len(hidden(stub)) == 2 and near(hidden(stub)[1], [300, 20, 80, 50]))
    expect(loaded.locator("#hidden")).to_have_text("2 boxes.")
    assert "except_points" not in stub.last("/anonymize"), "all faces are hidden too"
    loaded.locator("#undo").click()
    wait(loaded, lambda: len(hidden(stub)) == 1)
    loaded.locator("#nohide").click()
    wait(loaded, lambda: not hidden(stub))
    expect(loaded.locator("#nohide")).to_be_disabled()


def test_a_box_of_one_tab_is_none_of_the_other(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    tool(loaded, "box")
    drag(loaded, (20, 30), (90, 80))
    wait(loaded, lambda: len(hidden(stub)) == 1)
    loaded.get_by_text("Mask", exact=True).click()
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    assert "box" not in stub.last("/masks")


def test_what_is_left_is_marked_and_the_look_promises_nothing(loaded: Page, stub: Stub) -> None:
    stub.residual, stub.warnings = 1, ("weaker_detector",)
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("found 1 face left, marked red")
    expect(loaded.locator("#state")).to_contain_text("YuNet")
    wait(loaded, lambda: pixel(loaded, 10, 400)[0] > 200 and pixel(loaded, 10, 400)[1] < 120)
    stub.residual, stub.warnings = 0, ()
    loaded.locator("#method").select_option("solid")
    expect(loaded.locator("#state")).to_contain_text("no proof")
    wait(loaded, lambda: not (pixel(loaded, 10, 400)[0] > 200 and pixel(loaded, 10, 400)[1] < 120))
    expect(loaded.locator("#panel")).to_contain_text("never that nothing was")


def test_the_copied_command_has_the_boxes(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    tool(loaded, "box")
    drag(loaded, (20, 30), (90, 80))
    wait(loaded, lambda: len(hidden(stub)) == 1)
    loaded.locator("#curl").click()
    assert "boxes=[[" in loaded.locator("#command").input_value()
