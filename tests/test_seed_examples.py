"""The first examples that users of this service were given, run as printed: the promise that none of them ever breaks.

They stand in README.md; where the seed document itself is at hand, its own text is run too.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .support.examples import Block, Stage, answers, blocks, staged

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SAM_SHARED", ROOT.parent / "shared"))
DOCUMENTS = [ROOT / "README.md", *sorted((SHARED / "seeds").glob("*.txt"))]
pytestmark = [pytest.mark.server, pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.suffix[1:])]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("seed")) as made:
        yield made


def example(document: Path, number: int) -> Block:
    [block] = [b for b in blocks(document.read_text(encoding="utf-8")) if b.heading.startswith(f"Example {number}:")]
    return block


def is_mask(text: str, width: int = 512) -> np.ndarray:
    """A grey two-valued PNG of the picture's size with a face in it that is black."""
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert mask.shape == (512, width) and set(np.unique(mask)) == {0, 255}
    assert mask[0, 0] == 255 and mask[125, 225] == 0, "the portrait's nose is not masked"
    return mask


def has_the_promised_fields(body: dict[str, Any]) -> None:
    assert body["success"] is True and isinstance(body["processing_time"], float)
    stats = body["stats"]
    assert stats["face_pixels"] + stats["background_pixels"] == stats["image_width"] * stats["image_height"]
    assert 0 < stats["face_percentage"] < 100 and 0 < stats["score"] <= 1
    assert {"x", "y", "width", "height"} == set(stats["face_bbox"])
    assert stats["mode"] == body["parameters"]["mode"] and stats["inverted"] is body["parameters"]["invert"]


def test_1_url_with_curl(stage: Stage, document: Path) -> None:
    [body] = answers(stage.bash(example(document, 1).code))
    has_the_promised_fields(body)
    is_mask(body["mask_base64"])
    wanted = {"expand_pixels": 5, "blur_iterations": 10, "invert": True, "mode": "first"}
    assert wanted.items() <= body["parameters"].items()


def test_2_upload_with_curl(stage: Stage, document: Path) -> None:
    [body] = answers(stage.bash(example(document, 2).code))
    has_the_promised_fields(body)
    is_mask(body["mask_base64"])
    assert {"expand_pixels": 10, "blur_iterations": 15}.items() <= body["parameters"].items()


def test_3_base64_with_javascript(stage: Stage, document: Path) -> None:
    """README's runs as the file that it says it is; the first users' own is text for node's prompt, where ``require``
    is.
    """
    if document.name == "README.md":
        (stage.folder / "mask.png").unlink(missing_ok=True)
        stage.module(example(document, 3).code)
        is_mask(base64.b64encode((stage.folder / "mask.png").read_bytes()).decode())
        return
    body = stage.node(example(document, 3).code)
    has_the_promised_fields(body)
    is_mask(body["mask_base64"])


def test_4_python_client(stage: Stage, document: Path) -> None:
    (stage.folder / "output_mask.png").unlink(missing_ok=True)
    assert stage.python(example(document, 4).code).startswith("Mask saved! Stats: {")
    is_mask(base64.b64encode((stage.folder / "output_mask.png").read_bytes()).decode())


def test_5_several_faces(stage: Stage, document: Path) -> None:
    combined, crops = answers(stage.bash(example(document, 5).code))
    has_the_promised_fields(combined)
    mask = is_mask(combined["mask_base64"], width=1024)
    assert mask[125, 1023 - 225] == 0, "the second face is not masked"
    assert crops["mode"] == crops["stats"]["mode"] == "crop" and crops["stats"]["faces_detected"] == 2
    assert [face["face_id"] for face in crops["cropped_faces"]] == [0, 1]
    for face in crops["cropped_faces"]:
        picture = Image.open(io.BytesIO(base64.b64decode(face["image_base64"])))
        assert picture.size == (face["width"], face["height"])
        assert {"original_bbox", "crop_bbox"} <= face.keys()


def test_the_health_check(stage: Stage, document: Path) -> None:
    lines = [line for b in blocks(document.read_text(encoding="utf-8")) for line in b.code.splitlines()]
    [line] = {line for line in lines if line.startswith("curl http://localhost:8739/health")}
    [body] = answers(stage.bash(line))
    assert body["status"] in {"healthy", "degraded"} and body["model"]
