"""What a task gives back, whichever shell asked: words, and pictures as files. Base64 is made where JSON is wanted, not
before.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter
from ..image import OutputFormat
from ..wire import Json


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """``body`` is JSON-ready but for its pictures: they stand in it as bytes where JSON has base64.

    ``pictures``: the results as files of format ``kind``, one unless the mode gives several. ``names``: the numbers of
    the faces that were masked, for results that are one for each.
    """

    body: Json
    pictures: tuple[bytes, ...] = ()
    kind: OutputFormat = "png"
    names: tuple[str, ...] = ()

    @property
    def stats(self) -> Json:
        stats: Json = self.body["stats"]
        return stats

    @property
    def picture(self) -> bytes:
        """The one picture. Raises InvalidParameter when the answer holds none or several."""
        if len(self.pictures) != 1:
            raise InvalidParameter(f"output=png takes exactly one picture, and this answer holds {len(self.pictures)}.")
        return self.pictures[0]

    def json(self) -> Json:
        """The body with its pictures as base64 text."""
        return {name: _json(value) for name, value in self.body.items()}

    def bare(self) -> Json:
        """The body without its pictures.

        >>> Answer({"mask_base64": b"PNG", "masks": [{"face_id": 0, "mask_base64": b"PNG"}]}).bare()
        {'masks': [{'face_id': 0}]}
        """
        return _bare(self.body)


def text(picture: bytes) -> str:
    """Base64 of a file."""
    return base64.b64encode(picture).decode("ascii")


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return text(value)
    if _is_rows(value):
        return [{name: _json(inner) for name, inner in row.items()} for row in value]
    return value


def _bare(row: Json) -> Json:
    kept = {name: value for name, value in row.items() if not isinstance(value, bytes)}
    return {name: [_bare(inner) for inner in value] if _is_rows(value) else value for name, value in kept.items()}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
