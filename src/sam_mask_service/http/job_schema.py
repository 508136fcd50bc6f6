"""What ``/openapi.json`` says of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from ..wire import Json
from .job_request import MOST_PICTURES
from .schema import ENTRY, FORM, JSON, body_of

LOOK_ERRORS = (400, 401, 403, 404, 405, 429, 431, 500, 503)
RESULT_ERRORS = (*LOOK_ERRORS, 409)
ADD_ERRORS = (*LOOK_ERRORS, 408, 413, 415, 422)
_ENTRY: Json = {
    **ENTRY,
    "properties": {**ENTRY["properties"], "image_id": {"type": "string", "description": "Of an upload to /images."}},
}


class PictureCounts(BaseModel):
    total: int
    waiting: int
    answered: int
    failed: int


class WebhookState(BaseModel):
    """``waiting`` for the job's end; ``pending``: to be sent, or sent again."""

    state: Literal["waiting", "pending", "delivered", "failed"]
    tries: int
    last_answer: str | None = None


class JobResponse(BaseModel):
    """Times in UTC, as RFC 3339 writes them."""

    success: Literal[True]
    job_id: str
    state: Literal["queued", "running", "done", "failed"]
    endpoint: str
    pictures: PictureCounts
    created: str
    started: str | None
    finished: str | None
    webhook: WebhookState | None = None


class TakenResponse(JobResponse):
    """The same, with the path that its status is asked under; also in ``Location``."""

    status_url: str


def request_of(endpoints: Sequence[str]) -> Json:
    """``openapi_extra`` of ``POST /jobs``."""
    endpoint = {"type": "string", "enum": list(endpoints), "description": "What is done with each picture."}
    parameters = {"type": "object", "description": "Those of the endpoint, for all pictures."}
    webhook = {"type": "string", "description": "http(s) URL on a public address that is told of the end."}
    listed = {"type": "array", "items": _ENTRY, "minItems": 1, "maxItems": MOST_PICTURES}
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    text = {"type": "string", "description": "The parameters as the text of a JSON object."}
    forms = {
        JSON: {"endpoint": endpoint, "images": listed, "parameters": parameters, "webhook": webhook},
        FORM: {"endpoint": endpoint, "image": files, "parameters": text, "webhook": webhook},
    }
    return body_of({kind: {"schema": _closed(properties)} for kind, properties in forms.items()})


def _closed(properties: Json) -> Json:
    """An object with these properties alone; the first two are needed."""
    required = list(properties)[:2]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
