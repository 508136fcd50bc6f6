"""What ``/openapi.json`` says of requests and answers. Requests are read by ``request.py`` and judged by ``params.py``; this file
describes them from the same models, so that the description cannot lag behind."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ..params import DetectParams, MaskFileParams, MaskParams

Json = dict[str, Any]
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
_URL = {"type": "string", "description": "http(s) URL of a picture on a public address."}
_BASE64 = {"type": "string", "description": "The picture as base64, with or without a data: prefix."}
_PATH = {"type": "string", "description": "Path of a picture inside the server's SAM_IMAGE_ROOT."}
_FILE = {"type": "string", "format": "binary", "description": "The picture as a file."}
_EXAMPLES = {
    "url": {"summary": "A picture by its URL", "value": {"image_url": "https://example.com/portrait.jpg"}},
    "all_faces": {
        "summary": "All faces in one mask, white on black",
        "value": {"image_url": "https://example.com/group-photo.jpg", "mode": "combined", "invert": False},
    },
}


class PixelBoxModel(BaseModel):
    """Top-left corner and size in whole pixels of the upright picture."""

    x: int
    y: int
    width: int
    height: int


class FaceStats(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_id: int
    bbox: PixelBoxModel
    confidence: float
    score: float
    region: str
    mask_bbox: PixelBoxModel | None
    face_pixels: int
    warnings: list[str]


class MaskStats(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_pixels: int
    background_pixels: int
    face_percentage: float
    score: float
    mode: str
    inverted: bool
    face_bbox: PixelBoxModel | None
    engine: str
    model: str
    image_width: int
    image_height: int
    faces_detected: int
    faces: list[FaceStats]


class SeparateMask(BaseModel):
    face_id: int
    mask_base64: str | None = None
    mask_file: str | None = None


class CroppedFace(BaseModel):
    face_id: int
    image_base64: str | None = None
    mask_base64: str | None = None
    width: int
    height: int
    original_bbox: PixelBoxModel
    crop_bbox: PixelBoxModel


class MaskResponse(BaseModel):
    """``mask_base64`` in the modes first and combined, ``masks`` in separate, ``cropped_faces`` in crop."""

    model_config = ConfigDict(extra="allow")
    success: Literal[True]
    mode: str | None = None
    mask_base64: str | None = None
    masks: list[SeparateMask] | None = None
    cropped_faces: list[CroppedFace] | None = None
    stats: MaskStats
    processing_time: float
    timings: dict[str, float]
    parameters: Json


class MaskFileResponse(MaskResponse):
    """The same with the name of the saved file."""

    mask_file: str | None = None


class FoundFace(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_id: int
    bbox: PixelBoxModel
    confidence: float
    keypoints: list[list[float]] | None
    landmarks: list[list[float]] | None


class DetectResponse(BaseModel):
    model_config = ConfigDict(extra="allow")
    success: Literal[True]
    faces: list[FoundFace]
    stats: Json
    processing_time: float
    timings: dict[str, float]
    parameters: Json


class ProblemResponse(BaseModel):
    """Every error has this shape."""

    type: str
    title: str
    status: int
    detail: str
    success: Literal[False]
    error: str
    code: str
    request_id: str


class HealthResponse(BaseModel):
    """Without the key, where one is set, only ``status``."""

    model_config = ConfigDict(extra="allow")
    status: Literal["starting", "healthy", "degraded", "draining"]


class ReadyResponse(BaseModel):
    """``reason`` when it is not: draining, starting, busy."""

    ready: bool
    reason: str | None = None


_ERRORS = {
    400: "The request could not be understood.",
    401: "The API key is missing.",
    403: "Wrong key, forbidden host or origin, or a path outside its root.",
    404: "No such file.",
    405: "Another method is due.",
    408: "The body came too slowly.",
    413: "Too many bytes.",
    415: "No picture in a known format, or no known body.",
    422: "A parameter or the picture is at fault; `code` says which.",
    429: "Too many wrong keys.",
    431: "The address or the headers are too long.",
    500: "A fault of the service.",
    503: "Busy, starting, draining, over the time limit, or out of space; see Retry-After.",
    504: "The source of the picture was too slow.",
}


def errors(*codes: int) -> dict[int | str, Json]:
    """FastAPI's ``responses`` for these error codes."""
    schema = {"$ref": "#/components/schemas/ProblemResponse"}
    return {
        code: {"description": _ERRORS[code], "content": {"application/problem+json": {"schema": schema}}}
        for code in codes
    }


ASK_ERRORS = (400, 401, 403, 405, 429, 431, 500)
STATE_ERRORS = (400, 403, 405, 429, 431)
WORK_ERRORS = tuple(_ERRORS)


def _fields(model: type[BaseModel]) -> tuple[Json, Json]:
    """The model's properties and definitions, fit to be put into a body's schema."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return schema["properties"], schema.get("$defs", {})


def _object(properties: Json, sources: Json) -> Json:
    return {
        "type": "object",
        "properties": {**sources, **properties},
        "oneOf": [{"required": [name]} for name in sources],
        "additionalProperties": False,
    }


def _query(name: str, schema: Json) -> Json:
    text = {"description": f"Only with the picture itself as the body. {schema.get('description', '')}".strip()}
    # A list is one value, 0,2; a name that stands twice is refused.
    return {"name": name, "in": "query", "required": False, "style": "form", "explode": False, "schema": schema, **text}


def request_of(model: type[BaseModel]) -> Json:
    """``openapi_extra`` of an endpoint that takes a picture and ``model``'s parameters."""
    properties, _ = _fields(model)
    sources = {"image_url": _URL, "image_base64": _BASE64, "image_path": _PATH}
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {
        "parameters": [_query(name, schema) for name, schema in properties.items()],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _object(properties, sources), "examples": _EXAMPLES},
                "multipart/form-data": {"schema": _object(properties, {"image": _FILE, **sources})},
                **dict.fromkeys(IMAGE_TYPES, raw),
            },
        },
    }


MASK_REQUEST = request_of(MaskParams)
MASK_FILE_REQUEST = request_of(MaskFileParams)
DETECT_REQUEST = request_of(DetectParams)


def complete(made: Json) -> Json:
    """FastAPI's schema with what it cannot know: definitions of the request bodies, the shape of errors, the key."""
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (MaskParams, MaskFileParams, DetectParams):
        schemas.update(_fields(model)[1])
    schemas["ProblemResponse"] = ProblemResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    components["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    made["security"] = [{}, {"key": []}, {"bearer": []}]
    return made
