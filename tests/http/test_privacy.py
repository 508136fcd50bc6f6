"""No cap and no check may hide a face: crowds, boxes, the second look, and what is said of all of them over HTTP. On
fakes.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.client import calls
from sam_mask_service.client.results import picture_of
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions, Faces
from sam_mask_service.geometry import RGB, Box, Face, PixelBox
from sam_mask_service.segment.fake import FakeEmbedding, FakeSegmenter
from sam_mask_service.segment.segmenter import Detail

from ..support.scene import ANY, Fixed, picture, service
from ..support.wire import Client, closing

PHOTO = picture(400, 400)
NINETY = tuple(Face(Box(40 * (i % 10) + 4, 40 * (i // 10) + 4, 20 + i % 9, 24), 0.9, presence=0.9) for i in range(90))
FORM = {"image": ("p.png", PHOTO)}


@dataclass
class Crowd:
    """Finds ``first`` in the picture as it was sent, and ``later`` in any other view: of the whole, whose border and
    mirror it undoes, or of a place alone.
    """

    first: Sequence[Face] = NINETY
    later: Sequence[Face] = ()
    unexamined: tuple[int, int] = (0, 0)
    name: str = "crowd"

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        deadline.check()
        if image.shape[:2] == (400, 400):
            return Faces(self.first, self.unexamined[0])
        if image.shape[0] < 400:
            return [
                _seen_near(face) for face in self.later if (_near(face).height, _near(face).width) == image.shape[:2]
            ]
        margin = image.shape[0] - 400
        moved = [
            Face(
                Box(400 - face.box.right + margin, face.box.y + margin, face.box.width, face.box.height),
                face.confidence,
                presence=face.presence,
            )
            for face in self.later
        ]
        return Faces(moved, self.unexamined[1])


def _near(face: Face) -> PixelBox:
    return face.box.grown(1.5).pixels(400, 400)


def _seen_near(face: Face) -> Face:
    x, y = _near(face).x, _near(face).y
    return replace(face, box=Box(face.box.x - x, face.box.y - y, face.box.width, face.box.height))


@dataclass(slots=True)
class Counting(FakeSegmenter):
    """Remembers how many faces it was given at once."""

    given: list[int] = field(default_factory=list)

    def embed(
        self, image: RGB, faces: Sequence[Face], detail: Detail = "auto", deadline: Deadline = NO_DEADLINE
    ) -> FakeEmbedding:
        self.given.append(len(faces))
        return FakeEmbedding(image.shape[1], image.shape[0])

    def embedding_key(self, width: int, height: int, faces: Sequence[Face], detail: Detail) -> Any:
        return tuple(face.box for face in faces)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    with closing(lambda **values: Client(service(tmp_path, **{"detector": Crowd(), **values}))) as build:
        yield build


def pixels(data: bytes | str) -> Any:
    raw = base64.b64decode(data) if isinstance(data, str) else data
    return np.asarray(Image.open(io.BytesIO(raw)))


def touched(after: Any, box: Box) -> float:
    """Share of a box's pixels that are not as they were."""
    where = box.pixels(400, 400)
    return float((after[where.rows, where.columns] != pixels(PHOTO)[where.rows, where.columns]).any(axis=2).mean())


# --- crowds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["face", "head"])
def test_every_face_of_a_crowd_is_hidden(make: Callable[..., Client], region: str) -> None:
    """With and without an engine that draws them: it never gets more at once than a mask may have."""
    engine = Counting()
    client = make(segmenter=engine, max_faces=16)
    body = client.post("/anonymize", files=FORM, data={"region": region, "method": "solid"}).json()
    assert (body["stats"]["faces_detected"], body["stats"]["faces_hidden"], len(body["faces"])) == (90, 90, 90)
    assert body["residual_faces"] == 0
    assert "warnings" not in body["stats"]
    after = pixels(body["image_base64"])
    assert min(touched(after, face.box) for face in NINETY) > 0.7
    assert engine.given == ([] if region == "face" else [16] * 5 + [10])


@pytest.mark.parametrize("order", ["size", "left"])
def test_a_mask_of_a_crowd_says_that_there_are_more(make: Callable[..., Client], order: str) -> None:
    client = make(max_faces=16)
    stats = client.post("/create_mask", files=FORM, data={"mode": "combined", "order": order}).json()["stats"]
    assert (stats["faces_detected"], len(stats["faces"])) == (90, 16)
    (warning,) = stats["warnings"]
    assert (warning["code"], warning["seen"]) == ("more_faces", 90)
    assert "16 largest" in warning["detail"]
    assert min(row["bbox"]["width"] for row in stats["faces"]) >= 27, "the largest are kept, whatever the order"
    text = client.get("/metrics").text
    assert 'sam_mask_warnings_total{code="more_faces"} 1.0' in text


