"""What the command line can make of a picture: one row per task that has a command, with the parameters of its
endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..deadline import Deadline
from ..params import Source, parse
from ..service import Service
from ..tasks import MASK, TASKS, Answer, Task
from ..wire import Json

PER_FACE = frozenset({"separate", "crop"})
"""Modes whose result is one picture per face: their files are numbered, also when there is only one face."""
_FIGURES = ("frame", "residual_faces")
"""Fields of an answer that belong to its figures here."""


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """What became of a picture. ``pictures`` are of format ``kind``; ``faces``: their numbers when there is one per
    face. ``warning``: a result that is written and yet not what was wanted. ``beside``: files that belong to the
    result, by what their names have after its stem."""

    pictures: tuple[bytes, ...]
    kind: str
    stats: Json
    found: int
    faces: tuple[str, ...] | None = None
    warning: str | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """A task, and those of its parameters that the command line has fixed."""

    task: Task
    fixed: Mapping[str, str] = field(default_factory=dict)

    def suffix(self, params: Any) -> str | None:
        """Of the results; None: as the input's."""
        kind = getattr(params, "format", None)
        if kind is None:
            return None if self.task.keeps_format else ".png"
        return ".jpg" if kind == "jpeg" else f".{kind}"

    def parse(self, given: Mapping[str, str]) -> Any:
        """The parameters from options. Raises InvalidParameter, also for one that the action does not have."""
        return parse(self.task.params, {**given, **self.fixed}, textual=True)

    async def answer(self, service: Service, data: bytes, params: Any) -> Answer:
        return await service.run(self.task, Source("bytes", data), params, Deadline())

    async def make(self, service: Service, data: bytes, params: Any) -> Product:
        answer = await self.answer(service, data, params)
        return product_of(answer, per_face=getattr(params, "mode", None) in PER_FACE)


def product_of(answer: Answer, *, per_face: bool) -> Product:
    stats = {**answer.stats, **{name: answer.body[name] for name in _FIGURES if name in answer.body}}
    left = answer.body.get("residual_faces")
    return Product(
        answer.pictures,
        answer.kind,
        stats,
        len(stats["faces"]) if "faces" in stats else stats["faces_detected"],
        answer.names if per_face else None,
        f"{left} face(s) can still be found in the result" if left else None,
        _matching(answer.body),
    )


def _matching(body: Json) -> dict[str, bytes]:
    """With a target that the picture itself does not fit: the picture that does, and the way back for an edit of it."""
    if not body.get("image_base64") or "transform" not in body:
        return {}
    kind = "jpg" if body["image_format"] == "jpeg" else "png"
    way = {"target": body["target"], "transform": body["transform"]}
    return {f"-image.{kind}": body["image_base64"], "-target.json": json.dumps(way, indent=2).encode()}


def actions_of(tasks: Iterable[Task]) -> dict[str, Action]:
    """The commands by name, and with them ``crop``: a mask in the mode that cuts the picture."""
    rows = {task.name: Action(task) for task in tasks if task.command is not None}
    return {**rows, "crop": Action(MASK, {"mode": "crop"})}


ACTIONS = actions_of(TASKS)
