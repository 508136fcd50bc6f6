"""What stands where OpenAI and A1111 would: keeps what it is sent, and paints everything red."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Editor:
    def __init__(self) -> None:
        self.status = 200
        self.forms: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.bodies: list[dict[str, Any]] = []
        """Of images.edit: forms and Authorization; of img2img: JSON."""

    @property
    def app(self) -> Starlette:
        places = {"/v1/images/edits": self.edit, "/sdapi/v1/img2img": self.img2img}
        return Starlette(routes=[Route(path, answer, methods=["POST"]) for path, answer in places.items()])

    async def edit(self, request: Request) -> JSONResponse:
        async with request.form() as form:
            read: dict[str, Any] = {k: await v.read() if isinstance(v, UploadFile) else v for k, v in form.items()}
        self.forms.append(read)
        self.keys.append(request.headers.get("authorization"))
        if self.status != 200:
            return JSONResponse({"error": {"message": "no such model"}}, self.status)
        return JSONResponse({"created": 0, "data": [{"b64_json": _red(opened(read["image"]).size)}]})

    async def img2img(self, request: Request) -> JSONResponse:
        body = json.loads(await request.body())
        self.bodies.append(body)
        return JSONResponse({"images": [_red((body["width"], body["height"]))], "parameters": {}, "info": "{}"})


def opened(data: Any) -> Image.Image:
    return Image.open(io.BytesIO(data))


def _red(size: tuple[int, int]) -> str:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode("ascii")
