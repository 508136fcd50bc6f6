"""What one consumer endpoint asks of a mask and its picture: the columns of the table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Change = Literal["white", "black", "transparent"]
Edit = Literal["faces", "everything_else"]
MB = 1_000_000
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One consumer endpoint.

    ``carrier``: ``L`` is 8-bit grey, ``alpha`` the alpha channel of an RGBA PNG. ``soft``: greys mean something between
    change and keep; otherwise only 0 and 255 occur. ``both``: change and keep must both occur. ``max_aspect``: longer
    side over shorter. ``mask_is_picture``: the alpha channel travels in the picture's own file, so that there is one
    file. ``fields``: the consumer's request fields, each ``{"from": "mask_base64" | "image_base64", "as": …}`` or
    ``{"value": …}``.
    """

    name: str
    consumer: str
    endpoint: str
    change: Change
    carrier: Literal["L", "alpha"] = "L"
    soft: bool = True
    both: bool = False
    multiple: int = 1
    min_side: int = 1
    max_side: int = 100_000
    min_pixels: int = 1
    max_pixels: int = 10**10
    max_aspect: float = 1e5
    max_mask_bytes: int = 50 * MB
    max_image_bytes: int = 50 * MB
    image_formats: tuple[Literal["png", "jpeg"], ...] = ("png", "jpeg")
    mask_is_picture: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def face_is_black(self, edit: Edit) -> bool:
        """Whether the face has the value 0 (black or transparent) in this consumer's mask: what ``invert`` means."""
        return (self.change == "white") == (edit == "everything_else")

    def polarity(self, edit: Edit) -> str:
        """In words, e.g. ``face: black = change; rest: white = keep``."""
        keep = {"white": "black", "black": "white", "transparent": "opaque"}[self.change]
        face, rest = (f"{self.change} = change", f"{keep} = keep")
        return f"face: {face}; rest: {rest}" if edit == "faces" else f"face: {rest}; rest: {face}"
