"""Masks as drawn → masks as asked: smoothed, grown, feathered, put together; and the picture beside them."""

from __future__ import annotations

from collections.abc import Sequence

from ..geometry import Box, Face, PixelBox
from ..image import crop, to_srgb
from ..patch import Finish, Patch, SoftPatch, compose
from ..segment.matte import matte
from ..segment.segmenter import FaceMask
from .steps import Step, Work, always
from .values import Crop, Detection, MaskedFace, Numbered, Original, together

TINY_FACE = 24
"""Below this side in pixels a face is too small for the mesh to see its outline."""
LOW_CONFIDENCE = 0.8
"""Below it one face in three or four is none (docs/quality.md, Confidence)."""
SHARP = 2.0
"""Width in pixels of a matte's edge where there is no hair: what lies next to the outline is ¾ and ¼."""


def _finish(work: Work) -> None:
    masks = together(work.done, work.wanted.detail).masks
    work.masked = tuple(_masked(work, *item) for item in work.watched(zip(work.chosen, masks, strict=True)))
    work.alpha = compose((m.finished for m in work.masked), work.seen.width, work.seen.height)


FINISH: Step[Work] = Step(_finish, "compose", pixels=lambda work: work.wanted.matte)


def _masked(work: Work, chosen: Numbered, mask: FaceMask) -> MaskedFace:
    number, face = chosen
    finished = _finished(work, face, mask.patch)
    box = face.box.pixels(work.seen.width, work.seen.height)
    warnings = _warnings(face, box, work.seen) + mask.warnings
    return MaskedFace(number, face, box, mask, finished, tuple(dict.fromkeys(face.warnings + warnings)))


def _finished(work: Work, face: Face, patch: Patch) -> SoftPatch:
    """The patch smoothed, grown and feathered; with ``matte``, soft at hair and sharp elsewhere: what was grown stays
    in, what was shrunk out."""
    params = work.wanted
    if not params.matte:
        return _grown(patch, work, params.expand_pixels, params.feather_pixels)
    soft = matte(work.picture.rgb, patch, _grown(patch, work, 0, SHARP), face, work.deadline.check)
    if params.expand_pixels == 0:
        return soft
    moved = _grown(patch, work, params.expand_pixels, params.feather_pixels)
    return moved.union(soft) if params.expand_pixels > 0 else moved.intersection(soft)


def _grown(patch: Patch, work: Work, grow: int, soft: float) -> SoftPatch:
    how = Finish(grow, work.wanted.blur_iterations, soft)
    return patch.finished(how, work.seen.width, work.seen.height, work.deadline.check)


def _warnings(face: Face, box: PixelBox, seen: Detection) -> tuple[str, ...]:
    touches = box.x == 0 or box.y == 0 or box.right >= seen.width or box.bottom >= seen.height
    rules = (
        ("touches_border", touches),
        ("tiny_face", face.box.side < TINY_FACE),
        ("low_confidence", face.confidence < LOW_CONFIDENCE),
    )
    return tuple(name for name, holds in rules if holds)


def _colours(work: Work) -> None:
    work.original = Original(work.picture, to_srgb(work.picture.rgb, work.picture.profile, work.deadline.check))


COLOURS: Step[Work] = Step(_colours, "colours", pixels=always)
"""The picture's own pixels in sRGB."""


def crop_box(face: Face, width: int, height: int) -> PixelBox:
    """The face with hair and chin: 30 % more at each side, 60 % above, 40 % below, clipped to the picture."""
    b = face.box
    return Box(b.x - 0.3 * b.width, b.y - 0.6 * b.height, 1.6 * b.width, 2 * b.height).pixels(width, height)


def _crop(work: Work) -> None:
    work.crops = tuple(_crops(work, [masked.face for masked in work.masked]))


def _crops(work: Work, faces: Sequence[Face]) -> list[Crop]:
    boxes = [crop_box(face, work.picture.width, work.picture.height) for face in faces]
    return [(box, crop(work.picture, box)) for box in work.watched(boxes)]


CROP: Step[Work] = Step(_crop, "crop", needless=lambda work: work.wanted.mode != "crop", pixels=always)
