"""``/images``: keeps a picture in memory for a while, finds its faces and draws them once."""

from __future__ import annotations

from dataclasses import replace

from ..geometry import ordered
from ..params import DetectParams, MaskParams
from ..wire import Json
from .detect import faces_answer
from .draw import DRAW, RECALL, all_drawn, embed, embedded_before, mask_of
from .find import FIND, within_limit
from .image_masks import TakesPrompts
from .steps import DECODE, Step, Work, always
from .task import Render, Task


def _any(params: DetectParams) -> MaskParams:
    return mask_of(params, on_no_face="empty")


def _all(work: Work) -> None:
    """Every face that one request draws, embedded together and drawn alone: so later questions are answered from the
    cache.
    """
    work.chosen = within_limit(work, list(enumerate(ordered(work.seen.faces, work.wanted.order))))
    work.among = [face for _, face in work.chosen]
    work.groups = [(face,) for face in work.among]


def _needs_no_embedding(work: Work) -> bool:
    """Where there is no face, an engine that takes prompts looks at the picture all the same: the user will say where
    to look.
    """
    blind = not work.chosen and isinstance(work.segmenter, TakesPrompts)
    return (all_drawn(work) and not blind) or embedded_before(work)


def _without_mesh(face: Json) -> Json:
    return {name: value for name, value in face.items() if name != "landmarks"}


def _keep(work: Work) -> None:
    answer, images = faces_answer(work), work.tools.images
    kept = {
        **answer.body,
        "image_id": images.put(work.asked.data, work.asked.owner),
        "width": work.seen.width,
        "height": work.seen.height,
        "faces": [_without_mesh(face) for face in answer.body["faces"]],
        "expires_in": images.seconds,
    }
    work.answer = replace(answer, body=kept)


UPLOAD = Task(
    name="upload",
    path="/images",
    about="Keeps a picture in memory for a while, and lists its faces: 201 with `image_id`.",
    params=DetectParams,
    steps=(
        DECODE,
        FIND,
        Step(_all),
        RECALL,
        Step(embed, "embed", needless=_needs_no_embedding, pixels=always),
        DRAW,
        Step(_keep),
    ),
    render=Render(status=201),
    wanted=_any,
)
