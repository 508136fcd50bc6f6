"""The Python client: what it sends, what it reads, how often it asks again; then against the application itself."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from sam_mask_service import client as library
from sam_mask_service.client import AsyncClient, Box, Client, Patience
from sam_mask_service.http.app import build_app

from .support.scene import Fixed, picture, service

PNG = picture()
TEXT = base64.b64encode(PNG).decode()
FACE = {"face_id": 1, "bbox": {"x": 1, "y": 2, "width": 3, "height": 4}, "confidence": 0.5, "score": 0.75}
MASK = {
    "success": True,
    "mask_base64": TEXT,
    "stats": {"faces": [{**FACE, "mask_bbox": FACE["bbox"], "warnings": ["tiny_face"]}]},
    "parameters": {},
}
PROBLEM = {"success": False, "error": "All places are taken.", "code": "busy", "status": 503, "request_id": "r1"}
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **options: Any) -> Client:
    return Client("http://service", transport=httpx.MockTransport(handler), **options)


@pytest.mark.parametrize("url", ["http://host/tools/masks", "http://host/tools/masks/"])
def test_a_service_under_a_path(url: str) -> None:
    handler, asked = answering(httpx.Response(200, json={"status": "healthy"}))
    with Client(url, transport=httpx.MockTransport(handler)) as under:
        under.health()
    assert [str(request.url) for request in asked] == ["http://host/tools/masks/health"]


def answering(*answers: httpx.Response) -> tuple[Handler, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]

    return handler, asked


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def test_a_mask_is_read_into_values() -> None:
    handler, asked = answering(ok(MASK))
    found = client(handler, api_key="secret").mask(PNG, mode="combined", invert=False, faces=[1], region=None)
    assert found.mask == PNG
    (face,) = found.faces
    assert (face.face_id, face.box, face.mask_box, face.score) == (1, Box(1, 2, 3, 4), Box(1, 2, 3, 4), 0.75)
    assert face.warnings == ("tiny_face",)
    assert "mask_base64" not in found.raw
    (request,) = asked
    assert request.url == "http://service/create_mask"
    assert request.headers["x-api-key"] == "secret"
    body = request.read()
    assert PNG in body
    for part in (b'name="invert"\r\n\r\nfalse', b'name="faces"\r\n\r\n[1]', b'name="mode"\r\n\r\ncombined'):
        assert part in body
    assert b"region" not in body


def test_urls_go_as_json_and_files_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    handler, asked = answering(ok(MASK))
    with client(handler) as api:
        api.mask("https://example.com/a.jpg", expand_pixels=3)
        api.mask(path)
        api.mask(str(path))
    assert json.loads(asked[0].read()) == {"image_url": "https://example.com/a.jpg", "expand_pixels": 3}
    assert all(PNG in request.read() for request in asked[1:])


def test_separate_masks_and_crops() -> None:
    rows = [{"face_id": 0, "mask_base64": TEXT, "image_base64": TEXT, "crop_bbox": FACE["bbox"]}]
    body = {"success": True, "cropped_faces": rows, "stats": {}}
    found = client(answering(ok(body))[0]).mask(PNG, mode="crop")
    assert found.mask is None
    assert (found.pictures[0].mask, found.pictures[0].image, found.pictures[0].box) == (PNG, PNG, Box(1, 2, 3, 4))


def test_except_is_a_word_of_the_language() -> None:
    body = {"success": True, "image_base64": TEXT, "image_format": "png", "residual_faces": 0, "faces": [], "stats": {}}
    handler, asked = answering(ok(body))
    found = client(handler).anonymize(PNG, except_=[2], method="mosaic")
    assert (found.image, found.format, found.residual_faces) == (PNG, "png", 0)
    assert b'name="except"\r\n\r\n[2]' in asked[0].read()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "key_missing", library.AccessDenied),
        (403, "key_wrong", library.AccessDenied),
        (404, "file_not_found", library.NotFound),
        (404, "image_not_found", library.ImageGone),
        (413, "too_large", library.InvalidRequest),
        (422, "invalid_parameter", library.InvalidRequest),
        (422, "no_face", library.NoFace),
        (429, "too_many_requests", library.TryLater),
        (500, "internal", library.ServerFault),
        (504, "source_timeout", library.ServerFault),
    ],
)
def test_each_refusal_has_its_class(status: int, code: str, kind: type[library.ApiError]) -> None:
    problem = {"success": False, "error": "Words.", "code": code, "request_id": "r9"}
    handler, asked = answering(httpx.Response(status, json=problem))
    with pytest.raises(kind, match=r"Words\.") as caught:
        client(handler).mask(PNG)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.status, caught.value.request_id) == (code, status, "r9")
    assert len(asked) == 1


def test_an_answer_that_is_not_the_services() -> None:
    with pytest.raises(library.ServerFault, match="answered 502"):
        client(answering(httpx.Response(502, text="<html>bad gateway</html>"))[0]).mask(PNG)


def test_no_answer_at_all() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(library.Unreachable, match="ConnectError"):
        client(broken).health()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def busy(retry_after: str | None) -> httpx.Response:
    return httpx.Response(503, json=PROBLEM, headers={"Retry-After": retry_after} if retry_after else {})


def test_busy_is_asked_again_after_the_time_it_names(slept: list[float]) -> None:
    handler, asked = answering(busy("2"), busy("7"), ok(MASK))
    assert client(handler).mask(PNG).mask == PNG
    assert len(asked) == 3
    assert 2 <= slept[0] <= 2.5
    assert 7 <= slept[1] <= 8.75
    assert PNG in asked[2].read()


def test_without_a_time_the_wait_doubles(slept: list[float]) -> None:
    client(answering(busy(None), busy(None), busy("soon"), ok(MASK))[0]).mask(PNG)
    assert [0.5 <= slept[0] <= 0.625, 1 <= slept[1] <= 1.25, 2 <= slept[2] <= 2.5] == [True] * 3


def test_patience_ends(slept: list[float]) -> None:
    handler, asked = answering(busy("3600"))
    with pytest.raises(library.TryLater) as caught:
        client(handler, patience=Patience(tries=3, longest=5)).mask(PNG)
    assert (len(asked), len(slept)) == (3, 2)
    assert max(slept) <= 5
    assert caught.value.retry_after == 3600


def test_lines_of_many() -> None:
    bad = {"index": 1, "id": "b", "success": False, "error": "No.", "code": "no_face", "status": 422, "request_id": "r"}
    text = "\n".join(json.dumps(row) for row in ({**MASK, "index": 0}, bad)) + "\n"
    handler, asked = answering(httpx.Response(200, text=text))
    first, second = client(handler).masks([PNG, PNG], region="head")
    assert first.mask is not None
    assert first.error is None
    assert isinstance(second.error, library.NoFace)
    assert (second.index, second.id) == (1, "b")
    assert asked[0].read().count(b'name="image"') == 2
    with pytest.raises(ValueError, match="not both"):
        list(client(handler).masks([PNG, "https://example.com/x.jpg"]))


# --- against the application ------------------------------------------------------------------------------------------


def against_app(tmp_path: Path, scene: Callable[[AsyncClient], Coroutine[Any, Any, None]], **values: Any) -> None:
    async def whole() -> None:
        made = service(tmp_path, **{"detector": Fixed(), **values})
        transport = httpx.ASGITransport(app=build_app(made))
        async with AsyncClient("http://localhost", transport=transport, api_key=values.get("api_key")) as api:
            await scene(api)
        await made.gate.idle()
        made.close()

    asyncio.run(whole())


def test_everything_against_the_application(tmp_path: Path) -> None:
    async def scene(api: AsyncClient) -> None:
        assert (await api.health())["status"] == "healthy"
        assert len(await api.detect(PNG)) == 2
        whole = await api.mask(PNG, mode="combined", invert=False)
        assert whole.mask
        assert [face.face_id for face in whole.faces] == [0, 1]
        ready = await api.mask(PNG, target="openai")
        assert ready.image
        assert ready.transform
        assert ready.mask
        put = await api.composite(PNG, ready.image, ready.mask, target="openai", transform=ready.transform)
        assert put.format == "png"
        hidden = await api.anonymize(PNG, except_=[1], method="solid")
        assert [face.hidden for face in hidden.faces[:2]] == [True, False]
        cut = await api.cutout(PNG, background_image=PNG, aspect="1:1")
        assert cut.frame
        assert cut.frame.width == cut.frame.height
        lines = [line async for line in api.masks([PNG, b"nonsense", PNG])]
        assert [line.error is None for line in lines] == [True, False, True]

    against_app(tmp_path, scene)


def test_an_upload_against_the_application(tmp_path: Path) -> None:
    async def scene(api: AsyncClient) -> None:
        upload = await api.upload(PNG)
        assert (upload.width, upload.height, len(upload.faces)) == (200, 150, 2)
        found = await api.image_masks(upload, points=[[100, 75, 1]], mode="combined")
        assert found.mask
        assert (await api.composite(upload, PNG, found.mask, change="black")).image
        await api.forget(upload)
        with pytest.raises(library.ImageGone):
            await api.image_masks(upload.image_id)

    against_app(tmp_path, scene, api_key="sixteen-characters")


def test_the_client_needs_nothing_of_the_service() -> None:
    folder = Path(library.__file__).parent
    for path in folder.glob("*.py"):
        assert "from .." not in path.read_text(), path.name
