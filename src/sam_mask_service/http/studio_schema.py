"""What ``/openapi.json`` says of the requests that ``schema.request_of`` cannot describe: several files, lists, an id."""

from __future__ import annotations

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
