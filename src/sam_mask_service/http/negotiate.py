"""Which form of answer a caller wants: JSON, or the bare picture."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response

from ..params import Params
from ..tasks import Answer
from ..tasks.headers import notice_headers
from ..tasks.task import Render
from .answers import answer_bytes


def prefers_picture(accept: str, pictures: Sequence[str] = ("image/png",)) -> bool:
    """Whether ``Accept`` puts one of ``pictures`` before JSON. ``*/*`` and nothing at all mean JSON."""
    kinds = {**dict.fromkeys([*pictures, "image/*"], "picture"), "application/json": "json", "*/*": "json"}
    quality = {"json": 0.0, "picture": 0.0}
    for part in accept.lower().split(",")[:32]:
        media, _, rest = part.partition(";")
        value = rest.strip().removeprefix("q=") if rest.strip().startswith("q=") else "1"
        weight = float(value) if value.replace(".", "", 1).isdigit() and value.isascii() else 1.0
        kind = kinds.get(media.strip())
        if kind:
            quality[kind] = max(quality[kind], weight)
    return quality["picture"] > quality["json"] or (
        quality["picture"] == quality["json"] > 0 and "application/json" not in accept
    )


def wants_picture(render: Render, params: Params, accept: str) -> bool:
    """The parameter ``output`` decides; without it ``Accept`` does."""
    if not render.bare:
        return False
    output = getattr(params, "output", None)
    return prefers_picture(accept, render.accept) if output is None else bool(output == render.bare)


def settled(render: Render, params: Params, picture: bool) -> Params:
    """The parameters with the form that was chosen, for the answers that say it."""
    return params.model_copy(update={"output": render.bare if picture else "base64"}) if render.settles else params


async def rendered(render: Render, answer: Answer, picture: bool) -> Response:
    """Raises InvalidParameter when one picture is wanted of an answer that holds several."""
    if picture:
        return Response(
            answer.picture,
            media_type=f"image/{answer.kind}",
            headers={**render.headers(answer), **notice_headers(answer)},
        )
    return Response(await answer_bytes(answer), render.status, media_type="application/json")
