"""A small server that keeps the wire contract, so that the page can be tested alone: two faces at fixed places, masks
that are ellipses, and a record of every request."""

from __future__ import annotations

import base64
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sam_mask_service.page import CSP, files

from ..support.live import live

FACES = ((120, 100, 160, 200), (420, 140, 120, 150))
SIZE = (640, 480)


SAME = {
    "source_width": 640,
    "source_height": 480,
    "width": 640,
    "height": 480,
    "offset_x": 0,
    "offset_y": 0,
    "content_width": 640,
    "content_height": 480,
}
"""A target's transform that changes nothing."""
HEALTH: dict[str, Any] = {
    "status": "healthy",
    "engine": "sam",
    "model": "mobile_sam",
    "device": "cpu",
    "detector": "yunet",
    "regions": ["eyes", "face", "hair", "head", "lips"],
    "sam": {"state": "ready", "percent": None},
}


def picture() -> bytes:
    """A drawn scene with two round heads, JPEG."""
    image = Image.new("RGB", SIZE, (120, 150, 170))
    draw = ImageDraw.Draw(image)
    for x, y, w, h in FACES:
        draw.ellipse((x, y, x + w, y + h), fill=(224, 180, 150))
        for eye in (0.3, 0.7):
            draw.ellipse((x + eye * w - 8, y + 0.4 * h - 8, x + eye * w + 8, y + 0.4 * h + 8), fill=(40, 40, 60))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def size_of(data: bytes) -> tuple[int, int] | None:
    """Of the upright picture; None for what is none."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).size
    except UnidentifiedImageError:
        return None


def mask_png(values: dict[str, Any]) -> bytes:
    grow = int(values.get("expand_pixels", 5))
    image = Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(image)
    boxes = [values["box"]] if "box" in values else [FACES[n] for n in values.get("faces", range(len(FACES)))]
    for x, y, w, h in boxes:
        draw.ellipse((x - grow, y - grow, x + w + grow, y + h + grow), fill=255)
    for x, y, sign in values.get("points", []):
        draw.ellipse((x - 25, y - 25, x + 25, y + 25), fill=255 * sign)
    pixels = np.asarray(image)
    out = io.BytesIO()
    Image.fromarray(255 - pixels if values.get("invert", "target" not in values) else pixels).save(out, "PNG")
    return out.getvalue()


def problem(status: int, code: str, text: str, **headers: str) -> JSONResponse:
    body = {"type": "about:blank", "title": code, "status": status, "detail": text, "code": code, "error": text}
    return JSONResponse(
        {**body, "success": False, "request_id": "r"}, status, {k.replace("_", "-"): v for k, v in headers.items()}
    )


@dataclass
class Stub:
    """What the server was asked, and how it should behave."""

    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    with_images: bool = True
    key: str | None = None
    busy: int = 0
    error: tuple[int, str, str] | None = None
    slow: bool = False
    """Cannot draw all faces of an upload in time."""
    residual: int = 0
    warnings: tuple[str, ...] = ()
    transform: dict[str, int] = field(default_factory=lambda: dict(SAME))
    blind: bool = False
    """Finds no face."""
    forgetful: bool = False
    """Keeps no upload: each request meets another process of the service."""
    health: dict[str, Any] = field(default_factory=lambda: dict(HEALTH))
    size: tuple[int, int] | None = None
    """Of a picture as the service sees it; None: upright by EXIF."""
    url: str = ""

    def last(self, path: str) -> dict[str, Any]:
        return next(values for _, asked, values in reversed(self.asked) if asked.endswith(path))

    def count(self, path: str) -> int:
        return sum(asked.endswith(path) for _, asked, _ in self.asked)

    async def handle(self, request: Request) -> Response:
        found = files().get(request.url.path)
        if request.url.path == "/health":
            return JSONResponse(
                self.health if self.key in (None, request.headers.get("x-api-key")) else {"status": "healthy"}
            )
        if found:
            return Response(found.body, media_type=found.content_type, headers={"Content-Security-Policy": CSP})
        values = await self._values(request)
        self.asked.append((request.method, request.url.path, values))
        if self.key and request.headers.get("x-api-key") != self.key:
            return problem(401, "key_missing", "This service needs an API key in the X-API-Key header.")
        if self.busy:
            self.busy -= 1
            return problem(503, "busy", "All places are taken; try again soon.", Retry_After="1")
        if self.error:
            return problem(*self.error)
        if self.slow and request.url.path == "/images":
            return problem(503, "deadline", "The request took longer than its time limit.", Retry_After="5")
        return self._answer(request, values)

    async def _values(self, request: Request) -> dict[str, Any]:
        if request.headers.get("content-type", "").startswith("application/json"):
            return dict(await request.json())
        values: dict[str, Any] = {}
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    values["image"] = await value.read()
                else:
                    with contextlib.suppress(ValueError):
                        value = json.loads(value)
                    values[name] = value
        return values

    def _answer(self, request: Request, values: dict[str, Any]) -> Response:
        path = request.url.path
        size = self.size or size_of(values.get("image") or picture())
        if size is None:
            return problem(415, "unsupported_media", "This is not a picture in a format that this service reads.")
        faces = [
            {"face_id": i, "bbox": dict(zip(("x", "y", "width", "height"), box, strict=True)), "confidence": 0.97}
            for i, box in enumerate([] if self.blind else FACES)
        ]
        if path == "/images" and self.with_images:
            size = self.size or size_of(values.get("image") or picture())
            if size is None:
                return problem(415, "unsupported_media", "This is not a picture in a format that this service reads.")
            name = f"id{len(self.images)}"
            self.images[name] = values.get("image", b"")
            about = {"image_id": name, "width": size[0], "height": size[1], "faces": faces, "expires_in": 600}
            return JSONResponse(about, 201)
        if path.startswith("/images/") and self.with_images:
            if self.forgetful or path.split("/")[2] not in self.images:
                return problem(404, "image_not_found", "There is no image under this id.")
            return self._mask(request, values) if request.method == "POST" else Response(status_code=204)
        if path == "/detect_faces":
            return JSONResponse(
                {"success": True, "faces": faces, "stats": {"image_width": size[0], "image_height": size[1]}}
            )
        if path == "/create_mask":
            return self._mask(request, values)
        if path == "/composite":
            return Response(picture(), media_type="image/jpeg")
        if path in ("/anonymize", "/cutout"):
            return self._picture(path, values)
        return problem(404, "not_found", "Nothing here.")

    def _mask(self, request: Request, values: dict[str, Any]) -> Response:
        png = mask_png(values)
        if request.headers.get("accept") == "image/png":
            return Response(png, media_type="image/png", headers={"X-Mask-Stats": "{}"})
        text = base64.b64encode(png).decode()
        return JSONResponse(
            {"mask_base64": text, "image_base64": text, "image_format": "png", "transform": dict(self.transform)}
        )

    def _picture(self, path: str, values: dict[str, Any]) -> Response:
        image = Image.open(io.BytesIO(values.get("image") or picture())).convert("RGB")
        if path == "/cutout":
            image.putalpha(Image.open(io.BytesIO(mask_png({**values, "invert": False}))))
        else:
            draw = ImageDraw.Draw(image)
            for x, y, w, h in FACES:
                if [x + w / 2, y + h / 2] not in values.get("except_points", []):
                    draw.ellipse((x, y, x + w, y + h), fill=(90, 90, 90))
        out = io.BytesIO()
        image.save(out, "PNG")
        headers = {"X-Frame": "0,0,640,480"} if path == "/cutout" else self._hidden()
        return Response(out.getvalue(), media_type="image/png", headers=headers)

    def _hidden(self) -> dict[str, str]:
        """What goes along with an anonymised picture: faces that are left, one beside the other in the lower left
        corner.
        """
        boxes = ";".join(f"{10 + 60 * i},380,40,50" for i in range(self.residual))
        left = {"X-Residual-Boxes": boxes} if boxes else {}
        codes = ",".join([*(["residual_faces"] if boxes else []), *self.warnings])
        return {"X-Residual-Faces": str(self.residual), **left, **({"X-Warnings": codes} if codes else {})}


@contextlib.contextmanager
def serve(stub: Stub) -> Iterator[Stub]:
    """The stub on a free loopback port."""
    app = Starlette(routes=[Route("/{path:path}", stub.handle, methods=["GET", "POST", "DELETE"])])
    with live(app) as stub.url:
        yield stub