def test_a_face_beyond_the_limit_can_be_asked_for(make: Callable[..., Client]) -> None:
    """Faces are numbered over all that are found; the limit bounds how many are drawn."""
    client = make(max_faces=16)
    stats = client.post("/create_mask", files=FORM, data={"mode": "combined", "faces": "88,89"}).json()["stats"]
    assert [row["face_id"] for row in stats["faces"]] == [88, 89]
    assert "warnings" not in stats


def test_the_other_endpoints_say_it_too(make: Callable[..., Client]) -> None:
    client = make(max_faces=16)
    found = client.post("/detect_faces", files=FORM).json()
    assert len(found["faces"]) == 90, "boxes alone cost nothing: all are told"
    assert "warnings" not in found["stats"]
    kept = client.post("/images", files=FORM).json()
    assert (len(kept["faces"]), kept["stats"]["warnings"][0]["seen"]) == (16, 90)
    cut = client.post("/cutout", files=FORM, headers={"Accept": "image/png"})
    assert cut.headers["x-warnings"] == "more_faces"
    again = client.post(f"/images/{kept['image_id']}/masks", json={"mode": "combined"}).json()["stats"]
    assert again["warnings"][0]["code"] == "more_faces"
    (line,) = client.post("/create_masks", files=FORM, data={"mode": "combined"}).text.splitlines()
    assert json.loads(line)["stats"]["warnings"][0]["seen"] == 90
    mask = calls.mask(PHOTO, {}).read(client.post("/create_mask", files=FORM, data={"mode": "combined"}).json())
    assert [(w.code, w.row["seen"]) for w in mask.warnings] == [("more_faces", 90)]


def test_one_of_many_is_no_cut(make: Callable[..., Client]) -> None:
    stats = make(max_faces=16).post("/create_mask", files=FORM).json()["stats"]
    assert "warnings" not in stats


def test_places_that_were_too_many_are_an_error_or_a_warning(make: Callable[..., Client]) -> None:
    client = make(detector=Crowd(unexamined=(7, 0)))
    refused = client.post("/anonymize", files=FORM)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_faces")
    (warning,) = client.post("/detect_faces", files=FORM).json()["stats"]["warnings"]
    assert warning["code"] == "more_faces"
    assert "7 further places" in warning["detail"]
    late = make(detector=Crowd(unexamined=(0, 5))).post("/anonymize", files=FORM).json()["stats"]
    assert [row["code"] for row in late["warnings"]] == ["more_faces"]


# --- the second look --------------------------------------------------------------------------------------------------

MISSED = Face(Box(350, 372, 26, 22), 0.8, presence=0.9)


def test_a_face_that_the_first_search_missed_is_counted_marked_and_warned_about(make: Callable[..., Client]) -> None:
    """It is hidden too; this one's mesh is seen all the same."""
    client = make(detector=Crowd(NINETY[:3], [MISSED]))
    answer = client.post("/anonymize", files=FORM)
    body = answer.json()
    assert body["residual_faces"] == 1
    assert [row["face_id"] for row in body["faces"] if row["bbox"]["x"] == 350] == [3]
    assert touched(pixels(body["image_base64"]), MISSED.box) > 0.7
    assert body["residual"] == [{"bbox": {"x": 350, "y": 372, "width": 26, "height": 22}, "confidence": 0.8}]
    (warning,) = body["stats"]["warnings"]
    assert (warning["code"], warning["left"]) == ("residual_faces", 1)
    bare = client.post("/anonymize", files=FORM, headers={"Accept": "image/*"}).headers
    assert (bare["x-residual-faces"], bare["x-residual-boxes"]) == ("1", "350,372,26,22")
    assert bare["x-warnings"] == "residual_faces"
    made = picture_of(body)
    assert (made.residual_faces, made.residual[0].x, made.warnings[0].code) == (1, 350, "residual_faces")


def test_a_face_that_the_second_look_finds_is_hidden_and_gone(make: Callable[..., Client]) -> None:
    later = Face(MISSED.box, 0.8, presence=0.1)
    body = make(detector=Crowd(NINETY[:3], [later])).post("/anonymize", files=FORM).json()
    assert (body["residual_faces"], body["stats"]["faces_hidden"], body["stats"]["faces_detected"]) == (0, 4, 3)
    assert touched(pixels(body["image_base64"]), MISSED.box) > 0.7


@pytest.mark.parametrize("chosen", [{"faces": "0"}, {"max_faces": "1"}, {"point_x": "10", "point_y": "10"}])
def test_who_chose_faces_is_told_of_others_and_no_more_is_hidden(
    make: Callable[..., Client], chosen: dict[str, str]
) -> None:
    body = make(detector=Crowd(NINETY[:3], [MISSED])).post("/anonymize", files=FORM, data=chosen).json()
    assert (body["residual_faces"], body["stats"]["faces_hidden"]) == (1, 1)
    assert touched(pixels(body["image_base64"]), MISSED.box) == 0


