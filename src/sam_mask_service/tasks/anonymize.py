"""``/anonymize``: faces found, hidden, and looked for once more; the picture in the input's format, without metadata."""

from __future__ import annotations

from collections.abc import Sequence

from ..actions import anonymise
from ..actions.again import look_again
from ..actions.hide import grown, oval, readable
from ..actions.params import AnonymizeBase, AnonymizeParams
from ..faces.detector import DetectOptions
from ..geometry import RGB, Face, at_point, by_indices, ordered
from ..image import OutputFormat, lifted, to_srgb
from ..segment.segmenter import Patch
from ..wire import Json
from .draw import DRAW, EMBED, RECALL, mask_of
from .find import FIND, chosen, face_row
from .headers import hidden_headers
from .pictures import ENCODE_PICTURE, SAY_PICTURE, PictureWork
from .steps import DECODE, Step, always
from .task import ANY_PICTURE, Render, Task
from .values import Numbered, together

_SAME = 0.5
"""Share of the smaller box from which two boxes are the same face."""
_WHOLE = frozenset({"face", "head", "skin", "oval"})
"""Regions that hold the whole face: its box's ellipse is then hidden too, should the mask have missed a part."""
_FORMATS: dict[str, OutputFormat] = {"JPEG": "jpeg", "WEBP": "webp"}


class _Work(PictureWork):
    """``kept``: faces that stay as they are. ``outlines``: of those to hide. ``rgb``: the picture with these hidden.
    ``found``: faces of the second look that nobody asked to keep; ``residual``: those of them that can be read."""

    kept: list[Numbered]
    outlines: Sequence[Patch] = ()
    rgb: RGB
    found: list[Face]
    residual: list[Face]


def _spare(work: _Work) -> None:
    """Which faces are hidden and which stay. Raises NoFace, and FaceNotFound also for an ``except`` that is not there."""
    params: AnonymizeBase = work.asked.params
    faces = ordered(work.seen.faces, params.order)
    asked = chosen(work.seen, params)
    spared = {*by_indices(faces, params.kept), *(at_point(faces, x, y) for x, y in params.except_points or [])}
    work.chosen = [(n, face) for n, face in asked if n not in spared]
    hiding = {n for n, _ in work.chosen}
    work.kept = [(n, face) for n, face in enumerate(faces) if n not in hiding]
    hide = tuple(face for _, face in work.chosen)
    work.groups, work.among = [hide] if hide and not _by_mesh(work) else [], hide


def _by_mesh(work: _Work) -> bool:
    """To hide a face, the hull of its mesh is enough, and takes a hundredth of the time of the fine edge."""
    return work.wanted.region == "face" and work.segmenter.name == "mesh"


def _outline(work: _Work) -> None:
    work.outlines = [oval(face, work.seen.width, work.seen.height) for _, face in work.chosen]


def _outlined(work: _Work) -> bool:
    return bool(work.groups) or not work.chosen


def _hide(work: _Work) -> None:
    params: AnonymizeBase = work.asked.params
    whole = params.region.split(",")[0].strip() in _WHOLE
    patches = work.outlines or [mask.patch for mask in together(work.done, work.wanted.detail).masks]
    hidden = [
        grown(face, patch, work.seen.width, work.seen.height, whole)
        for (_, face), patch in zip(work.chosen, patches, strict=True)
    ]
    work.rgb = anonymise(work.picture.rgb, hidden, params.method, params.strength, params.rgb)


def _look_again(work: _Work) -> None:
    """What is found now where faces were hidden, but for those that were to be kept."""
    params: AnonymizeBase = work.asked.params
    options = DetectOptions(params.min_confidence, work.tools.limits.max_faces, params.detector)
    hidden = [face for _, face in work.chosen]
    found = look_again(work.rgb, hidden, work.tools.detector, options, work.deadline)
    work.found = [face for face in found if not _among(face, [other for _, other in work.kept])]
    work.residual = [face for face in work.found if readable(face, work.picture.rgb, work.rgb)]


def _among(face: Face, others: Sequence[Face]) -> bool:
    return any(face.box.contained(other.box) > _SAME for other in others)


def _row(numbered: Numbered, work: _Work, hidden: bool) -> Json:
    return {**face_row(*numbered, work.seen), "hidden": hidden}


def _write(work: _Work) -> None:
    picture = work.picture
    work.pixels, work.quality = to_srgb(work.rgb, picture.profile), picture.quality
    work.kind = work.asked.params.format or _FORMATS.get(picture.format, "png")
    if picture.alpha is not None:
        work.flattened = work.kind == "jpeg"
        work.pixels = work.pixels if work.flattened else lifted(work.pixels, picture.alpha)
    rows = [_row(face, work, True) for face in work.chosen] + [_row(face, work, False) for face in work.kept]
    work.said = {
        "faces": sorted(rows, key=lambda row: row["face_id"]),
        "residual_faces": len(work.residual),
        "stats": {
            "faces_detected": len(work.seen.faces),
            "faces_hidden": len(work.chosen),
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
        RECALL,
        EMBED,
        DRAW,
        Step(_outline, "segment", needless=_outlined),
        Step(_hide, "hide", pixels=always),
        Step(_look_again, "look_again"),
        Step(_write),
        ENCODE_PICTURE,
        SAY_PICTURE,
    ),
    render=Render(bare="image", pictures=ANY_PICTURE, accept=ANY_PICTURE, headers=hidden_headers),
    wanted=mask_of,
    work=_Work,
    command="Make the faces in pictures unreadable, look again, and drop all metadata.",
    keeps_format=True,
)
