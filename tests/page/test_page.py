"""The page in a real browser: upload, pick, slide, correct, hide, cut out, download, errors, keyboard."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .hands import click_at, drag, near, pixel, size, slide, tool, wait
from .stub import Stub


def test_upload_shows_faces_and_mask(loaded: Page, stub: Stub) -> None:
    expect(loaded.locator("#list li")).to_have_count(2)
    expect(loaded.locator("#list li").first).to_contain_text("97 % sure")
    assert stub.last("/masks")["faces"] == [0, 1]
    assert stub.last("/masks")["invert"] is False
    face, wall = pixel(loaded, 200, 260), pixel(loaded, 20, 460)
    assert face[0] > face[2] + 60  # tinted
    assert sum(wall[:3]) < 300  # veiled


def test_click_switches_a_face_off_and_on(loaded: Page, stub: Stub) -> None:
    click_at(loaded, 480, 200)
    wait(loaded, lambda: stub.last("/masks")["faces"] == [0])
    expect(loaded.locator("#list input").nth(1)).not_to_be_checked()
    loaded.locator("#list input").nth(1).check()
    wait(loaded, lambda: stub.last("/masks")["faces"] == [0, 1])
    click_at(loaded, 20, 20)
    expect(loaded.locator("#list input:checked")).to_have_count(2)


def test_all_faces_off_asks_nothing(loaded: Page, stub: Stub) -> None:
    for box in loaded.locator("#list input").all():
        box.uncheck()
    expect(loaded.locator("#state")).to_have_text("All faces are switched off.")
    assert stub.last("/masks")["faces"] != []


def test_sliders_move_the_overlay(loaded: Page, stub: Stub) -> None:
    before = pixel(loaded, 200, 320)
    slide(loaded, "expand", 40)
    expect(loaded.locator("output[for=expand]")).to_have_text("40 px")
    wait(loaded, lambda: stub.last("/masks")["expand_pixels"] == 40)
    wait(loaded, lambda: pixel(loaded, 200, 320) != before)
    slide(loaded, "feather", 8)
    slide(loaded, "smooth", 30)
    wait(loaded, lambda: {"feather_pixels": 8, "blur_iterations": 30}.items() <= stub.last("/masks").items())
    assert stub.count("/images") == 1


def test_a_fast_hand_does_not_queue_requests(loaded: Page, stub: Stub) -> None:
    before = stub.count("/masks")
    loaded.evaluate(
        "for (let i = 0; i < 60; i += 1) {"
        " const e = document.getElementById('expand'); e.value = i; e.dispatchEvent(new Event('input')); }"
    )
    wait(loaded, lambda: stub.last("/masks")["expand_pixels"] == 59)
    assert stub.count("/masks") - before <= 3


def test_points_correct_the_mask(loaded: Page, stub: Stub) -> None:
    tool(loaded, "add")
    click_at(loaded, 320, 400)
    tool(loaded, "remove")
    click_at(loaded, 200, 200)
    wait(loaded, lambda: len(stub.last("/masks").get("points", [])) == 2)
    (x, y, sign), (_, _, other) = stub.last("/masks")["points"]
    assert (abs(x - 320) <= 1, abs(y - 400) <= 1, sign, other) == (True, True, 1, 0)
    expect(loaded.locator("#points")).to_have_text("2 points.")
    loaded.locator("#undo").click()
    wait(loaded, lambda: len(stub.last("/masks")["points"]) == 1)
    loaded.locator("#clear").click()
    wait(loaded, lambda: "points" not in stub.last("/masks"))


def test_a_box_takes_the_place_of_the_faces(loaded: Page, stub: Stub) -> None:
    tool(loaded, "box")
    drag(loaded, (300, 60), (400, 200))
    wait(loaded, lambda: near(stub.last("/masks").get("box"), [300, 60, 100, 140]))
    assert "faces" not in stub.last("/masks")
    assert "points" not in stub.last("/masks")
    expect(loaded.locator("#state")).to_contain_text("Mask of what is in the box")
    click_at(loaded, 500, 300)  # two clicks are a box as well
    click_at(loaded, 450, 220)
    wait(loaded, lambda: near(stub.last("/masks").get("box"), [450, 220, 50, 80]))
    loaded.locator("#undo").click()  # the box before
    wait(loaded, lambda: near(stub.last("/masks").get("box"), [300, 60, 100, 140]))
    loaded.locator("#undo").click()
    wait(loaded, lambda: stub.last("/masks").get("faces") == [0, 1])
    assert "box" not in stub.last("/masks")


def test_a_box_by_keys(loaded: Page, stub: Stub) -> None:
    loaded.locator("#canvas").focus()
    loaded.keyboard.press("b")
    loaded.keyboard.press("ArrowLeft")
    loaded.keyboard.press("Enter")
    for _ in range(2):
        loaded.keyboard.press("Shift+ArrowRight")
        loaded.keyboard.press("Shift+ArrowDown")
    loaded.keyboard.press("Enter")
    wait(loaded, lambda: stub.last("/masks").get("box") == [314, 240, 64, 64])
    loaded.keyboard.press("z")
    wait(loaded, lambda: "box" not in stub.last("/masks"))


def test_where_no_face_is_found_a_box_still_gives_a_mask(page: Page, stub: Stub, photo: Path) -> None:
    stub.blind = True
    page.set_input_files("#file", photo)
    expect(page.locator("#error")).to_contain_text("draw a box")
    tool(page, "box")
    drag(page, (120, 100), (280, 300))
    expect(page.locator("#state")).to_contain_text("in the box")
    expect(page.locator("#error")).not_to_be_visible()
    assert pixel(page, 200, 200)[0] > pixel(page, 20, 460)[0] + 60


def test_points_alone_do_not_bring_back_faces_that_are_off(loaded: Page, stub: Stub) -> None:
    for box in loaded.locator("#list input").all():
        box.uncheck()
    expect(loaded.locator("#state")).to_have_text("All faces are switched off.")
    before = stub.count("/masks")
    tool(loaded, "add")
    click_at(loaded, 320, 400)
    expect(loaded.locator("#points")).to_have_text("1 point.")
    assert stub.count("/masks") == before


def test_matte_is_asked_for_in_mask_and_cutout(loaded: Page, stub: Stub) -> None:
    assert "matte" not in stub.last("/masks")
    loaded.locator("#matte").check()
    wait(loaded, lambda: stub.last("/masks").get("matte") is True)
    loaded.get_by_text("Cut out").click()
    wait(loaded, lambda: stub.count("/cutout") > 0)
    assert stub.last("/cutout")["matte"] is True


def test_the_keyboard_does_it_all(page: Page, stub: Stub, photo: Path) -> None:
    page.locator("#file").focus()
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    page.locator("#canvas").focus()
    page.keyboard.press("2")
    wait(page, lambda: stub.last("/masks")["faces"] == [0])
    page.keyboard.press("+")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    wait(page, lambda: stub.last("/masks").get("points") == [[320, 336, 1]])
    page.keyboard.press("z")
    wait(page, lambda: "points" not in stub.last("/masks"))
    page.keyboard.press("Escape")
    assert page.locator("input[name=tool]:checked").input_value() == "pick"


def test_region_and_target(loaded: Page, stub: Stub) -> None:
    loaded.locator("#region").select_option("head")
    wait(loaded, lambda: stub.last("/masks")["region"] == "head")
    loaded.locator("#target").select_option("ideogram-edit")
    expect(loaded.locator("#polarity")).to_contain_text("black = change")
    expect(loaded.locator("#invert")).not_to_be_visible()
    with loaded.expect_download() as got:
        loaded.locator("#download").click()
    assert got.value.suggested_filename == "two people-mask-ideogram-edit.png"
    asked = stub.last("/masks")
    assert (asked["target"], asked["edit"]) == ("ideogram-edit", "faces")
    assert "invert" not in asked


@pytest.mark.parametrize(
    ("target", "hint", "said"),
    [
        ("comfyui", "transparent = change", "one file"),
        ("recraft", "Two values only", "Two files"),
    ],
)
def test_what_a_target_does_with_files_and_soft_edges(loaded: Page, target: str, hint: str, said: str) -> None:
    loaded.locator("#target").select_option(target)
    expect(loaded.locator("#polarity")).to_contain_text(hint)
    assert ("feather" in loaded.locator("#polarity").inner_text()) == (target == "recraft")
    loaded.locator("#download").click()
    expect(loaded.locator("#state")).to_contain_text(said)


def test_regions_are_those_that_the_engine_gives(loaded: Page, stub: Stub) -> None:
    options = loaded.locator("#region option")
    expect(options).to_have_text(["face", "head", "hair", "eyes", "lips"])
    loaded.locator("#without").select_option("lips")
    wait(loaded, lambda: stub.last("/masks")["region"] == "face,-lips")


def test_repaint_is_a_question_of_a_tool(loaded: Page) -> None:
    expect(loaded.locator("#edit")).not_to_be_visible()
    loaded.locator("#target").select_option("openai")
    expect(loaded.locator("#edit")).to_be_visible()


def test_download_is_in_sight(loaded: Page) -> None:
    expect(loaded.locator("#download")).to_be_in_viewport()
    loaded.set_viewport_size({"width": 375, "height": 640})
    loaded.locator("#faces").scroll_into_view_if_needed()
    expect(loaded.locator("#download")).to_be_in_viewport()
    assert loaded.evaluate("document.documentElement.scrollWidth") == 375


def test_no_invisible_stop_of_the_tab_key(page: Page) -> None:
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
    assert "file" in seen
    assert "camera" not in seen


def test_download_of_the_plain_mask(loaded: Page, stub: Stub) -> None:
    with loaded.expect_download() as got:
        loaded.locator("#download").click()
    assert got.value.suggested_filename == "two people-mask.png"
    mask = np.asarray(Image.open(io.BytesIO(Path(got.value.path()).read_bytes())))
    assert (mask[200, 200], mask[10, 10]) == (0, 255)
    assert stub.last("/masks")["invert"] is True


def test_anonymise_before_and_after(loaded: Page, stub: Stub) -> None:
    stub.residual = 1
    loaded.locator("#list input").nth(1).uncheck()
    loaded.get_by_text("Anonymise").click()
    expect(loaded.locator("#state")).to_contain_text("found 1 face left")
    assert stub.last("/anonymize")["except_points"] == [[480, 215]]
    loaded.locator("#method").select_option("pixelate")
    slide(loaded, "strength", 80)
    wait(loaded, lambda: stub.last("/anonymize")["strength"] == 0.8)
    expect(loaded.locator("#compare")).to_be_visible()
    slide(loaded, "split", 20)  # the face stands right of the line: after
    wait(loaded, lambda: pixel(loaded, 200, 250)[:3] == [90, 90, 90])
    drag(loaded, (128, 400), (500, 400))  # the line itself; now the face stands left of it: before
    wait(loaded, lambda: pixel(loaded, 200, 250)[0] > 200)
    assert 75 < float(loaded.locator("#split").input_value()) < 82
    assert "except_points" in stub.last("/anonymize")
    with loaded.expect_download() as got:
        loaded.locator("#download").click()
    assert got.value.suggested_filename == "two people-anonymised.png"


def test_cutout(loaded: Page, stub: Stub) -> None:
    loaded.get_by_text("Cut out").click()
    expect(loaded.locator("#state")).to_have_text("Done.")
    assert stub.last("/cutout")["background"] == "transparent"
    assert (stub.last("/cutout")["expand_pixels"], stub.last("/cutout")["feather_pixels"]) == (0, 3)
    checks = ([255, 255, 255], [201, 206, 212])  # what lies under transparency
    assert pixel(loaded, 630, 10)[:3] in checks
    assert pixel(loaded, 10, 10)[:3] not in checks  # before, on the left
    slide(loaded, "split", 0)
    wait(loaded, lambda: pixel(loaded, 10, 10)[:3] in checks)
    loaded.locator("#background").select_option("colour")
    loaded.locator("#aspect").select_option("35x45mm")
    wait(loaded, lambda: stub.last("/cutout").get("aspect") == "35x45mm")
    assert stub.last("/cutout")["background"] == "#3366cc"
    assert "dpi" not in stub.last("/cutout")
    loaded.locator("#aspect").select_option("35x45mm@300")
    wait(loaded, lambda: (stub.last("/cutout")["aspect"], stub.last("/cutout").get("dpi")) == ("35x45mm", 300))
    assert "padding" not in stub.last("/cutout")
    slide(loaded, "padding", 25)
    wait(loaded, lambda: stub.last("/cutout").get("padding") == 0.25)


def test_copy_as_curl(loaded: Page, tmp_path: Path) -> None:
    loaded.locator("#curl").click()
    command = loaded.locator("#command").input_value()
    assert command.startswith("curl --fail-with-body -X POST 'http://127.0.0.1:")
    assert "/create_mask'" in command
    assert """-F 'image=@"two people.jpg"'""" in command
    assert "--form-string 'faces=[0,1]'" in command
    loaded.locator("#copy").click()
    expect(loaded.locator("#copied")).to_have_text("Copied.")
    loaded.locator("#close").click()
    expect(loaded.locator("#dialog")).not_to_be_visible()


def test_a_service_without_images_gets_the_picture_each_time(page: Page, stub: Stub, photo: Path) -> None:
    stub.with_images = False
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert stub.last("/create_mask")["image"] == photo.read_bytes()
    slide(page, "expand", 30)
    wait(page, lambda: stub.last("/create_mask")["expand_pixels"] == 30)


def test_an_expired_id_is_uploaded_again(loaded: Page, stub: Stub) -> None:
    stub.images.clear()
    slide(loaded, "expand", 33)
    wait(loaded, lambda: stub.count("/images") == 2 and stub.last("/masks")["expand_pixels"] == 33)
    expect(loaded.locator("#error")).not_to_be_visible()


def test_an_upload_that_another_process_holds(loaded: Page, stub: Stub) -> None:
    stub.forgetful = True
    slide(loaded, "expand", 34)
    wait(loaded, lambda: stub.count("/create_mask") == 1)
    assert stub.last("/create_mask")["expand_pixels"] == 34
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    tool(loaded, "add")
    click_at(loaded, 320, 400)  # points need the upload
    expect(loaded.locator("#error")).to_contain_text("has forgotten this picture")
    stub.forgetful = False
    loaded.locator("#clear").click()
    expect(loaded.locator("#error")).not_to_be_visible()


def test_a_key_that_is_given_while_another_is_refused_is_used(page: Page, stub: Stub, photo: Path) -> None:
    stub.key = "sesame-sesame-sesame"
    page.set_input_files("#file", photo)
    expect(page.locator("#key")).to_be_focused()
    page.evaluate(
        """key => { const box = document.getElementById('key');
        for (const one of ['sesame-sesame-tuesday', key]) { box.value = one;
            box.dispatchEvent(new Event('change')); } }""",
        stub.key,
    )
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")


def test_a_key_is_asked_for_kept_and_sent(page: Page, stub: Stub, photo: Path) -> None:
    stub.key = "sesame-sesame-sesame"
    page.set_input_files("#file", photo)
    expect(page.locator("#error")).to_contain_text("API key")
    expect(page.locator("#key")).to_be_focused()
    page.locator("#key").fill("sesame-sesame-tuesday")
    page.locator("#key").press("Tab")
    expect(page.locator("#error")).to_contain_text("API key")
    page.locator("#key").fill(stub.key)
    page.locator("#key").press("Enter")  # the picture was not forgotten
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    expect(page.locator("#error")).not_to_be_visible()
    assert page.evaluate("[sessionStorage.getItem('key'), localStorage.length, document.cookie]") == [stub.key, 0, ""]
    page.locator("#curl").click()
    command = page.locator("#command").input_value()
    assert "$SAM_API_KEY" in command
    assert stub.key not in command


def test_busy_is_tried_again(loaded: Page, stub: Stub) -> None:
    stub.busy = 1
    slide(loaded, "expand", 21)
    wait(loaded, lambda: stub.count("/masks") >= 3)
    expect(loaded.locator("#error")).not_to_be_visible()


def test_markup_in_an_error_stays_text(loaded: Page, stub: Stub) -> None:
    stub.error = (422, "invalid_parameter", "<img src=x onerror=alert(1)><b>bold</b>")
    slide(loaded, "expand", 22)
    expect(loaded.locator("#error")).to_have_text("<img src=x onerror=alert(1)><b>bold</b>")
    assert loaded.locator("#error > *").count() == 0
    stub.error = None
    slide(loaded, "expand", 23)
    expect(loaded.locator("#error")).not_to_be_visible()


def test_a_hostile_file_name_stays_text(page: Page, stub: Stub, tmp_path: Path, photo: Path) -> None:
    evil = tmp_path / "a'; rm -rf ~; '\".jpg"
    evil.write_bytes(photo.read_bytes())
    page.set_input_files("#file", evil)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    page.locator("#curl").click()
    assert """'image=@"a'\\''; rm -rf ~; '\\''\\".jpg"'""" in page.locator("#command").input_value()


def test_what_is_no_picture_is_said(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"this is not a picture")
    page.set_input_files("#file", path)
    expect(page.locator("#error")).to_be_visible()
    expect(page.locator("#drop")).to_be_visible()


@pytest.mark.parametrize("how", ["broken", "refused"])
def test_a_picture_that_fails_leaves_the_one_before(loaded: Page, stub: Stub, tmp_path: Path, how: str) -> None:
    before = pixel(loaded, 200, 260)
    path = tmp_path / "x.png"
    path.write_bytes(b"this is not a picture")
    if how == "refused":
        Image.new("RGB", (900, 300), (9, 9, 9)).save(path)
        stub.error = (422, "image_too_many_pixels", "The picture has too many pixels.")
    loaded.set_input_files("#file", path)
    expect(loaded.locator("#error")).to_be_visible()
    expect(loaded.locator("#state")).to_have_text("The picture before is still here.")
    assert pixel(loaded, 200, 260) == before
    stub.error = None
    slide(loaded, "expand", 30)
    wait(loaded, lambda: stub.last("/masks")["expand_pixels"] == 30)
    expect(loaded.locator("#state")).to_contain_text("Mask of 2 faces")
    assert [path for _, path, _ in stub.asked if path.endswith("/masks")][-1] == "/images/id0/masks"


def test_the_same_file_may_be_chosen_again(loaded: Page, stub: Stub, photo: Path) -> None:
    assert loaded.locator("#file").input_value() == ""
    loaded.set_input_files("#file", photo)
    wait(loaded, lambda: stub.count("/images") == 2)


def test_drop_and_paste(page: Page, stub: Stub, photo: Path) -> None:
    bring = """async ([kind, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], 'p.jpg', { type: 'image/jpeg' }));
      const [Kind, name] = kind === 'drop' ? [DragEvent, 'dataTransfer'] : [ClipboardEvent, 'clipboardData'];
      document.dispatchEvent(new Kind(kind, { [name]: data, bubbles: true, cancelable: true }));
    }"""
    for number, kind in enumerate(("drop", "paste"), 1):
        page.evaluate(bring, [kind, list(photo.read_bytes())])
        wait(page, lambda n=number: stub.count("/images") == n)  # type: ignore[misc]
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")


def test_roles_and_names(page: Page) -> None:
    expect(page.get_by_role("radio", name="Anonymise")).to_be_attached()
    expect(page.get_by_role("slider", name="Expand")).to_be_visible()
    expect(page.get_by_role("button", name="Download")).to_be_disabled()
    expect(page.get_by_role("combobox", name="Tool")).to_be_visible()
    assert page.locator("[role=status]").count() == 5
    assert page.locator("#error").get_attribute("role") == "alert"
    assert re.search(r"\d", page.locator("#keys").text_content() or "")


def test_a_turned_photo_stands_upright_as_it_does_at_the_service(page: Page, tmp_path: Path, photo: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = tmp_path / "turned.jpg"
    with Image.open(photo) as image:
        image.save(turned, exif=exif)
    page.set_input_files("#file", turned)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert size(page) == (480, 640)
