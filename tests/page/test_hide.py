"""The anonymise tab: boxes around what was not found, what is left, and what the second look can say."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from .hands import click_at, drag, near, pixel, tool, wait
from .stub import Stub, picture


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


def test_a_box_is_drawn_on_the_line_between_before_and_after(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("Done.")
    tool(loaded, "box")
    drag(loaded, (320, 30), (400, 80))
    wait(loaded, lambda: len(hidden(stub)) == 1 and near(hidden(stub)[0], [320, 30, 80, 50]))
    expect(loaded.locator("#split")).to_have_value("50")
    drag(loaded, (320, 240), (480, 240))  # its handle still moves it
    wait(loaded, lambda: 74 < float(loaded.locator("#split").input_value()) < 76)
    assert len(hidden(stub)) == 1


def test_a_face_that_is_off_is_named_with_what_was_found(loaded: Page) -> None:
    loaded.get_by_text("Anonymise").click()
    loaded.locator("#list input").nth(1).uncheck()
    expect(loaded.locator("#state")).to_contain_text("found no face besides those that are switched off, which is no")


def test_a_picture_with_boxes_alone_goes_into_the_zip(page: Page, stub: Stub, tmp_path: Path) -> None:
    paths = [tmp_path / "anna.jpg", tmp_path / "ben.jpg"]
    for path in paths:
        path.write_bytes(picture())
    page.set_input_files("#file", paths)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    page.get_by_text("Anonymise").click()
    tool(page, "box")
    drag(page, (20, 30), (90, 80))
    wait(page, lambda: len(hidden(stub)) == 1)
    page.locator("#nobody").click()
    expect(page.locator("#state")).to_contain_text("besides those")
    with page.expect_download() as got:
        page.locator("#zip").click()
    assert zipfile.ZipFile(got.value.path()).namelist() == ["anna-anonymised.png", "ben-anonymised.png"]
    expect(page.locator("#error")).to_be_hidden()


def test_the_copied_command_has_the_boxes(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Anonymise").click()
    tool(loaded, "box")
    drag(loaded, (20, 30), (90, 80))
    wait(loaded, lambda: len(hidden(stub)) == 1)
    loaded.locator("#curl").click()
    assert "boxes=[[" in loaded.locator("#command").input_value()
