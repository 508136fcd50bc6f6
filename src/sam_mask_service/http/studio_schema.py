"""What ``/openapi.json`` says of the requests that ``schema.request_of`` cannot describe: several files, lists, an id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ..actions.params import CompositeParams, ImageMaskParams
from ..params import MaskParams

Json = dict[str, Any]
_FILE = {"type": "string", "format": "binary"}


def _properties(model: type[BaseModel]) -> Json:
    properties: Json = model.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    return properties


def _body(**content: Json) -> Json:
    kinds = {"json": "application/json", "form": "multipart/form-data"}
    return {"requestBody": {"required": True, "content": {kinds[k]: {"schema": v} for k, v in content.items()}}}


def _object(required: list[str], properties: Json) -> Json:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_ENTRY = _object(
    [],
    {
        **{name: {"type": "string"} for name in ("image_url", "image_base64", "image_path")},
        "id": {"anyOf": [{"type": "string"}, {"type": "integer"}], "description": "Comes back with the line."},
    },
)

REQUESTS: dict[str, Json] = {
    "/composite": _body(
        form=_object(
            ["edited", "mask"], {"original": _FILE, "edited": _FILE, "mask": _FILE, **_properties(CompositeParams)}
        )
    ),
    "/create_masks": _body(
        json=_object(
            ["images"],
            {"images": {"type": "array", "items": _ENTRY, "minItems": 1, "maxItems": 100}, **_properties(MaskParams)},
        ),
        form=_object(["image"], {"image": {"type": "array", "items": _FILE}, **_properties(MaskParams)}),
    ),
    "/images/{image_id}/masks": _body(json=_object([], _properties(ImageMaskParams))),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its status, the media types that it may have besides JSON, and whether it is a line for each picture."""

    status: int = 200
    pictures: tuple[str, ...] = ()
    lines: bool = False

    @property
    def content(self) -> Json:
        return {kind: {"schema": _FILE} for kind in self.pictures}


_ANY = ("image/png", "image/jpeg", "image/webp")
ANSWERS: dict[str, Answer] = {
    "/anonymize": Answer(pictures=_ANY),
    "/cutout": Answer(pictures=_ANY),
    "/composite": Answer(pictures=_ANY),
    "/create_masks": Answer(lines=True),
    "/images": Answer(201),
    "/images/{image_id}/masks": Answer(pictures=("image/png",)),
    "/images/{image_id}": Answer(204),
}
