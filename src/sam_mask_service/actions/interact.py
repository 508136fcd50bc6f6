"""Masks of a picture that was looked at before: from what is cached, with the user's points and box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..deadline import Deadline
from ..errors import InvalidParameter
from ..geometry import Box, Face, ordered
from ..mask import bounds, window
from ..params import MaskParams
from ..pipeline import Drawn, Look, Result, Seen, assemble, chosen_for
from ..segment.segmenter import Embedding, FaceMask, Patch, Segmenter
from .correct import UserPoint, correct
from .params import ImageMaskParams


@runtime_checkable
class TakesPrompts(Segmenter, Protocol):
    """A segmenter that draws by points itself."""

    def prompted(
        self,
        embedding: Embedding,
        start: FaceMask | None,
        points: Sequence[UserPoint],
        box: Box | None,
        deadline: Deadline = ...,
    ) -> FaceMask: ...

    def shows(self, embedding: Embedding, points: Sequence[UserPoint], box: Box | None) -> bool: ...


def prepare(look: Look, segmenter: Segmenter, params: MaskParams) -> Seen:
    """Finds, embeds and draws every face, so that later questions are answered from the cache. Where there is none, an engine
    that takes prompts looks at the picture all the same: the user will say where to look."""
    seen = look.seen(params)
    faces = ordered(seen.faces, params.order)
    for face in faces:
        look.drawn(segmenter, [face], params, seen, faces)
    if not faces and isinstance(segmenter, TakesPrompts):
        look.embedding(segmenter, [], params, seen)
    return seen


def masks(look: Look, params: ImageMaskParams, segmenter: Segmenter) -> Result:
    """As ``pipeline.masks``, with ``params.points`` and ``params.box``. All faces are embedded together, whichever are asked
    for: switching one off must not cost a new look. Raises InvalidParameter for points outside the picture."""
    points = [(x, y, int(sign)) for x, y, sign in params.points or []]
    seen, chosen, embedded = _subjects(look, params, points)
    if chosen and chosen[0][1].found_by == "user" and isinstance(segmenter, TakesPrompts):
        return assemble(look, params, segmenter, seen, chosen, _prompted(look, params, segmenter, points, chosen[0][1]))
    drawn = _drawn(look, params, segmenter, seen, [face for _, face in chosen], embedded, points)
    return assemble(look, params, segmenter, seen, chosen, drawn)


def _drawn(
    look: Look,
    params: ImageMaskParams,
    segmenter: Segmenter,
    seen: Seen,
    faces: Sequence[Face],
    embedded: Sequence[Face],
    points: Sequence[UserPoint],
) -> Drawn:
    """Masks of ``faces``, corrected by the points."""
    if not faces:
        return Drawn((), params.detail)
    single = [look.drawn(segmenter, [face], params, seen, embedded) for face in faces]
    if params.box is not None and params.region == "face":
        single = [replace(one, masks=tuple(_inside(mask, faces[0].box) for mask in one.masks)) for one in single]
    drawn = [mask for one in single for mask in one.masks]
    if not points:
        return Drawn(tuple(drawn), single[0].detail)
    embedding = look.embedding(segmenter, embedded, params, seen)
    with look.timer.step("correct", look.deadline):
        masks = _corrected(look, segmenter, embedding, faces, drawn, points)
    return Drawn(tuple(masks), embedding.detail)


def _prompted(
    look: Look, params: ImageMaskParams, segmenter: TakesPrompts, points: Sequence[UserPoint], face: Face
) -> Drawn:
    """What lies in the user's box or at his points, face or not, by an engine that takes prompts: from what was encoded for the
    faces that there are, or of the picture as a whole where that does not show it."""
    box = face.box if params.box is not None or not any(sign for _, _, sign in points) else None
    seen = look.seen(params)
    embedding = look.embedding(segmenter, ordered(seen.faces, params.order), params, seen)
    if not segmenter.shows(embedding, points, box):
        embedding = look.embedding(segmenter, [], params, seen)
    with look.timer.step("correct", look.deadline):
        mask = segmenter.prompted(embedding, None, points, box, look.deadline)
        mask = _kept(look, mask, face, points)
    return Drawn((mask,), embedding.detail)


def _inside(mask: FaceMask, box: Box) -> FaceMask:
    """The mask without what lies outside the user's box: there may be no face in it, and colours lead anywhere."""
    patch = mask.patch
    height, width = patch.bits.shape
    rows, columns = _within(patch.y, height, box.y, box.height), _within(patch.x, width, box.x, box.width)
    bits = np.zeros_like(patch.bits)
    bits[rows, columns] = patch.bits[rows, columns]
    return replace(mask, patch=replace(patch, bits=bits))


