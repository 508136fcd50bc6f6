"""``sam-mask detect``: where the faces are, as text; no picture comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..bulk.action import Action, Product, product_of
from ..bulk.naming import json_line, shown
from ..bulk.outcome import is_picture
from ..service import Service
from ..tasks import DETECT
from ..wire import Json

ENGINE = "mesh"
"""Nothing is drawn: no SAM is waited for."""


class Detection(Action):
    """Faces instead of a picture."""

    async def make(self, service: Service, data: bytes, params: Any) -> Product:
        answer = await self.answer(service, data, params)
        made = product_of(answer, per_face=False)
        return Product((), made.kind, {**made.stats, "faces": answer.body["faces"]}, len(answer.body["faces"]))


ACTION = Detection(DETECT)


def lines(row: Json, as_json: bool) -> Iterator[str]:
    """What is said of a picture: its row, or a line for each face: number, x, y, width, height, confidence."""
    if as_json and is_picture(row):
        yield json_line(row)
    elif not as_json and row["stats"] is not None:
        for face in row["stats"]["faces"]:
            box = " ".join(str(face["bbox"][side]) for side in ("x", "y", "width", "height"))
            yield f"{shown(row['input'])}\t{face['face_id']}\t{box}\t{face['confidence']}"
