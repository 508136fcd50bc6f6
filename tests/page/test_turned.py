"""Pictures that notes in the file turn: the page shows what the service sees, so that box and mask lie where the face
is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.image.turn import upright

from ..image.drawn import CASES, decode, drawn, exif
from .application import application
from .hands import pixel, size, slide

XMP = '<x:xmpmeta><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'
BACK = {6: 8, 8: 6}
"""The turn that undoes another one; the others undo themselves."""


class RedIsAFace:
    """Finds the red quarter."""

    name = "red"

    def detect(self, image: RGB, options: DetectOptions, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        red = (image[..., 0] > 180) & (image[..., 1] < 90) & (image[..., 2] < 90)
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        if not rows.size:
            return [Face(Box(40, 40, 60, 60), 0.9)]
        box = Box(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
        return [Face(box, 0.9)]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with application(tmp_path, detector=RedIsAFace()) as address:
        yield address


@pytest.fixture
def page(tab: Page, url: str) -> Page:
    tab.goto(url)
    return tab


def turned(kind: str, notes: str, orientation: int, width: int, height: int) -> bytes:
    """The four quarters, stored so that ``orientation`` turns them upright."""
    out = io.BytesIO()
    stored = Image.fromarray(upright(drawn(width, height), BACK.get(orientation, orientation)))
    text = XMP.format(orientation).encode()
    options: dict[str, Any] = {"exif": {"exif": b"Exif\0\0" + exif(orientation)}, "xmp": {"xmp": text}}[notes]
    if kind == "TIFF":
        options = {"tiffinfo": {274: orientation}}
    stored.save(out, kind, quality=95, **options)
    return out.getvalue()


def show(page: Page, path: Path) -> None:
    page.set_input_files("#file", path)
    expect(page.locator("#state")).to_contain_text("Mask of 1 face")
    slide(page, "opacity", 0)


@pytest.mark.parametrize(
    ("kind", "notes", "orientation", "width", "height"),
    [
        ("JPEG", "exif", 3, 200, 150),
        ("JPEG", "exif", 6, 200, 150),
        ("JPEG", "xmp", 2, 200, 150),
        ("JPEG", "xmp", 3, 200, 150),
        ("JPEG", "xmp", 6, 160, 160),
        ("JPEG", "xmp", 8, 200, 150),
        ("WEBP", "exif", 6, 160, 160),
        ("WEBP", "xmp", 4, 200, 150),
        ("TIFF", "exif", 6, 200, 150),
    ],
)
def test_the_face_is_where_its_box_is(
    page: Page, tmp_path: Path, kind: str, notes: str, orientation: int, width: int, height: int
) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(turned(kind, notes, orientation, width, height))
    assert decode(path.read_bytes()).orientation == orientation
    show(page, path)
    assert size(page) == (width, height)
    quarters = {(1, 1): (255, 0, 0), (3, 1): (0, 255, 0), (1, 3): (0, 0, 255), (3, 3): (255, 255, 255)}
    for (x, y), colour in quarters.items():
        shown = pixel(page, width * x // 4, height * y // 4)[:3]
        assert np.abs(np.subtract(shown, colour)).max() < 40, (x, y, shown)


@pytest.mark.parametrize("name", ["webp_exif6.webp", "xmp_only_orientation6.jpg"])
def test_the_cases_are_shown_as_the_service_sees_them(page: Page, name: str) -> None:
    if not (CASES / name).is_file():
        pytest.skip("the cases are not here")
    seen = decode((CASES / name).read_bytes()).rgb
    show(page, CASES / name)
    height, width = seen.shape[:2]
    assert size(page) == (width, height)
    blurred = [(x, y) for x in range(20, width, 60) for y in range(20, height, 60)]
    apart = [np.abs(np.subtract(pixel(page, x, y)[:3], seen[y, x].astype(int))).mean() for x, y in blurred]
    assert np.median(apart) < 12
