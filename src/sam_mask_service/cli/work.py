"""What the command line can make of a picture: one row per action, each with the parameters of its endpoint."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from ..actions.params import AnonymizeParams, CutoutParams
from ..answer import Json
from ..deadline import NO_DEADLINE
from ..params import MaskParams, Source, parse
from ..service import Service
from ..studio import Studio

Action = Literal["mask", "crop", "cutout", "anonymize"]
PER_FACE = frozenset({"separate", "crop"})
"""Modes whose result is one picture per face: their files are numbered, also when there is only one face."""


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """What became of a picture. ``pictures`` are of format ``kind``; ``faces``: their numbers when there is one per face.
    ``warning``: a result that is written and yet not what was wanted. ``beside``: files that belong to the result, by what
    their names have after its stem."""

    pictures: tuple[bytes, ...]
    kind: str
    stats: Json
    found: int
    faces: tuple[str, ...] | None = None
    warning: str | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


Make = Callable[[Service, bytes, Any], Awaitable[Product]]


@dataclass(frozen=True, slots=True)
class Row:
    """An action: its parameters, the options of them that the command line has in another form, and what it does.
    ``keeps_format``: the result is in the input's format, and so has its suffix."""

    params: type[BaseModel]
    make: Make
    keeps_format: bool = False
    fixed: Mapping[str, str] | None = None

    def suffix(self, params: Any) -> str | None:
        """Of the results; None: as the input's."""
        return None if self.keeps_format else f".{getattr(params, 'format', 'png')}"

    def parse(self, given: Mapping[str, str]) -> Any:
        """The parameters from options. Raises InvalidParameter, also for one that the action does not have."""
        return parse(self.params, {**given, **(self.fixed or {})}, textual=True)


async def _mask(service: Service, data: bytes, params: MaskParams) -> Product:
    answer = await service.mask(Source("bytes", data), params, NO_DEADLINE)
    faces = answer.names if params.mode in PER_FACE else None
    found = len(answer.stats["faces"])
    return Product(answer.images, "png", answer.stats, found, faces, beside=_matching(answer.json()))


def _matching(body: Json) -> dict[str, bytes]:
    """With a target that the picture itself does not fit: the picture that does, and the way back for an edit of it."""
    if not body.get("image_base64"):
        return {}
    kind = "jpg" if body["image_format"] == "jpeg" else "png"
    way = {"target": body["target"], "transform": body["transform"]}
    return {
        f"-image.{kind}": base64.b64decode(body["image_base64"]),
        "-target.json": json.dumps(way, indent=2).encode(),
    }


async def _cutout(service: Service, data: bytes, params: CutoutParams) -> Product:
    answer = await Studio(service).cutout(Source("bytes", data), params, deadline=NO_DEADLINE)
    stats = {**answer.body["stats"], "frame": answer.body["frame"]}
    return Product((answer.image,), answer.kind, stats, stats["faces_detected"])


async def _anonymize(service: Service, data: bytes, params: Any) -> Product:
    answer = await Studio(service).anonymize(Source("bytes", data), params, NO_DEADLINE)
    left = answer.body["residual_faces"]
    stats = {**answer.body["stats"], "residual_faces": left}
    warning = f"{left} face(s) can still be found in the result" if left else None
    return Product((answer.image,), answer.kind, stats, stats["faces_detected"], warning=warning)


ACTIONS: dict[Action, Row] = {
    "mask": Row(MaskParams, _mask),
    "crop": Row(MaskParams, _mask, fixed={"mode": "crop"}),
    "cutout": Row(CutoutParams, _cutout),
    "anonymize": Row(AnonymizeParams, _anonymize, keeps_format=True),
}
