"""Which form of answer a caller wants: JSON, or the bare picture."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response

from ..params import Params
from ..tasks import Answer
from ..tasks.headers import notice_headers
from ..tasks.task import Render
from .answers import answer_bytes


def weights(accept: str) -> dict[str, float]:
    """Media types of an ``Accept`` header and their quality, in the order in which they stand."""
    found: dict[str, float] = {}
    for part in accept.lower().split(",")[:32]:
        media, _, rest = part.partition(";")
        value = rest.strip().removeprefix("q=") if rest.strip().startswith("q=") else "1"
        weight = float(value) if value.replace(".", "", 1).isdigit() and value.isascii() else 1.0
        found[media.strip()] = max(found.get(media.strip(), 0.0), weight)
    return found


def prefers_picture(accept: str, pictures: Sequence[str] = ("image/png",)) -> bool:
    """Whether ``Accept`` puts one of ``pictures`` before JSON. ``*/*`` and nothing at all mean JSON."""
    asked = weights(accept)
    picture = max((asked.get(media, 0.0) for media in (*pictures, "image/*")), default=0.0)
    json = max(asked.get("application/json", 0.0), asked.get("*/*", 0.0))
    return picture > json or (picture == json > 0 and "application/json" not in accept)


def format_of(accept: str, pictures: Sequence[str]) -> str | None:
    """The format that ``Accept`` names: of ``pictures`` the one it likes best, the first of several. None where it
    leaves the choice.

    >>> format_of("image/webp;q=0.5, image/png", ("image/png", "image/webp")), format_of("image/*", ("image/png",))
    ('png', None)
    """
    asked = weights(accept)
    named = {media: asked[media] for media in asked if media in pictures and asked[media] > 0}
    best = max(named, key=lambda media: named[media], default="")
    return best.removeprefix("image/") if best and named[best] > asked.get("image/*", 0.0) else None


def wants_picture(render: Render, params: Params, accept: str) -> bool:
    """The parameter ``output`` decides; without it ``Accept`` does."""
    if not render.bare:
        return False
    output = getattr(params, "output", None)
    return prefers_picture(accept, render.accept) if output is None else bool(output == render.bare)


def settled(render: Render, params: Params, picture: bool, accept: str = "") -> Params:
    """The parameters with the form that was chosen, for the answers that say it, and with the format that ``accept``
    names where the bare picture is the answer and ``format`` is unset."""
    form = {"output": render.bare if picture else "base64"} if render.settles else {}
    named = format_of(accept, render.accept) if picture and getattr(params, "format", "") is None else None
    return params.model_copy(update={**form, **({"format": named} if named else {})})


async def rendered(render: Render, answer: Answer, picture: bool) -> Response:
    """Raises InvalidParameter when one picture is wanted of an answer that holds several."""
    if picture:
        return Response(answer.picture, media_type=f"image/{answer.kind}", headers=_headers(render, answer))
    return Response(await answer_bytes(answer), render.status, media_type="application/json")


def _headers(render: Render, answer: Answer) -> dict[str, str]:
    """The task's own, and what transparency was laid on."""
    flattened = {"X-Flattened-On": answer.body["flattened_on"]} if "flattened_on" in answer.body else {}
    return {**render.headers(answer), **notice_headers(answer), **flattened}