def _within(start: int, length: int, low: float, extent: float) -> slice:
    """The part of ``start`` … ``start + length`` that lies in ``low`` … ``low + extent``, counted from ``start``."""
    return slice(max(0, round(low) - start), max(0, min(length, round(low + extent) - start)))


def _subjects(
    look: Look, params: ImageMaskParams, points: Sequence[UserPoint]
) -> tuple[Seen, list[tuple[int, Face]], list[Face]]:
    """(picture and its faces, those to mask, those to embed)."""
    if params.box is not None or points:
        seen = look.seen(params)
        if any(not (x < seen.width and y < seen.height) for x, y, _ in points):
            raise InvalidParameter("points: one lies outside the picture.")
        if params.box is not None or not seen.faces:
            face = _user_face(seen, params.box, points)
            return replace(seen, faces=(face,)), [(0, face)], [face]
    seen, chosen = chosen_for(look, params)
    return seen, chosen, ordered(seen.faces, params.order)


def _user_face(seen: Seen, box: Sequence[float] | None, points: Sequence[UserPoint]) -> Face:
    """A face where the user says so: in his box, or around his points."""
    if box is not None:
        x, y = max(0.0, box[0]), max(0.0, box[1])
        wanted = Box(x, y, min(seen.width, box[0] + box[2]) - x, min(seen.height, box[1] + box[3]) - y)
        if wanted.width < 1 or wanted.height < 1:
            raise InvalidParameter("box: it lies outside the picture.")
        return Face(wanted, 1.0, found_by="user")
    spots = np.array([p[:2] for p in points])
    low, high = spots.min(axis=0), spots.max(axis=0)
    side = max(float((high - low).max()), min(seen.width, seen.height) / 4)
    x, y = (low + high - side) / 2
    around = Box(float(x), float(y), side, side).pixels(seen.width, seen.height)
    return Face(Box(around.x, around.y, around.width, around.height), 1.0, found_by="user")


def _corrected(
    look: Look,
    segmenter: Segmenter,
    embedding: Embedding,
    faces: Sequence[Face],
    drawn: Sequence[FaceMask],
    points: Sequence[UserPoint],
) -> list[FaceMask]:
    """Each point goes to the face that it is nearest to; faces without points stay as they were drawn."""
    own: list[list[UserPoint]] = [[] for _ in faces]
    for point in points:
        own[min(range(len(faces)), key=lambda i: _distance(faces[i].box, point))].append(point)
    out = list(drawn)
    for i, (face, mine) in enumerate(zip(faces, own, strict=True)):
        if not mine:
            continue
        if isinstance(segmenter, TakesPrompts):
            out[i] = _kept(look, segmenter.prompted(embedding, drawn[i], mine, None, look.deadline), face, mine)
        else:
            out[i] = replace(drawn[i], patch=_by_colour(look, drawn[i].patch, face, mine))
    return out


def _kept(look: Look, mask: FaceMask, face: Face, points: Sequence[UserPoint]) -> FaceMask:
    """The mask with every point on its side: where the engine did not follow one, by colour."""
    missed = [point for point in points if _has(mask.patch, point) != bool(point[2])]
    return replace(mask, patch=_by_colour(look, mask.patch, face, missed)) if missed else mask


def _has(patch: Patch, point: UserPoint) -> bool:
    column, row = int(point[0]) - patch.x, int(point[1]) - patch.y
    inside = 0 <= row < patch.bits.shape[0] and 0 <= column < patch.bits.shape[1]
    return bool(inside and patch.bits[row, column])


def _distance(box: Box, point: UserPoint) -> float:
    """From the box's centre, in units of its size."""
    x, y = box.centre
    return float(np.hypot(point[0] - x, point[1] - y)) / max(1.0, box.side)


def _by_colour(look: Look, patch: Patch, face: Face, points: Sequence[UserPoint]) -> Patch:
    """The patch corrected by what hangs together in colour around each point, in a window that holds them all."""
    rgb = look.picture.rgb
    height, width = rgb.shape[:2]
    size = face.box.side
    right, bottom = patch.x + patch.bits.shape[1], patch.y + patch.bits.shape[0]
    far = max(max(patch.x - x, x - right, patch.y - y, y - bottom) for x, y, _ in points)
    x0, y0, bits = window(patch.x, patch.y, patch.bits, int(max(0.0, far) + size / 4) + 4, width, height)
    part = rgb[y0 : y0 + bits.shape[0], x0 : x0 + bits.shape[1]]
    moved = [(x - x0, y - y0, sign) for x, y, sign in points]
    out = correct(np.ascontiguousarray(part), bits, moved, size)
    box = bounds(out)
    if box is None:
        return Patch(x0, y0, np.zeros((1, 1), bool))
    return Patch(x0 + box.x, y0 + box.y, np.ascontiguousarray(out[box.rows, box.columns]))
