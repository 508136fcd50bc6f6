"""What an answer says in headers when the bare picture is its body."""

from __future__ import annotations

import json

from ..wire import Json
from .answer import Answer
from .notices import codes_of

_STATS_HEADER = 6000
"""Bytes of X-Mask-Stats; common proxies take 8 kB of headers in all."""
_MOST_BOXES = 200
"""Of X-Residual-Boxes, for the same reason."""


def stats_header(stats: Json) -> str:
    """``stats`` as one line of ASCII; without the single faces when it would be too long for a header."""
    text = json.dumps(stats, separators=(",", ":"))
    if len(text) <= _STATS_HEADER:
        return text
    return json.dumps(
        {k: v for k, v in stats.items() if k != "faces"} | {"faces_left_out": True}, separators=(",", ":")
    )


def notice_headers(answer: Answer) -> dict[str, str]:
    """The codes of what is amiss, where there is anything."""
    codes = codes_of(answer.body.get("stats", {}))
    return {"X-Warnings": ",".join(codes)} if codes else {}


def stats_headers(answer: Answer) -> dict[str, str]:
    return {"X-Mask-Stats": stats_header(answer.stats)}


def hidden_headers(answer: Answer) -> dict[str, str]:
    """Counts, and where faces are left: ``x,y,width,height;…``, as many as a header holds."""
    rows = [row["bbox"] for row in answer.body.get("residual", ())][:_MOST_BOXES]
    boxes = ";".join(",".join(str(box[name]) for name in ("x", "y", "width", "height")) for box in rows)
    return {
        "X-Residual-Faces": str(answer.body["residual_faces"]),
        "X-Faces-Hidden": str(answer.stats["faces_hidden"]),
        **({"X-Residual-Boxes": boxes} if boxes else {}),
    }


def frame_headers(answer: Answer) -> dict[str, str]:
    frame = answer.body["frame"]
    return {"X-Frame": f"{frame['x']},{frame['y']},{frame['width']},{frame['height']}"}
