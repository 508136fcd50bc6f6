"""What ``/openapi.json`` says of requests and answers. Requests are read by ``request.py`` and judged by ``params.py``;
this file describes them from the same models, so that the description cannot lag behind."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ..tasks import Task
from ..wire import Json
from .batch import MOST_PICTURES

JSON, FORM = "application/json", "multipart/form-data"
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
_URL = {"type": "string", "description": "http(s) URL of a picture on a public address."}
_BASE64 = {"type": "string", "description": "The picture as base64, with or without a data: prefix."}
_PATH = {"type": "string", "description": "Path of a picture inside the server's SAM_IMAGE_ROOT."}
_SOURCES = {"image_url": _URL, "image_base64": _BASE64, "image_path": _PATH}
_FILE = {"type": "string", "format": "binary", "description": "The picture as a file."}
_BARE_FILE = {"type": "string", "format": "binary"}
ENTRY: Json = {
    "type": "object",
    "required": [],
    "properties": {
        **{name: {"type": "string"} for name in _SOURCES},
        "id": {"anyOf": [{"type": "string"}, {"type": "integer"}], "description": "Comes back with the line."},
    },
    "additionalProperties": False,
}
_EXAMPLES: dict[str, Json] = {
    "url": {"summary": "A picture by its URL", "value": {"image_url": "https://example.com/portrait.jpg"}},
    "all_faces": {
        "summary": "All faces in one mask, white on black",
        "value": {"image_url": "https://example.com/group-photo.jpg", "mode": "combined", "invert": False},
    },
}


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
    """``reason`` when it is not: draining, starting, busy, device_lost."""

    ready: bool
    reason: str | None = None


_ERRORS = {
    400: "The request could not be understood.",
    401: "The API key is missing.",
    403: "Wrong key, forbidden host or origin, or a path outside its root.",
    404: "No such file.",
    405: "Another method is due.",
    408: "The body came too slowly.",
    409: "The job is not finished yet.",
    413: "Too many bytes.",
    415: "No picture in a known format, or no known body.",
    422: "A parameter or the picture is at fault; `code` says which.",
    429: "Too many wrong keys, or too many jobs.",
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
WORK_ERRORS = tuple(code for code in _ERRORS if code != 409)


# --- requests ---------------------------------------------------------------------------------------------------------


@functools.cache
def _fields(model: type[BaseModel]) -> tuple[Json, Json]:
    """The model's properties and definitions, fit to be put into a body's schema."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return schema["properties"], schema.get("$defs", {})


def _object(properties: Json, required: Sequence[str]) -> Json:
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def _one_of(properties: Json, sources: Json) -> Json:
    """Parameters with exactly one of the sources."""
    one_of = {"oneOf": [{"required": [name]} for name in sources]}
    return {"type": "object", "properties": {**sources, **properties}, **one_of, "additionalProperties": False}


def _query(name: str, schema: Json) -> Json:
    text = {"description": f"Only with the picture itself as the body. {schema.get('description', '')}".strip()}
    # A list is one value, 0,2; a name that stands twice is refused.
    return {"name": name, "in": "query", "required": False, "style": "form", "explode": False, "schema": schema, **text}


def body_of(content: Json) -> Json:
    return {"requestBody": {"required": True, "content": content}}


def _examples(known: Iterable[str]) -> Json:
    """Those that give none but ``known`` parameters."""
    return {name: example for name, example in _EXAMPLES.items() if example["value"].keys() <= set(known)}


def _sent(task: Task) -> Json:
    """A picture in any of the ways that one may come in."""
    properties, _ = _fields(task.params)
    files = {file.name: _BARE_FILE for file in task.files}
    raw = {"schema": _BARE_FILE}
    content = {
        JSON: {"schema": _one_of(properties, _SOURCES), "examples": _examples({**_SOURCES, **properties})},
        FORM: {"schema": _one_of({**files, **properties}, {task.picture: _FILE, **_SOURCES})},
        **dict.fromkeys(IMAGE_TYPES, raw),
    }
    return {"parameters": [_query(name, schema) for name, schema in properties.items()], **body_of(content)}


def _kept(task: Task) -> Json:
    """Parameters alone: the picture is here."""
    return body_of({JSON: {"schema": _object(_fields(task.params)[0], required=[])}})


def _either(task: Task) -> Json:
    """Files, and an id in place of the first."""
    files = dict.fromkeys((task.picture, *(file.name for file in task.files)), _BARE_FILE)
    needed = [file.name for file in task.files if file.needed]
    return body_of({FORM: {"schema": _object({**files, **_fields(task.params)[0]}, required=needed)}})


def _many(task: Task) -> Json:
    """A list of pictures, or several files."""
    properties, _ = _fields(task.params)
    listed = {"type": "array", "items": ENTRY, "minItems": 1, "maxItems": MOST_PICTURES}
    files = {"type": "array", "items": _BARE_FILE}
    return body_of(
        {
            JSON: {"schema": _object({"images": listed, **properties}, required=["images"])},
            FORM: {"schema": _object({task.picture: files, **properties}, required=[task.picture])},
        }
    )


_BY_WAY = {"sent": _sent, "kept": _kept, "either": _either, "many": _many}


def request_of(task: Task) -> Json:
    """``openapi_extra`` of a task's endpoint."""
    return _BY_WAY[task.comes](task)


def answers_of(task: Task) -> dict[int | str, Json]:
    """FastAPI's ``responses`` of a task's endpoint."""
    render = task.render
    content = {"content": {kind: {"schema": _BARE_FILE} for kind in render.pictures}}
    success = {**({"model": render.model} if render.model else {}), **content}
    return {render.status: success, **errors(*WORK_ERRORS)}


def complete(made: Json, tasks: Iterable[Task]) -> Json:
    """FastAPI's schema with what it cannot know: definitions of the request bodies, the shape of errors, the key."""
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for task in tasks:
        schemas.update(_fields(task.params)[1])
    schemas["ProblemResponse"] = ProblemResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    components["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    made["security"] = [{}, {"key": []}, {"bearer": []}]
    return made
