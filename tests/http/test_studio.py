"""The hand-over endpoints over HTTP, on fakes: anonymise, cut out, put back, keep and ask again, many at once."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request

from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.http.incoming import owner_of
from sam_mask_service.patch import Patch
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import FaceMask
from sam_mask_service.targets import TARGETS

from ..support.scene import Fixed, picture, service
from ..support.wire import Client, closing

PHOTO = picture()
LARGE, SMALL = (120, 40, 60, 70), (20, 30, 40, 50)
"""Boxes of face 0 and face 1."""


@dataclass
class Seeing(Fixed):
    """Finds its faces only where the picture is still as it was: in hidden faces it sees nothing."""

    original: RGB = field(default_factory=lambda: opened(PHOTO)[..., :3])

    def detect(self, image: RGB, options: DetectOptions = DetectOptions(), *rest: Any) -> list[Face]:  # noqa: B008
        self.asked.append(options)
        return [face for face in self.faces if self._same(image, face.box)]

    def _same(self, image: RGB, box: Box) -> bool:
        x, y = (int(v) for v in box.centre)
        return np.array_equal(image[y - 5 : y + 5, x - 5 : x + 5], self.original[y - 5 : y + 5, x - 5 : x + 5])


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    with closing(lambda **values: Client(service(tmp_path, **{"detector": Seeing(), **values}))) as build:
        yield build


def opened(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)))


def files(**parts: bytes) -> dict[str, Any]:
    return {name: (name, data) for name, data in parts.items()}


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["success"] is False
    return body


# --- anonymise --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["blur", "pixelate", "solid", "mosaic"])
def test_anonymize_hides_every_face_and_looks_again(make: Callable[..., Client], method: str) -> None:
    client = make()
    answer = client.post("/anonymize", files=files(image=PHOTO), data={"method": method}, headers={"Accept": "image/*"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert (answer.headers["x-residual-faces"], answer.headers["x-faces-hidden"]) == ("0", "2")
    before, after = opened(PHOTO), opened(answer.content)
    for x, y, w, h in (LARGE, SMALL):
        assert not np.array_equal(
            after[y + 10 : y + h - 10, x + 10 : x + w - 10], before[y + 10 : y + h - 10, x + 10 : x + w - 10]
        )
    assert np.array_equal(after[130:], before[130:])
    first, second = client.service.detector.asked  # type: ignore[attr-defined]
    assert (first.recall, second.recall) == ("high", "high"), "the check looks no less hard than the search"


def test_a_spared_face_stays_as_it_was(make: Callable[..., Client]) -> None:
    body = make().post("/anonymize", files=files(image=PHOTO), data={"except": "0", "method": "solid"}).json()
    assert [(f["face_id"], f["hidden"]) for f in body["faces"]] == [(0, False), (1, True)]
    assert body["residual_faces"] == 0
    after, (x, y, w, h) = opened(base64.b64decode(body["image_base64"])), LARGE
    assert np.array_equal(after[y : y + h, x : x + w], opened(PHOTO)[y : y + h, x : x + w])
    assert (after[SMALL[1] + 25, SMALL[0] + 20] == 0x60).all()


@dataclass
class Ghost(Fixed):
    """Sees a face in the first cell of every sheet of hidden places."""

    presence: float = 0.9

    def detect(self, image: RGB, options: DetectOptions = DetectOptions(), *rest: Any) -> list[Face]:  # noqa: B008
        if image.shape[:2] == (150, 200):
            return list(self.faces)
        return [Face(Box(48, 48, 64, 64), 0.9, presence=self.presence)]


@pytest.mark.parametrize(("presence", "left"), [(0.9, 1), (0.1, 0)])
def test_what_is_still_seen_counts_when_the_mesh_sees_it_too(
    make: Callable[..., Client], presence: float, left: int
) -> None:
    body = make(detector=Ghost(presence=presence)).post("/anonymize", files=files(image=PHOTO)).json()
    assert (body["residual_faces"], body["stats"]["found_again"]) == (left, 1)


def test_a_face_can_be_spared_by_a_point(make: Callable[..., Client]) -> None:
    client = make()
    body = client.post("/anonymize", files=files(image=PHOTO), data={"except_points": "[[150, 75]]"}).json()
    assert [f["hidden"] for f in body["faces"]] == [False, True]
    answer = client.post("/anonymize", files=files(image=PHOTO), data={"except_points": "[[3, 3]]"})
    refused(answer, 422, "face_not_found")


@pytest.mark.parametrize(("kind", "media"), [("jpeg", "image/jpeg"), ("webp", "image/webp"), ("png", "image/png")])
def test_the_format_stays_and_metadata_go(make: Callable[..., Client], kind: str, media: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "Maker", {1: "N", 2: (1.0, 2.0, 3.0)}
    out = io.BytesIO()
    Image.fromarray(opened(PHOTO)).save(out, kind, exif=exif, quality=77)
    client = make(detector=Fixed())
    answer = client.post("/anonymize", files=files(image=out.getvalue()), headers={"Accept": "image/*"})
    assert answer.headers["content-type"] == media
    made = Image.open(io.BytesIO(answer.content))
    assert not made.getexif()
    assert b"Maker" not in answer.content
    assert b"Exif" not in answer.content


def test_an_except_that_is_not_there_is_refused(make: Callable[..., Client]) -> None:
    refused(make().post("/anonymize", files=files(image=PHOTO), data={"except": "7"}), 422, "face_not_found")


def test_no_face_is_said_or_the_picture_comes_back(make: Callable[..., Client]) -> None:
    client = make(detector=Fixed(()))
    refused(client.post("/anonymize", files=files(image=PHOTO)), 422, "no_face")
    body = client.post("/anonymize", files=files(image=PHOTO), data={"on_no_face": "empty"}).json()
    assert np.array_equal(opened(base64.b64decode(body["image_base64"])), opened(PHOTO))


# --- cut out ----------------------------------------------------------------------------------------------------------


def test_cutout_on_transparency(make: Callable[..., Client]) -> None:
    answer = make().post("/cutout", files=files(image=PHOTO), data={"padding": "0"}, headers={"Accept": "image/png"})
    assert answer.status_code == 200
    x, y, width, height = map(int, answer.headers["x-frame"].split(","))
    cut = opened(answer.content)
    assert cut.shape == (height, width, 4)
    assert not cut[cut[..., 3] == 0].any()
    for bx, by, bw, bh in (LARGE, SMALL):
        cx, cy = bx + bw // 2, by + bh // 2
        assert np.array_equal(cut[cy - y, cx - x, :3], opened(PHOTO)[cy, cx])


def test_cutout_on_a_colour_and_on_a_picture(make: Callable[..., Client]) -> None:
    client = make()
    data = {"mode": "first", "aspect": "1:1", "background": "#102030", "format": "webp"}
    body = client.post("/cutout", files=files(image=PHOTO), data=data).json()
    made = Image.open(io.BytesIO(base64.b64decode(body["image_base64"])))
    assert (made.format, made.mode, made.width) == ("WEBP", "RGB", made.height)
    green = io.BytesIO()
    Image.new("RGB", (30, 50), (0, 255, 0)).save(green, "PNG")
    parts = files(image=PHOTO, background_image=green.getvalue())
    answer = client.post("/cutout", files=parts, headers={"Accept": "image/png"})
    assert (opened(answer.content)[0, 0] == (0, 255, 0)).all()


def test_a_passport_picture_has_its_size_on_paper_and_says_what_is_amiss(make: Callable[..., Client]) -> None:
    data = {"faces": "[0]", "aspect": "35x45mm", "dpi": "300", "background": "white", "format": "jpeg"}
    answer = make().post("/cutout", files=files(image=PHOTO), data={**data, "output": "image"})
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (413, 531)
    assert picture.info["dpi"] == (300, 300)
    assert answer.headers["X-Warnings"] == "enlarged"
    body = make().post("/cutout", files=files(image=PHOTO), data={**data, "padding": "2"}).json()
    assert [row["code"] for row in body["stats"]["warnings"]] == ["frame_beyond_picture", "enlarged"]


def test_dots_without_paper_are_refused(make: Callable[..., Client]) -> None:
    answer = make().post("/cutout", files=files(image=PHOTO), data={"dpi": "300", "aspect": "3:4"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert "35x45mm" in answer.json()["detail"]


def test_cutout_with_a_matte(make: Callable[..., Client]) -> None:
    """The soft edge is the matte's: the feather takes no part in it."""
    client = make()

    def alpha(**data: str) -> NDArray[np.uint8]:
        answer = client.post("/cutout", files=files(image=PHOTO), data=data, headers={"Accept": "image/png"})
        return np.asarray(opened(answer.content)[..., 3])

    matted = alpha(matte="true", feather_pixels="1")
    assert np.array_equal(matted, alpha(matte="true", feather_pixels="9"))
    assert ((matted > 0) & (matted < 255)).any()
    hard = alpha(feather_pixels="1")
    assert (matted.shape, int(matted.sum())) != (hard.shape, int(hard.sum()))


