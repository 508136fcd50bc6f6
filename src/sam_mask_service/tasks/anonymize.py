"""``/anonymize``: faces found, hidden, and the whole picture searched once more; in the input's format, without
metadata.

Every face that is found is hidden, however many: there is no limit but the time. What cannot be looked at is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ..actions import anonymise
from ..actions.again import look_again, look_near
from ..actions.hide import grown, named, oval, readable
from ..actions.params import AnonymizeBase, AnonymizeParams
from ..errors import InvalidParameter, TooManyFaces
from ..geometry import RGB, Box, Face, at_point, by_indices, ordered
from ..image import OutputFormat, lifted, to_srgb
from ..patch import Patch
from ..segment import region_table
from ..wire import Json
from .draw import DRAW, EMBED, RECALL, mask_of
from .find import FIND, chosen, face_row, options_of
from .headers import hidden_headers
from .notices import WEAKER_DETECTOR, more_faces, residual_faces
from .pictures import ENCODE_PICTURE, SAY_PICTURE, PictureWork
from .steps import DECODE, Step, always, take
from .task import ANY_PICTURE, Render, Task
from .values import Numbered, together

_SAME = 0.5
"""Share of the smaller box from which two boxes are the same face."""
_ALIKE = 2.5
"""And no side is so many times the other's."""
_FORMATS: dict[str, OutputFormat] = {"JPEG": "jpeg", "WEBP": "webp"}


class _Work(PictureWork):
    """``kept``: faces that stay as they are. ``outlines``: of those to hide. ``rgb``: the picture with these hidden.
    ``boxes``: those that the user names. ``found``: faces of the second look that nobody asked to keep; ``residual``:
    those of them that can be read."""

    boxes: list[Box]
    kept: list[Numbered]
    outlines: Sequence[Patch] = ()
    rgb: RGB
    found: list[Face]
    residual: list[Face]


def _spare(work: _Work) -> None:
    """Which faces are hidden and which stay. Raises NoFace where there is neither a face nor a box, FaceNotFound also
    for an ``except`` that is not there, and TooManyFaces."""
    params: AnonymizeBase = work.asked.params
    if work.seen.unexamined:
        raise TooManyFaces
    work.boxes = _named(params, work.seen.width, work.seen.height)
    faces = ordered(work.seen.faces, params.order)
    asked = chosen(work.seen, params) if faces or not work.boxes else []
    spared = {*by_indices(faces, params.kept), *(at_point(faces, x, y) for x, y in params.except_points or [])}
    work.chosen = [(n, face) for n, face in asked if n not in spared]
    hiding = {n for n, _ in work.chosen}
    work.kept = [(n, face) for n, face in enumerate(faces) if n not in hiding]
    if params.detector == "auto" and work.tools.detector.name == "mediapipe":
        work.notices.append(WEAKER_DETECTOR)


def _named(params: AnonymizeBase, width: int, height: int) -> list[Box]:
    """Raises InvalidParameter for a box outside of the picture."""
    boxes = [Box(*box) for box in params.boxes or []]
    if not all(box.intersection(Box(0, 0, width, height)) for box in boxes):
        raise InvalidParameter(f"boxes: one lies outside the picture of {width} × {height} pixels.")
    return boxes


def _by_mesh(work: _Work) -> bool:
    """To hide a face, the hull of its mesh is enough, and takes a hundredth of the time of the fine edge."""
    return work.wanted.region == "face" and work.segmenter.name == "mesh"


def _outline(work: _Work) -> None:
    work.outlines = [oval(face, work.seen.width, work.seen.height) for _, face in work.watched(work.chosen)]


def _no_outline(work: _Work) -> bool:
    return not work.chosen or not _by_mesh(work)


def _by_outline(work: _Work) -> bool:
    return not work.chosen or _by_mesh(work)


def _draw(work: _Work) -> None:
    """As many faces in one go as a mask may have, so that what an engine keeps of them is bounded."""
    work.outlines = [patch for batch in _batches(work) for patch in _drawn(work, batch)]


def _batches(work: _Work) -> Iterator[tuple[Face, ...]]:
    faces, size = [face for _, face in work.chosen], work.tools.limits.max_faces
    for start in range(0, len(faces), size):
        yield tuple(faces[start : start + size])


def _drawn(work: _Work, batch: tuple[Face, ...]) -> list[Patch]:
    work.groups, work.among = [batch], batch
    for step in (RECALL, EMBED, DRAW):
        take(step, work)
    return [mask.patch for mask in together(work.done, work.wanted.detail).masks]


