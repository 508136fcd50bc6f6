"""A picture's way to its anonymised form: find, mask, hide, and look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..faces.detector import DetectOptions
from ..faces.sanitise import sane_faces
from ..geometry import RGB, Face, by_indices, ordered
from ..mask import finish
from ..params import MaskParams
from ..pipeline import Look, Seen, detect
from ..segment.segmenter import FaceMask, Segmenter
from .anonymise import Hidden, anonymise
from .params import AnonymizeBase

_MARGIN = 0.06
"""How far beyond its mask a face is hidden, as a share of its size."""
_PASSES = 10
_SAME = 0.5
"""Share of the smaller box from which two boxes are the same face."""
_WHOLE = frozenset({"face", "head", "skin", "oval"})
"""Regions that hold the whole face: its box's ellipse is then hidden too, should the mask have missed a part."""


@dataclass(frozen=True, slots=True, eq=False)
class Redacted:
    """``rgb`` (H, W, 3) uint8 with the ``hidden`` faces unreadable. ``residual``: faces that a second look still finds and
    that nobody asked to keep."""

    rgb: RGB
    seen: Seen
    hidden: tuple[tuple[int, Face], ...]
    kept: tuple[tuple[int, Face], ...]
    residual: tuple[Face, ...]


def redact(look: Look, params: AnonymizeBase, segmenter: Segmenter) -> Redacted:
    """Raises NoFace, FaceNotFound (also for an ``except`` that is not there), RegionUnavailable and DeadlinePassed."""
    seen, chosen = detect(look, params)
    faces = ordered(seen.faces, params.order)
    spared = set(by_indices(faces, params.kept))
    hide = [(n, face) for n, face in chosen if n not in spared]
    hiding = {n for n, _ in hide}
    keep = [(n, face) for n, face in enumerate(faces) if n not in hiding]
    patches = _hidden(look, params, segmenter, seen, [face for _, face in hide])
    with look.timer.step("hide", look.deadline):
        rgb = anonymise(look.picture.rgb, patches, params.method, params.strength, params.rgb)
    left = _look_again(look, params, rgb, [face for _, face in keep])
    return Redacted(rgb, seen, tuple(hide), tuple(keep), tuple(left))


def _hidden(look: Look, params: AnonymizeBase, segmenter: Segmenter, seen: Seen, faces: Sequence[Face]) -> list[Hidden]:
    if not faces:
        return []
    drawn = look.drawn(segmenter, faces, MaskParams(region=params.region), seen).masks
    whole = params.region.split(",")[0].strip() in _WHOLE
    return [_grown(face, mask, seen, whole) for face, mask in zip(faces, drawn, strict=True)]


def _grown(face: Face, mask: FaceMask, seen: Seen, whole: bool) -> Hidden:
    patch, grow = mask.patch, max(1, round(_MARGIN * face.box.side))
    x, y, alpha = finish(patch.x, patch.y, patch.bits, seen.width, seen.height, grow=grow, passes=_PASSES, soft=0)
    return Hidden(x, y, alpha, face.box, cover_box=whole)


def _look_again(look: Look, params: AnonymizeBase, rgb: RGB, keep: Sequence[Face]) -> list[Face]:
    options = DetectOptions(params.min_confidence, look.tools.limits.max_faces, params.detector, params.recall)
    with look.timer.step("look_again", look.deadline):
        found = look.tools.detector.detect(rgb, options, look.deadline)
    faces = sane_faces(found, rgb.shape[1], rgb.shape[0])
    return [face for face in faces if not any(face.box.contained(other.box) > _SAME for other in keep)]