# --- put back ---------------------------------------------------------------------------------------------------------


def edited_for(client: Client, name: str) -> tuple[dict[str, Any], bytes, bytes]:
    """An answer with target, its mask, and an edit (all white) of the picture that belongs to it."""
    body = client.post("/create_mask", files=files(image=PHOTO), data={"target": name, "mode": "combined"}).json()
    size = body["transform"]["width"], body["transform"]["height"]
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "PNG")
    return body, base64.b64decode(body["mask_base64"]), out.getvalue()


@pytest.mark.parametrize("name", TARGETS)
def test_the_whole_round_for_every_target(make: Callable[..., Client], name: str) -> None:
    client = make()
    body, mask, edit = edited_for(client, name)
    assert body["target"]["name"] == name
    parts = files(original=PHOTO, edited=edit, mask=mask)
    data = {"target": name, "transform": json.dumps(body["transform"])}
    answer = client.post("/composite", files=parts, data=data, headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    before, after = opened(PHOTO), opened(answer.content)
    assert after.shape == before.shape
    far = np.ones(before.shape[:2], bool)
    for x, y, w, h in (LARGE, SMALL):
        assert (after[y + h // 2, x + w // 2] == 255).all()
        far[y - 8 : y + h + 9, x - 8 : x + w + 9] = False
    assert np.array_equal(after[far], before[far])


def test_the_picture_of_a_target_fits_its_mask(make: Callable[..., Client]) -> None:
    body, mask, _ = edited_for(make(), "openai")
    sent = opened(base64.b64decode(body["image_base64"]))
    assert sent.shape[:2] == opened(mask).shape[:2]
    assert body["parameters"]["invert"] is True
    assert (
        make().post("/create_mask", files=files(image=PHOTO), data={"target": "iopaint"}).json()["image_base64"] is None
    )


def test_composite_refuses_what_does_not_fit(make: Callable[..., Client]) -> None:
    client = make()
    body, mask, edit = edited_for(client, "openai")
    parts = files(original=PHOTO, edited=edit, mask=mask)
    refused(client.post("/composite", files=parts, data={"target": "openai"}), 422, "invalid_parameter")
    for wrong in ({"width": -1}, {"width": 90_000, "height": 90_000}):
        data = {"target": "openai", "transform": json.dumps({**body["transform"], **wrong})}
        refused(client.post("/composite", files=parts, data=data), 422, "invalid_parameter")
    photo_as_mask = files(original=PHOTO, edited=PHOTO, mask=PHOTO)
    assert "not a mask" in refused(client.post("/composite", files=photo_as_mask), 422, "invalid_parameter")["detail"]
    refused(client.post("/composite", files=files(original=PHOTO, edited=PHOTO)), 422, "invalid_parameter")
    refused(client.post("/composite", files=files(edited=PHOTO, mask=mask)), 422, "invalid_parameter")
    both = {**parts, "original": ("o", PHOTO)}
    refused(client.post("/composite", files=both, data={"image_id": "x"}), 422, "invalid_parameter")


# --- keep and ask again -----------------------------------------------------------------------------------------------


def upload(client: Client, **options: Any) -> str:
    answer = client.post("/images", files=files(image=PHOTO), **options)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["width"], body["height"], len(body["faces"])) == (200, 150, 2)
    assert body["expires_in"] == 900
    return str(body["image_id"])


def test_an_upload_is_looked_at_once(make: Callable[..., Client]) -> None:
    client = make(detector=(detector := Fixed()))
    path = f"/images/{upload(client)}/masks"
    for values in ({"mode": "combined"}, {"faces": [1]}, {"expand_pixels": 20}, {"feather_pixels": 8.5}):
        answer = client.post(path, json={**values, "invert": False})
        assert answer.status_code == 200, answer.text
    assert len(detector.asked) == 1
    same = client.post("/create_mask", files=files(image=PHOTO), data={"mode": "combined"}).json()
    again = client.post(path, json={"mode": "combined"}).json()
    assert same["mask_base64"] == again["mask_base64"]
    png = client.post(path, json={"faces": [1], "invert": False}, headers={"Accept": "image/png"})
    assert png.headers["content-type"] == "image/png"
    assert json.loads(png.headers["x-mask-stats"])["face_bbox"] == dict(
        zip(("x", "y", "width", "height"), SMALL, strict=True)
    )


def test_points_and_box(make: Callable[..., Client]) -> None:
    client = make()
    path = f"/images/{upload(client)}/masks"
    plain = {"mode": "combined", "invert": False, "blur_iterations": 0, "expand_pixels": 0, "output": "png"}
    before = opened(client.post(path, json=plain).content)
    after = opened(client.post(path, json={**plain, "points": [[110, 75, 1], [150, 75, 0]]}).content)
    assert (before[75, 110], before[75, 150]) == (0, 255)
    assert (after[75, 110], after[75, 150]) == (255, 0)
    boxed = opened(client.post(path, json={**plain, "box": [60, 60, 50, 40]}).content)
    rows, columns = np.nonzero(boxed)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (60, 109, 60, 99)
    refused(client.post(path, json={"points": [[500, 75, 1]]}), 422, "invalid_parameter")
    refused(client.post(path, json={"box": [500, 500, 10, 10]}), 422, "invalid_parameter")
    refused(client.post(path, json={"faces": [5]}), 422, "face_not_found")
    refused(client.post(path, json={"image_url": "http://example.com"}), 422, "invalid_parameter")


class Spilling(FakeSegmenter):
    """Draws far more than the face."""

    def masks(self, embedding: Any, faces: Any, *rest: Any) -> list[FaceMask]:
        return super().masks(embedding, [Face(face.box.grown(0.5), 1.0) for face in faces], *rest)


def test_a_face_that_the_user_boxed_stays_in_the_box(make: Callable[..., Client]) -> None:
    client = make(segmenter=Spilling())
    path = f"/images/{upload(client)}/masks"
    plain = {"mode": "combined", "invert": False, "blur_iterations": 0, "expand_pixels": 0, "output": "png"}
    boxed = opened(client.post(path, json={**plain, "box": [60, 60, 50, 40]}).content)
    rows, columns = np.nonzero(boxed)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (60, 109, 60, 99)
    head = opened(client.post(path, json={**plain, "box": [60, 60, 50, 40], "region": "head"}).content)
    assert np.count_nonzero(head) > np.count_nonzero(boxed)  # a head is more than the face in the box
    added = opened(client.post(path, json={**plain, "box": [60, 60, 50, 40], "points": [[125, 80, 1]]}).content)
    assert added[80, 125] == 255  # what the user points at counts wherever it is


@dataclass
class Counting(FakeSegmenter):
    """Sees only the faces that it was shown, as the mesh engine does, and counts how often it was shown any."""

    shown: list[int] = field(default_factory=list)

    def embedding_key(self, width: int, height: int, faces: Any, detail: Any) -> Any:
        return tuple(face.box for face in faces)

    def embed(self, image: RGB, faces: Any, *rest: Any) -> Any:
        self.shown.append(len(faces))
        return super().embed(image, faces, *rest)


def test_switching_faces_costs_no_new_look(make: Callable[..., Client]) -> None:
    client = make(segmenter=(segmenter := Counting()))
    path = f"/images/{upload(client)}/masks"
    for faces in ([0], [1], [0, 1], [1]):
        assert client.post(path, json={"faces": faces, "mode": "combined"}).status_code == 200
    assert segmenter.shown == [2]


def test_each_key_is_an_owner_of_its_own() -> None:
    """One key is all that the service takes today; what it keeps is bound to the key all the same."""

    def owner(name: str, value: str) -> bytes:
        return owner_of(Request({"type": "http", "headers": [(name.encode(), value.encode())]}), keyed=True)

    assert owner("x-api-key", "one") == owner("authorization", "Bearer one") != owner("x-api-key", "two")


class Prompted(FakeSegmenter):
    """An engine that takes prompts: it answers with a square about the first point, or with the box itself."""

    def prompted(
        self, embedding: Any, start: FaceMask | None, points: Any, box: Box | None, deadline: Any = None
    ) -> FaceMask:
        if box is not None:
            return FaceMask(Patch(int(box.x), int(box.y), np.ones((int(box.height), int(box.width)), bool)), 0.8, 1.0)
        x, y, sign = points[0]
        assert start is not None
        assert sign == 1
        return FaceMask(Patch(int(x) - 5, int(y) - 5, np.ones((10, 10), bool)), 0.8, 1.0)

    def shows(self, embedding: Any, points: Any, box: Box | None) -> bool:
        return True


def test_an_engine_that_takes_prompts_is_asked_itself(make: Callable[..., Client]) -> None:
    client = make(segmenter=Prompted())
    path = f"/images/{upload(client)}/masks"
    plain = {"mode": "combined", "invert": False, "blur_iterations": 0, "expand_pixels": 0, "output": "png"}
    pointed = opened(client.post(path, json={**plain, "points": [[30, 40, 1]]}).content)
    assert int((pointed[:, :100] > 0).sum()) == 100  # the nearer, smaller face; the other one stays as it was drawn
    assert pointed[75, 150] == 255
    boxed = opened(client.post(path, json={**plain, "box": [60, 60, 50, 40]}).content)
    assert int((boxed > 0).sum()) == 2000


def test_points_where_no_face_was_found(make: Callable[..., Client]) -> None:
    client = make(detector=Fixed(()))
    answer = client.post("/images", files=files(image=PHOTO))
    path = f"/images/{answer.json()['image_id']}/masks"
    refused(client.post(path, json={}), 422, "no_face")
    mask = opened(client.post(path, json={"points": [[100, 75, 1]], "invert": False, "output": "png"}).content)
    assert mask[75, 100] == 255


def test_an_id_is_gone_for_everybody_else_and_after_delete(make: Callable[..., Client]) -> None:
    key = {"X-API-Key": "sixteen-characters"}
    client = make(api_key=key["X-API-Key"])
    path = f"/images/{upload(client, headers=key)}"
    assert client.post(f"{path}/masks", json={}, headers=key).status_code == 200
    bearer = {"Authorization": f"Bearer {key['X-API-Key']}"}
    assert client.post(f"{path}/masks", json={}, headers=bearer).status_code == 200
    refused(client.post(f"{path}/masks", json={}), 401, "key_missing")
    assert client.request("DELETE", path, headers=key).status_code == 204
    refused(client.post(f"{path}/masks", json={}, headers=key), 404, "image_not_found")
    refused(client.request("DELETE", path, headers=key), 404, "image_not_found")
    refused(client.post("/images/nonsense/masks", json={}, headers=key), 404, "image_not_found")


def test_an_expired_id_says_so(make: Callable[..., Client]) -> None:
    client = make(images_seconds=1e-9)
    answer = client.post("/images", files=files(image=PHOTO)).json()
    body = refused(client.post(f"/images/{answer['image_id']}/masks", json={}), 404, "image_not_found")
    assert "Upload it again" in body["detail"]


def test_uploads_can_be_switched_off(make: Callable[..., Client]) -> None:
    refused(make(images_bytes=0).post("/images", files=files(image=PHOTO)), 404, "not_found")


# --- many at once -----------------------------------------------------------------------------------------------------


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_many_pictures_in_order_with_one_bad(make: Callable[..., Client]) -> None:
    text = base64.b64encode(PHOTO).decode()
    images: list[Any] = [
        {"image_base64": text, "id": "a"},
        {"image_base64": "bm8gcGljdHVyZQ==", "id": 7},
        {"image_path": "missing.png"},
        {"image_base64": text, "image_path": "x"},
        {"image_base64": text, "mode": "first"},
        5,
        {"image_base64": text},
    ]
    rows = lines(make().post("/create_masks", json={"images": images, "mode": "combined", "invert": False}))
    assert [row["index"] for row in rows] == list(range(7))
    assert [row.get("id") for row in rows] == ["a", 7, None, None, None, None, None]
    assert [row["success"] for row in rows] == [True, False, False, False, False, False, True]
    codes = [row.get("code") for row in rows[1:6]]
    assert codes == ["unsupported_media", "file_not_found", *["invalid_parameter"] * 3]
    assert opened(base64.b64decode(rows[0]["mask_base64"]))[75, 150] == 255


def test_many_files(make: Callable[..., Client]) -> None:
    parts = [("image", (str(i), picture(200, 150 + i))) for i in range(9)]
    rows = lines(
        make(detector=Fixed(), workers=2, queue=1).post("/create_masks", files=parts, data={"expand_pixels": "9"})
    )
    assert [row["stats"]["image_height"] for row in rows] == [150 + i for i in range(9)]
    assert {row["parameters"]["expand_pixels"] for row in rows} == {9}


def test_a_full_service_makes_many_wait_not_fail(make: Callable[..., Client]) -> None:
    client = make(segmenter=FakeSegmenter(seconds=0.05), workers=1, queue=0, cache_bytes=0)
    parts = [("image", (str(i), PHOTO)) for i in range(4)]
    assert all(row["success"] for row in lines(client.post("/create_masks", files=parts)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"images": []},
        {"images": {}},
        {"images": [{}] * 101},
        {"images": [{"image_base64": "x"}], "mode": "nonsense"},
        {"images": [{"image_base64": "x"}], "output": "png"},
        {"images": [{"image_base64": "x"}], "image_base64": "x"},
    ],
    ids=str,
)
def test_a_bad_list_is_refused_as_a_whole(make: Callable[..., Client], body: dict[str, Any]) -> None:
    refused(make().post("/create_masks", json=body), 422, "invalid_parameter")


def test_memory_for_bodies_is_given_back(make: Callable[..., Client]) -> None:
    client = make()
    lines(client.post("/create_masks", files=[("image", ("a", PHOTO))]))
    client.post("/anonymize", files=files(image=PHOTO))
    client.post("/create_masks", json={"images": 5})
    assert client.app.state.routes.reserve.used == 0


def test_every_endpoint_is_described(make: Callable[..., Client]) -> None:
    paths = make().get("/openapi.json").json()["paths"]
    for path in ("/anonymize", "/cutout", "/composite", "/create_masks", "/images", "/images/{image_id}/masks"):
        assert paths[path]["post"]["requestBody"]["content"], path
    assert "delete" in paths["/images/{image_id}"]
