"""A picture's way to its anonymised form: find, mask, hide, and look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.detector import DetectOptions
from ..faces.mesh import fill
from ..geometry import RGB, Box, Face, at_point, by_indices, ordered
from ..mask import finish
from ..params import MaskParams
from ..pipeline import Look, Seen, detect
from ..segment.segmenter import Patch, Segmenter
from .again import look_again
from .anonymise import Hidden, anonymise
from .params import AnonymizeBase

_MARGIN = 0.06
"""How far beyond its mask a face is hidden, as a share of its size."""
_PASSES = 10
_TOP, _CHIN = 10, 152
"""Mesh points: the top of the forehead, which the mesh ends short of the hair line, and the chin."""
_FOREHEAD = 0.15
"""By how much the forehead is raised, as a share of the mesh's height."""
_NO_MESH = 0.1
"""By how much the box of a face without a mesh is grown on each side before its ellipse is hidden."""
_SEES_A_FACE = 0.5
"""The mesh's presence from which it sees a face: its own graph's threshold."""
_SAME = 0.5
"""Share of the smaller box from which two boxes are the same face."""
_WHOLE = frozenset({"face", "head", "skin", "oval"})
"""Regions that hold the whole face: its box's ellipse is then hidden too, should the mask have missed a part."""


@dataclass(frozen=True, slots=True, eq=False)
class Redacted:
    """``rgb`` (H, W, 3) uint8 with the ``hidden`` faces unreadable. ``residual``: faces that a second look still sees and
    that nobody asked to keep. ``again``: how many boxes it drew at all, silhouettes of hidden faces included."""

    rgb: RGB
    seen: Seen
    hidden: tuple[tuple[int, Face], ...]
    kept: tuple[tuple[int, Face], ...]
    residual: tuple[Face, ...]
    again: int


def redact(look: Look, params: AnonymizeBase, segmenter: Segmenter) -> Redacted:
    """Raises NoFace, FaceNotFound (also for an ``except`` that is not there), RegionUnavailable and DeadlinePassed."""
    seen, chosen = detect(look, params)
    faces = ordered(seen.faces, params.order)
    spared = {*by_indices(faces, params.kept), *(at_point(faces, x, y) for x, y in params.except_points or [])}
    hide = [(n, face) for n, face in chosen if n not in spared]
    hiding = {n for n, _ in hide}
    keep = [(n, face) for n, face in enumerate(faces) if n not in hiding]
    patches = _hidden(look, params, segmenter, seen, [face for _, face in hide])
    with look.timer.step("hide", look.deadline):
        rgb = anonymise(look.picture.rgb, patches, params.method, params.strength, params.rgb)
    found = _look_again(look, params, rgb, [face for _, face in hide], [face for _, face in keep])
    residual = tuple(face for face in found if _readable(face, look.picture.rgb, rgb))
    return Redacted(rgb, seen, tuple(hide), tuple(keep), residual, len(found))


def _hidden(look: Look, params: AnonymizeBase, segmenter: Segmenter, seen: Seen, faces: Sequence[Face]) -> list[Hidden]:
    if not faces:
        return []
    if params.region == "face" and segmenter.name == "mesh":
        with look.timer.step("segment", look.deadline):
            return [_grown(face, _oval(face, seen), seen, True) for face in faces]
    drawn = look.drawn(segmenter, faces, MaskParams(region=params.region), seen).masks
    whole = params.region.split(",")[0].strip() in _WHOLE
    return [_grown(face, mask.patch, seen, whole) for face, mask in zip(faces, drawn, strict=True)]


def _oval(face: Face, seen: Seen) -> Patch:
    """The hull of the face's mesh with the forehead raised: to hide, it is enough, and takes a hundredth of the time of the
    fine edge. Without a mesh nothing: the ellipse of the box is hidden in any case."""
    if face.landmarks is None:
        return Patch(0, 0, np.zeros((1, 1), bool))
    points = face.landmarks[:, :2]
    up = points[_TOP] - points[_CHIN]
    height = ((points - points[_CHIN]) @ up / max(1e-6, float(up @ up)))[:, None]
    raised = points + _FOREHEAD * np.maximum(0, 2 * height - 1) * up
    hull = cv2.convexHull(np.ascontiguousarray(raised, np.float32))[:, 0]
    low, high = hull.min(axis=0), hull.max(axis=0)
    window = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    where = window.grown(0.02).pixels(seen.width, seen.height)
    return Patch(where.x, where.y, fill((where.height, where.width), [hull - np.array([where.x, where.y])], []))


def _grown(face: Face, patch: Patch, seen: Seen, whole: bool) -> Hidden:
    box = face.box if face.landmarks is not None else face.box.grown(_NO_MESH)
    grow = max(1, round(_MARGIN * face.box.side))
    x, y, alpha = finish(patch.x, patch.y, patch.bits, seen.width, seen.height, grow=grow, passes=_PASSES, soft=0)
    return Hidden(x, y, alpha, box, cover_box=whole)


def _look_again(
    look: Look, params: AnonymizeBase, rgb: RGB, hidden: Sequence[Face], keep: Sequence[Face]
) -> list[Face]:
    """What is found now where faces were hidden, but for those that were to be kept."""
    options = DetectOptions(params.min_confidence, look.tools.limits.max_faces, params.detector)
    with look.timer.step("look_again", look.deadline):
        found = look_again(rgb, hidden, look.tools.detector, options, look.deadline)
    return [face for face in found if not any(face.box.contained(other.box) > _SAME for other in keep)]


def _readable(face: Face, before: RGB, after: RGB) -> bool:
    """A box over hidden pixels is the silhouette of a hidden face, head and shoulders around a few cells, unless the mesh sees
    a face in it. A box over untouched pixels is a face."""
    where = face.box.pixels(after.shape[1], after.shape[0])
    changed = (before[where.rows, where.columns] != after[where.rows, where.columns]).any(axis=2)
    return face.presence >= _SEES_A_FACE or float(changed.mean()) < _SAME
