"""What a use case is: one row. The shells (HTTP, OpenAPI, command line, metrics) are loops over such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from ..params import MaskParams, Params
from .answer import Answer
from .steps import Asked, Step, Tools, Work, run

Comes = Literal["sent", "kept", "either", "many"]
ANY_PICTURE = ("image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True, slots=True)
class File:
    """A file field of a form besides the picture's own."""

    name: str
    needed: bool = True


def _no_headers(_: Answer) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Render:
    """How an answer leaves: as JSON, or where that is asked for as the bare picture.

    ``bare``: the value of ``output`` that asks for the picture; empty where there is none. ``accept``: the media types
    in Accept that do so too. ``pictures``: those that it may have. ``settles``: whether the answer's parameters say
    which form was chosen. ``headers`` go with the bare picture. ``model``: of the JSON, for its description. ``lines``:
    a line for each of many.
    """

    status: int = 200
    bare: str = ""
    pictures: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    settles: bool = False
    headers: Callable[[Answer], dict[str, str]] = _no_headers
    model: type[BaseModel] | None = None
    lines: bool = False


def _itself(params: Any) -> Any:
    return params


@dataclass(frozen=True, slots=True)
class Task:
    """A use case.

    ``name``: of the client's method and of the command. ``about``: for OpenAPI. ``comes``: the picture in the request
    (``sent``), a kept one by the id in the path (``kept``), a file or an id among the parameters (``either``), or a
    list (``many``). ``picture``: the file field that it may come in. ``wanted``: the mask that the task needs.
    ``work``: where its steps write. ``command``: the help of its command; None: it has none. ``keeps_format``: its
    result is in the input's format. ``later``: whether a job may ask for it; what writes elsewhere could do so twice.
    ``operation``, ``tag``: its name and its group in OpenAPI where they differ.
    """

    name: str
    path: str
    about: str
    params: type[Params]
    steps: tuple[Step[Any], ...]
    render: Render = field(default_factory=Render)
    files: tuple[File, ...] = ()
    picture: str = "image"
    comes: Comes = "sent"
    wanted: Callable[[Any], MaskParams] = _itself
    work: type[Work] = Work
    command: str | None = None
    keeps_format: bool = False
    later: bool = False
    operation: str = ""
    tag: str = "hand-over"

    def run(self, asked: Asked, tools: Tools) -> Answer:
        """All steps. In a worker thread. Raises the errors of ``errors.py``."""
        return run(self.steps, self.work(asked, self.wanted(asked.params), tools))


Tasks = Mapping[str, Task]
