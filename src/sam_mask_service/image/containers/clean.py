"""What a container's walk hands on to a decoder: the picture's own parts, and the little that is read from its
metadata. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ImageUnreadable


@dataclass(frozen=True, slots=True, eq=False)
class Clean:
    """``data``: a file anew of the parts that make the pixels, without metadata; ``width`` × ``height`` pixels as
    stored.

    ``orientation``: EXIF's 1…8, which is still to be applied. ``profile``: an ICC profile, or None for sRGB.
    ``cost``: bytes a pixel that decoding takes at most, the result of 3 or 4 bytes included.
    ``ended``: the file went on to its end; without it the decoder has to prove that no row is missing.
    ``at``: left and top of a first frame that is smaller than ``canvas`` (width, height), or None.
    """

    kind: str
    width: int
    height: int
    data: bytes
    orientation: int = 1
    profile: bytes | None = None
    cost: float = 8.0
    ended: bool = True
    alpha: bool = False
    at: tuple[int, int] | None = None
    canvas: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole picture."""
        return self.canvas or (self.width, self.height)


def enough(count: int, most: int, what: str) -> None:
    """Raises ImageUnreadable when a file has more than ``most`` of something."""
    if count > most:
        raise ImageUnreadable(f"The picture has more than {most} {what}.")


def big(data: bytes, at: int, size: int) -> int:
    """``size`` bytes as a number, the highest first. Raises ImageUnreadable behind the end."""
    return int.from_bytes(_whole(data, at, size), "big")


def little(data: bytes, at: int, size: int) -> int:
    """``size`` bytes as a number, the lowest first. Raises ImageUnreadable behind the end."""
    return int.from_bytes(_whole(data, at, size), "little")


def _whole(data: bytes, at: int, size: int) -> bytes:
    if at < 0 or at + size > len(data):
        raise ImageUnreadable
    return data[at : at + size]
