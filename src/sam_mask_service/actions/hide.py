"""What is hidden of a face, and whether it can still be read. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from ..deadline import Check, unchecked
from ..faces.mesh import CHIN, FOREHEAD, filled
from ..geometry import RGB, Box, Face
from ..patch import Finish, Patch, SoftPatch
from .anonymise import Hidden
from .tuning import COVER, CoverTuning

_SEES_A_FACE = 0.5
"""The mesh's presence from which it sees a face: its own graph's threshold."""


def oval(face: Face, width: int, height: int, tuning: CoverTuning = COVER) -> Patch:
    """The hull of the face's mesh with the forehead raised, in a picture of ``width`` × ``height``. Without a mesh
    nothing: the ellipse of the box is hidden in any case."""
    if face.landmarks is None:
        return Patch.empty()
    points = face.landmarks[:, :2]
    up = points[FOREHEAD] - points[CHIN]
    tall = ((points - points[CHIN]) @ up / max(1e-6, float(up @ up)))[:, None]
    raised = points + tuning.raised * np.maximum(0, 2 * tall - 1) * up
    hull = cv2.convexHull(np.ascontiguousarray(raised, np.float32))[:, 0]
    low, high = hull.min(axis=0), hull.max(axis=0)
    window = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return filled(window.grown(0.02).pixels(width, height), [np.asarray(hull, np.float32)])


def grown(
    face: Face,
    patch: Patch,
    width: int,
    height: int,
    whole: bool,
    check: Check = unchecked,
    tuning: CoverTuning = COVER,
) -> Hidden:
    """``patch`` with its margin, as what ``anonymise`` hides. ``whole``: the ellipse of the face's box too."""
    box = face.box if face.landmarks is not None else face.box.grown(tuning.no_mesh)
    grow = max(1, round(tuning.margin * face.box.side))
    return Hidden(patch.finished(Finish(grow, tuning.passes), width, height, check), box, cover_box=whole)


def named(box: Box, width: int, height: int) -> Hidden:
    """All of a box that the user names, whatever is in it; the mask takes no memory."""
    where = box.pixels(width, height)
    whole = SoftPatch(where.x, where.y, np.broadcast_to(np.uint8(255), (where.height, where.width)))
    return Hidden(whole, box, cover_box=False)


def readable(face: Face, before: RGB, after: RGB, tuning: CoverTuning = COVER) -> bool:
    """A box over hidden pixels is the silhouette of a hidden face, head and shoulders around a few cells, unless the
    mesh sees a face in it. A box over untouched pixels is a face."""
    where = face.box.pixels(after.shape[1], after.shape[0])
    changed = (before[where.rows, where.columns] != after[where.rows, where.columns]).any(axis=2)
    return face.presence >= _SEES_A_FACE or float(changed.mean()) < tuning.untouched
