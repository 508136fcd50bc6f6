"""How pictures come and go: several at once, by address, the sample, those that the browser cannot show; names, ZIP,
curl.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from .hands import click_at, drag, pixel, size, slide, tool, wait
from .stub import Stub, picture


@pytest.fixture
def several(tmp_path: Path) -> list[Path]:
    """Three pictures, two of them of one name, and a file that is none."""
    paths = [tmp_path / name for name in ("anna.jpg", "ben.jpg", "sub/anna.jpg", "broken.jpg")]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture() + bytes(number) if number < 3 else b"no picture")
    return paths


def test_several_pictures_and_one_zip(page: Page, stub: Stub, several: list[Path]) -> None:
    page.set_input_files("#file", several)
    expect(page.locator("#pictures button")).to_have_count(4)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    page.locator("#list input").nth(1).uncheck()
    page.locator("#pictures button").nth(1).click()
    expect(page.locator("#list input:checked")).to_have_count(2)
    tool(page, "paint")
    drag(page, (20, 400), (100, 400))
    page.locator("#pictures button").nth(0).click()
    expect(page.locator("#list input:checked")).to_have_count(1)
    with page.expect_download() as got:
        page.locator("#zip").click()
    assert got.value.suggested_filename == "mask.zip"
    with zipfile.ZipFile(got.value.path()) as pack:
        assert pack.testzip() is None
        assert pack.namelist() == ["anna-mask.png", "ben-mask.png", "anna-mask-2.png"]
        masks = [np.asarray(Image.open(io.BytesIO(pack.read(name)))) for name in pack.namelist()]
    assert [mask[215, 480] for mask in masks] == [255, 0, 0], "the second face, off in the first picture"
    assert [mask[400, 60] for mask in masks] == [255, 0, 255], "the stroke, in the second picture"
    expect(page.locator("#state")).to_have_text("Saved 3 pictures of 4.")
    expect(page.locator("#error")).to_contain_text("broken.jpg: This file is not a picture")


def test_the_first_that_can_be_shown_is_shown(page: Page, several: list[Path]) -> None:
    page.set_input_files("#file", several[::-1])
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(page.locator("#pictures [aria-current]")).to_have_count(1)
    expect(page.locator("#pictures .bad")).to_have_count(1)


def test_more_are_added(page: Page, several: list[Path]) -> None:
    page.set_input_files("#file", several[:2])
    expect(page.locator("#pictures button")).to_have_count(2)
    with page.expect_file_chooser() as chooser:
        page.locator("#more").click()
    chooser.value.set_files(several[2])
    expect(page.locator("#pictures button")).to_have_count(3)


def test_the_sample(page: Page, stub: Stub) -> None:
    page.locator("#sample").click()
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    with Image.open(io.BytesIO(stub.last("/images")["image"])) as sent:
        assert sent.size == (512, 512)


@pytest.mark.parametrize("how", ["form", "paste"])
def test_a_picture_by_its_address(page: Page, stub: Stub, how: str) -> None:
    url = "https://pictures.example/holiday%20photo.jpg?w=1"
    if how == "form":
        page.locator("#address").fill(url)
        page.locator("#address").press("Enter")
    else:
        code = """(url) => { const data = new DataTransfer(); data.setData('text/plain', url);
          document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true })); }"""
        page.evaluate(code, url)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert stub.last("/images")["image_url"] == url
    assert "image" not in stub.last("/images")
    assert size(page) == (640, 480)
    page.get_by_text("Cut out").click()
    expect(page.locator("#state")).to_have_text("Done.")
    assert stub.last("/cutout")["image_url"] == url
    with page.expect_download() as got:
        page.locator("#download").click()
    assert got.value.suggested_filename == "holiday photo-cutout.png"
    page.locator("#curl").click()
    assert f"--form-string 'image_url={url}'" in page.locator("#command").input_value()


def test_an_address_with_a_bare_percent_sign(page: Page, stub: Stub) -> None:
    page.locator("#address").fill("https://pictures.example/100%.jpg")
    page.locator("#address").press("Enter")
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    with page.expect_download() as got:
        page.locator("#download").click()
    assert got.value.suggested_filename.endswith("%-mask.png")


def test_no_address(page: Page) -> None:
    page.locator("#address").fill("ftp://x.example/a.png")
    page.locator("#address").press("Enter")
    expect(page.locator("#error")).to_contain_text("begins with https://")


def test_a_format_that_the_browser_cannot_show_is_drawn_by_the_service(page: Page, stub: Stub, tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    Image.open(io.BytesIO(picture())).save(scan)
    page.set_input_files("#file", scan)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    asked = stub.last("/composite")
    assert (asked["image_id"], asked["format"]) == ("id0", "webp")
    assert size(page) == (640, 480)
    slide(page, "opacity", 0)
    assert abs(np.array(pixel(page, 20, 20)[:3]) - (120, 150, 170)).max() < 8


def test_a_picture_that_the_service_turns_otherwise_is_shown_as_it_sees_it(
    page: Page, stub: Stub, tmp_path: Path
) -> None:
    tall = tmp_path / "tall.png"
    Image.new("RGB", (480, 640)).save(tall)
    stub.size = (640, 480)
    page.set_input_files("#file", tall)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert size(page) == (640, 480)


def test_look_harder(loaded: Page, stub: Stub) -> None:
    assert "recall" not in stub.last("/images")
    loaded.locator("#harder").check()
    wait(loaded, lambda: stub.last("/images").get("recall") == "high")
    wait(loaded, lambda: stub.last("/masks").get("recall") == "high")


def test_all_and_none(loaded: Page, stub: Stub) -> None:
    expect(loaded.locator("#all")).to_be_disabled()
    loaded.locator("#nobody").click()
    expect(loaded.locator("#state")).to_have_text("All faces are switched off.")
    expect(loaded.locator("#howmany")).to_have_text("0 of 2 on")
    loaded.locator("#all").click()
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    assert loaded.locator("#list canvas").count() == 2


def test_the_curl_command_of_a_tool_saves_mask_and_picture(loaded: Page, stub: Stub, tmp_path: Path) -> None:
    loaded.locator("#target").select_option("a1111")
    loaded.locator("#curl").click()
    command = loaded.locator("#command").input_value()
    done = subprocess.run(["/bin/sh", "-ec", command], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("two people-mask-a1111.png", "two people-image-a1111.png"):
        with Image.open(tmp_path / name) as got:
            assert got.size == (640, 480)


def test_the_curl_dialog_says_that_strokes_are_left_out(loaded: Page) -> None:
    tool(loaded, "paint")
    drag(loaded, (20, 400), (100, 400))
    loaded.locator("#curl").click()
    expect(loaded.locator("#without-strokes")).to_be_visible()


@pytest.mark.parametrize(
    ("health", "line", "full"),
    [
        ({}, "SAM · MobileSAM", "faces are found by yunet"),
        (
            {"status": "degraded", "engine": "mesh", "model": None, "reason": "No weights in models."},
            "Mesh engine, SAM is not there",
            "No weights in models.",
        ),
        (
            {
                "engine": "mesh",
                "model": None,
                "reason": "SAM is on its way.",
                "sam": {"state": "downloading", "percent": 41.7},
            },
            "Mesh engine, SAM is coming 42 %",
            "SAM is on its way.",
        ),
    ],
)
def test_the_engine_is_said(page: Page, stub: Stub, health: dict[str, object], line: str, full: str) -> None:
    stub.health.update(health)
    page.reload()
    expect(page.locator("#engineline")).to_have_text(line)
    page.locator("#engine summary").click()
    expect(page.locator("#enginefull")).to_contain_text(full)


def test_the_busy_sign_ends(loaded: Page, stub: Stub) -> None:
    stub.busy = 1
    slide(loaded, "expand", 21)
    expect(loaded.locator("body")).to_have_class("busy")
    wait(loaded, lambda: stub.last("/masks")["expand_pixels"] == 21)
    expect(loaded.locator("body")).not_to_have_class("busy")
    stub.error = (503, "deadline", "The request took longer than its time limit.")
    slide(loaded, "expand", 22)
    expect(loaded.locator("#error")).to_contain_text("Try a smaller picture")
    expect(loaded.locator("body")).not_to_have_class("busy")
    expect(loaded.locator("#workspace")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ((413, "too_large"), "larger than this service takes"),
        ((415, "unsupported_media"), "not a picture that the service can read"),
        ((503, "draining"), "is being stopped"),
        ((502, ""), "The service answered 502"),
        (None, "cannot be reached"),
    ],
)
@pytest.mark.parametrize("asked", ["**/images", "**/masks"])
def test_the_busy_sign_ends_whatever_fails(
    loaded: Page, photo: Path, asked: str, how: tuple[int, str] | None, said: str
) -> None:
    """An error of the service, a page of a proxy, a connection that is cut: the sign ends and the page goes on."""

    def answer(route: Route) -> None:
        if how is None:
            route.abort("connectionreset")
        else:
            route.fulfill(status=how[0], body=json.dumps({"code": how[1], "error": "raw"}) if how[1] else "<html>")

    loaded.route(asked, answer)
    if asked.endswith("images"):
        loaded.set_input_files("#file", photo)
    else:
        slide(loaded, "expand", 30)
    expect(loaded.locator("#error")).to_contain_text(said)
    expect(loaded.locator("body")).not_to_have_class("busy")
    expect(loaded.locator("#workspace")).to_have_attribute("aria-busy", "false")
    loaded.unroute(asked)
    slide(loaded, "expand", 12)
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(loaded.locator("#error")).not_to_be_visible()


def test_a_crowd_that_the_service_cannot_draw_in_time(page: Page, stub: Stub, photo: Path) -> None:
    """Its faces are shown all the same: they can be switched, hidden and painted over."""
    stub.slow = True
    page.set_input_files("#file", photo)
    expect(page.locator("#list li")).to_have_count(2)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert stub.count("/images") == 1, "asking again would take as long"
    tool(page, "add")
    click_at(page, 320, 400)
    expect(page.locator("#error")).to_contain_text("Paint instead")


def test_a_picture_that_is_chosen_before_the_scripts_are_there(page: Page, photo: Path) -> None:
    held: list[Route] = []
    page.route("**/static/app.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    page.set_input_files("#file", photo)
    wait(page, lambda: bool(held))
    held[0].continue_()
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
