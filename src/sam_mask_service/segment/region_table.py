"""The regions that can be asked for: one row each, with all that there is to know of it. A further one is a row
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ..faces.mesh import BROWS, EYES, MOUTH, MOUTH_OPENING, NOSE, OVAL, Rings

Outline = Literal["face", "head"]
"""What the mesh engine cuts with SAM's logits as evidence."""
Algorithm = Literal["face", "head", "skin", "hair", "person"]
Net = Literal["hair", "parsing"]
PARSING: Final[frozenset[Net]] = frozenset({"parsing"})


@dataclass(frozen=True, slots=True)
class Region:
    """How the mesh engine draws it: by the ``algorithm`` of that name (``mesh.py``); else by ``rings`` of points of the
    face mesh, ``holes`` cut out of them; else by ``classes``, the numbers that BiSeNetV2 on CelebAMask-HQ gives it.
    ``needs``: networks of which one must be here; none: it can always be drawn.

    ``of_face``, ``of_head``: its classes are evidence of a face, of a head. ``outline``: the outline that it hangs on,
    so that SAM's logits are evidence for it. ``by_sam``: SAM outlines the proposal anew, since that measured better
    (docs/quality.md). ``apart``: it is two things, and each is asked about on its own. ``whole``: it holds the whole
    face. ``wide``: it goes so far beyond the face that SAM has to see the whole picture.
    """

    name: str
    algorithm: Algorithm | None = None
    rings: Rings = ()
    holes: Rings = ()
    classes: tuple[int, ...] = ()
    needs: frozenset[Net] = frozenset()
    of_face: bool = False
    of_head: bool = False
    outline: Outline | None = None
    by_sam: bool = False
    apart: bool = False
    whole: bool = False
    wide: bool = False


ROWS: tuple[Region, ...] = (
    Region("face", algorithm="face", outline="face", whole=True),
    Region("head", algorithm="head", outline="head", whole=True),
    Region("person", algorithm="person", whole=True, by_sam=True, wide=True),
    Region("skin", algorithm="skin", classes=(1,), of_face=True, of_head=True, outline="face", whole=True),
    Region("hair", algorithm="hair", classes=(17,), needs=frozenset({"hair", "parsing"}), of_head=True),
    Region("ears", classes=(7, 8), needs=PARSING, of_head=True, by_sam=True, apart=True),
    Region("neck", classes=(14,), needs=PARSING),
    Region("glasses", classes=(6,), needs=PARSING, of_face=True, of_head=True, by_sam=True),
    Region("hat", classes=(18,), needs=PARSING, of_head=True),
    Region("brows", rings=BROWS, classes=(2, 3), of_face=True, of_head=True, by_sam=True, apart=True),
    Region("eyes", rings=EYES, classes=(4, 5), of_face=True, of_head=True, by_sam=True, apart=True),
    Region("nose", rings=(NOSE,), classes=(10,), of_face=True, of_head=True),
    Region("lips", rings=(MOUTH,), holes=(MOUTH_OPENING,), classes=(12, 13), by_sam=True),
    Region("mouth", rings=(MOUTH,), classes=(11, 12, 13), of_face=True, of_head=True),
    Region("oval", rings=(OVAL,), whole=True),
)
"""In the order in which they are listed to users."""


def names() -> tuple[str, ...]:
    return tuple(row.name for row in ROWS)


def region(name: str) -> Region:
    """The row of a name that ``parse_regions`` let through."""
    return next(row for row in ROWS if row.name == name)


def drawable(nets: frozenset[Net]) -> frozenset[str]:
    """What the mesh engine can draw with these networks."""
    return frozenset(row.name for row in ROWS if not row.needs or row.needs & nets)


def face_classes() -> Iterator[int]:
    """Class numbers that are evidence of a face."""
    return (number for row in ROWS if row.of_face for number in row.classes)


def head_classes() -> Iterator[int]:
    """Class numbers that are evidence of a head."""
    return (number for row in ROWS if row.of_head for number in row.classes)