def _hide(work: _Work) -> None:
    params: AnonymizeBase = work.asked.params
    first = params.region.split(",")[0].strip()
    whole = any(row.whole for row in region_table.ROWS if row.name == first)  # its box's ellipse is hidden too
    size = work.seen.width, work.seen.height
    check, faces = work.deadline.check, zip(work.chosen, work.outlines, strict=True)
    found = (grown(face, patch, *size, whole, check) for (_, face), patch in faces)
    asked = (named(box, *size) for box in dict.fromkeys(work.boxes))
    work.rgb = anonymise(work.picture.rgb, chain(found, asked), params.method, params.strength, params.rgb, check)


def _look_again(work: _Work) -> None:
    """What the whole picture shows now is hidden too, and its places are looked at once more; what is there then is
    left."""
    how = work.tools.detector, options_of(work.asked.params), work.deadline
    _sort(work, *look_again(work.rgb, *how))
    if work.residual and _all_asked(work.asked.params):
        places = work.residual
        _hide_more(work)
        _sort(work, *look_near(work.rgb, places, *how))
    if work.residual:
        work.notices.append(residual_faces(len(work.residual)))


def _all_asked(params: AnonymizeBase) -> bool:
    """Whether the caller chose no faces: what is found later is then hidden as if it had been found at once."""
    return params.faces is None and params.point_x is None and not params.max_faces


def _hide_more(work: _Work) -> None:
    """The faces of the second look, numbered after all others."""
    params, size, check = work.asked.params, (work.seen.width, work.seen.height), work.deadline.check
    hidden = (grown(face, oval(face, *size), *size, whole=True, check=check) for face in work.residual)
    work.chosen += enumerate(work.residual, len(work.seen.faces))
    work.rgb = anonymise(work.rgb, hidden, params.method, params.strength, params.rgb, check)


def _sort(work: _Work, found: Sequence[Face], unexamined: int) -> None:
    """What a look has found, but for the faces that were to be kept; and those of it that can be read."""
    work.found = [face for face in found if not _among(face, [other for _, other in work.kept])]
    work.residual = [face for face in work.watched(work.found) if readable(face, work.picture.rgb, work.rgb)]
    if unexamined:
        work.notices.append(more_faces(len(found), None, unexamined))


def _among(face: Face, others: Sequence[Face]) -> bool:
    """A much smaller face within another's box is one of its own."""
    alike = [other.box for other in others if 1 / _ALIKE < face.box.side / max(1.0, other.box.side) < _ALIKE]
    return any(face.box.contained(box) > _SAME for box in alike)


def _place(face: Face, work: _Work) -> Json:
    return {name: value for name, value in face_row(0, face, work.seen).items() if name != "face_id"}


def _row(numbered: Numbered, work: _Work, hidden: bool) -> Json:
    return {**face_row(*numbered, work.seen), "hidden": hidden}


def _write(work: _Work) -> None:
    picture = work.picture
    work.pixels, work.quality = to_srgb(work.rgb, picture.profile, work.deadline.check), picture.quality
    work.kind = work.asked.params.format or _FORMATS.get(picture.format, "png")
    if picture.alpha is not None:
        work.flattened = work.kind == "jpeg"
        work.pixels = work.pixels if work.flattened else lifted(work.pixels, picture.alpha, work.deadline.check)
    rows = [_row(face, work, True) for face in work.chosen] + [_row(face, work, False) for face in work.kept]
    work.said = {
        "faces": sorted(rows, key=lambda row: row["face_id"]),
        "residual_faces": len(work.residual),
        **({"residual": [_place(face, work) for face in work.residual]} if work.residual else {}),
        "stats": {
            "faces_detected": len(work.seen.faces),
            "faces_hidden": len(work.chosen),
            **({"boxes_hidden": len(work.boxes)} if work.boxes else {}),
            "found_again": len(work.found),
            "method": work.asked.params.method,
        },
    }


ANONYMIZE = Task(
    name="anonymize",
    path="/anonymize",
    about="The picture with its faces hidden (blur, pixelate, solid, mosaic), looked at again, without metadata.",
    params=AnonymizeParams,
    steps=(
        DECODE,
        FIND,
        Step(_spare),
        Step(_draw, needless=_by_outline),
        Step(_outline, "segment", needless=_no_outline),
        Step(_hide, "hide", pixels=always),
        Step(_look_again, "look_again"),
        Step(_write),
        ENCODE_PICTURE,
        SAY_PICTURE,
    ),
    render=Render(bare="image", pictures=ANY_PICTURE, accept=ANY_PICTURE, headers=hidden_headers),
    wanted=mask_of,
    work=_Work,
    command="Make faces unreadable, look again, and drop all metadata.",
    keeps_format=True,
    later=True,
)
