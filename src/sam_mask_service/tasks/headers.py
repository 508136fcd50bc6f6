"""What an answer says in headers when the bare picture is its body."""

from __future__ import annotations

import json

from ..wire import Json
from .answer import Answer

_STATS_HEADER = 6000
"""Bytes of X-Mask-Stats; common proxies take 8 kB of headers in all."""


def stats_header(stats: Json) -> str:
    """``stats`` as one line of ASCII; without the single faces when it would be too long for a header."""
    text = json.dumps(stats, separators=(",", ":"))
    if len(text) <= _STATS_HEADER:
        return text
    return json.dumps(
        {k: v for k, v in stats.items() if k != "faces"} | {"faces_left_out": True}, separators=(",", ":")
    )


def stats_headers(answer: Answer) -> dict[str, str]:
    return {"X-Mask-Stats": stats_header(answer.stats)}


def hidden_headers(answer: Answer) -> dict[str, str]:
    return {
        "X-Residual-Faces": str(answer.body["residual_faces"]),
        "X-Faces-Hidden": str(answer.stats["faces_hidden"]),
    }


def frame_headers(answer: Answer) -> dict[str, str]:
    frame = answer.body["frame"]
    return {"X-Frame": f"{frame['x']},{frame['y']},{frame['width']},{frame['height']}"}