def test_a_spared_face_is_not_left_but_a_small_one_within_its_box_is(make: Callable[..., Client]) -> None:
    large, within = Face(Box(100, 100, 200, 200), 0.9, presence=0.9), Face(Box(250, 240, 30, 30), 0.9, presence=0.9)
    client = make(detector=Crowd([large], [large, within]))
    body = client.post("/anonymize", files=FORM, data={"except": "0"}).json()
    assert [row["bbox"]["x"] for row in body["residual"]] == [250]


# --- boxes ------------------------------------------------------------------------------------------------------------


def test_a_box_is_hidden_whole_whether_or_not_there_is_a_face(make: Callable[..., Client]) -> None:
    client = make(detector=Crowd(NINETY[:1]))
    asked = {"boxes": [[200, 210, 50, 40], [390.5, 100, 80, 8]], "method": "solid", "colour": "#010203"}
    text = base64.b64encode(PHOTO).decode()
    body = client.post("/anonymize", json={"image_base64": text, **asked}).json()
    after = pixels(body["image_base64"])
    assert (after[210:250, 200:250] == (1, 2, 3)).all()
    assert (after[100:108, 391:] == (1, 2, 3)).all()
    assert np.array_equal(after[250:, 200:250], pixels(PHOTO)[250:, 200:250])
    assert (body["stats"]["boxes_hidden"], body["stats"]["faces_hidden"]) == (2, 1)
    form = client.post("/anonymize", files=FORM, data={**asked, "boxes": json.dumps(asked["boxes"])}).json()
    assert np.array_equal(pixels(form["image_base64"]), after)


@pytest.mark.parametrize("method", ["blur", "pixelate", "mosaic", "solid"])
def test_a_box_where_no_face_is_found_at_all(make: Callable[..., Client], method: str) -> None:
    client = make(detector=Crowd(()))
    body = client.post("/anonymize", files=FORM, data={"boxes": "20,30,50,40", "method": method}).json()
    assert body["faces"] == []
    assert touched(pixels(body["image_base64"]), Box(20, 30, 50, 40)) > 0.9
    assert client.post("/anonymize", files=FORM).json()["code"] == "no_face"


def test_a_box_that_reaches_beyond_the_picture_is_hidden_as_far_as_it_goes(make: Callable[..., Client]) -> None:
    """As finders of faces give them where a face is cut by the edge."""
    asked = {"boxes": "[[-20, -10.5, 60, 50], [380, 250, 90, 90]]", "method": "solid", "colour": "#010203"}
    body = make(detector=Crowd(())).post("/anonymize", files=FORM, data=asked).json()
    hidden = (pixels(body["image_base64"]) == (1, 2, 3)).all(axis=2)
    assert body["stats"]["boxes_hidden"] == 2
    assert hidden[:40, :40].all()
    assert hidden[250:340, 380:400].all()
    assert hidden.sum() == 40 * 40 + 90 * 20


@pytest.mark.parametrize(
    "boxes",
    [
        "[]",
        "[[1,2,3]]",
        "[[1,2,0,4]]",
        "[[-3,2,3,4]]",
        "[[1,-2e6,3,4]]",
        "[[400,2,3,4]]",
        "[[1,2,3,1e9]]",
        "1,2,3",
        "x",
        "[[1,2,3,true]]",
    ],
)
def test_a_box_that_is_none_is_refused(make: Callable[..., Client], boxes: str) -> None:
    answer = make().post("/anonymize", files=FORM, data={"boxes": boxes})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert "boxes" in answer.json()["detail"]


def test_more_boxes_than_a_request_may_have_are_refused(make: Callable[..., Client]) -> None:
    boxes = [[1, 2, 3, 4]] * 1001
    answer = make().post("/anonymize", files=FORM, data={"boxes": json.dumps(boxes)})
    assert answer.status_code in (413, 422)


# --- a detector that is not here yet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked", "codes"),
    [("mediapipe", "auto", ["weaker_detector"]), ("mediapipe", "mediapipe", []), ("yunet", "auto", [])],
)
def test_it_is_said_that_the_better_detector_is_missing(
    make: Callable[..., Client], name: str, asked: str, codes: list[str]
) -> None:
    client = make(detector=Fixed((), name=name))
    form = {"boxes": "1,2,30,40", "detector": asked}
    stats = client.post("/anonymize", files=FORM, data=form).json()["stats"]
    assert [row["code"] for row in stats.get("warnings", [])] == codes
