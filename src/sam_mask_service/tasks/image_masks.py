"""``/images/{id}/masks``: masks of a picture that is kept, from what is cached of it, with the user's points and
box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ..actions.correct import UserPoint
from ..actions.params import ImageMaskParams
from ..actions.points import boxed_face, by_colour, check_points, inside, missed, nearest, pointed_face
from ..deadline import Deadline
from ..geometry import Box, Face, ordered
from ..patch import Patch
from ..segment.segmenter import Embedding, FaceMask, Segmenter
from .draw import DRAW, RECALL, all_drawn, embed, embedded_before, first_or_all
from .find import FIND, largest
from .headers import stats_headers
from .mask import ANSWERING
from .steps import DECODE, Step, Work, always
from .task import ANY_PICTURE, Render, Task
from .values import MaskSet, together


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


class _Work(Work):
    """``points``: the user's, 1 for inside. ``prompted``: the engine that draws what lies there by itself; None where a
    face is drawn as ever, and corrected."""

    points: list[UserPoint]
    prompted: TakesPrompts | None = None

    @property
    def box(self) -> Box | None:
        """What a prompted engine is asked for: the user's box, or what lies about points of which none is inside."""
        pointed = any(sign for _, _, sign in self.points)
        return None if pointed and self.asked.params.box is None else self.chosen[0][1].box


def _choose(work: _Work) -> None:
    """The faces asked for; one of the user's own where he drew a box, or pointed at a picture without faces. All faces
    are embedded together, whichever are asked for: switching one off must not cost a new look."""
    params: ImageMaskParams = work.asked.params
    work.points = [(x, y, int(sign)) for x, y, sign in params.points or []]
    check_points(work.points, work.seen.width, work.seen.height)
    work.among = largest(ordered(work.seen.faces, params.order), work.tools.limits.max_faces)
    if params.box is not None or (work.points and not work.seen.faces):
        _take(work, params.box)
    else:
        first_or_all(work)
        work.groups = [(face,) for _, face in work.chosen]
        work.among = [*work.among, *(face for _, face in work.chosen if face not in work.among)]


def _take(work: _Work, box: Sequence[float] | None) -> None:
    width, height = work.seen.width, work.seen.height
    face = pointed_face(work.points, width, height) if box is None else boxed_face(box, width, height)
    work.chosen, work.seen = [(0, face)], replace(work.seen, faces=(face,))
    work.prompted = work.segmenter if isinstance(work.segmenter, TakesPrompts) else None
    work.groups = [] if work.prompted else [(face,)]
    work.among = work.among if work.prompted else [face]


def _needs_no_embedding(work: _Work) -> bool:
    wanted = work.points or work.prompted or not all_drawn(work)
    return not wanted or embedded_before(work)


def _shown(work: _Work) -> bool:
    """Whether what was encoded for the faces that there are shows what the user means."""
    if work.prompted is None or work.prompted.shows(work.embedding, work.points, work.box):
        return True
    work.among = []
    return embedded_before(work)


def _keep_in_box(work: _Work) -> None:
    box = work.chosen[0][1].box
    work.drawn = [replace(one, masks=tuple(inside(mask, box) for mask in one.masks)) for one in work.done]


def _box_is_no_limit(work: _Work) -> bool:
    params: ImageMaskParams = work.asked.params
    return work.prompted is not None or params.box is None or params.region != "face"


def _correct(work: _Work) -> None:
    if work.prompted is None:
        faces, drawn = [face for _, face in work.chosen], together(work.done, work.wanted.detail).masks
        own = nearest(work.points, faces) if faces else []
        masks = [_corrected(work, *item) for item in zip(faces, drawn, own, strict=True)]
    else:
        mask = work.prompted.prompted(work.embedding, None, work.points, work.box, work.deadline)
        masks = [_followed(work, mask, work.chosen[0][1], work.points)]
    work.drawn = [MaskSet(tuple(masks), work.embedding.detail)]


def _corrected(work: _Work, face: Face, mask: FaceMask, points: list[UserPoint]) -> FaceMask:
    """The mask with what its face's points say; without points as it was drawn."""
    if not points:
        return mask
    if isinstance(work.segmenter, TakesPrompts):
        return _followed(work, work.segmenter.prompted(work.embedding, mask, points, None, work.deadline), face, points)
    return replace(mask, patch=_by_colour(work, mask.patch, face, points))


def _followed(work: _Work, mask: FaceMask, face: Face, points: Sequence[UserPoint]) -> FaceMask:
    """The mask with every point on its side: where the engine did not follow one, by colour."""
    left = missed(mask.patch, points, face.box.side, work.wanted.expand_pixels)
    return replace(mask, patch=_by_colour(work, mask.patch, face, left)) if left else mask


def _by_colour(work: _Work, patch: Patch, face: Face, points: Sequence[UserPoint]) -> Patch:
    grow = work.wanted.expand_pixels
    return by_colour(work.picture.rgb, patch, face.box.side, points, work.deadline.check, grow=grow)


def _nothing_to_correct(work: _Work) -> bool:
    return work.prompted is None and not (work.points and work.chosen)


IMAGE_MASKS = Task(
    name="image_masks",
    path="/images/{image_id}/masks",
    about="As `/create_mask`, of an uploaded picture: any parameters, any faces, `points` `[[x, y, 1|0], …]` and "
    "`box`.",
    params=ImageMaskParams,
    steps=(
        DECODE,
        FIND,
        Step(_choose),
        RECALL,
        Step(embed, "embed", needless=_needs_no_embedding, pixels=always),
        Step(embed, "embed", needless=_shown, pixels=always),
        DRAW,
        Step(_keep_in_box, needless=_box_is_no_limit),
        Step(_correct, "correct", needless=_nothing_to_correct),
        *ANSWERING,
    ),
    render=Render(bare="png", pictures=("image/png",), accept=ANY_PICTURE, settles=True, headers=stats_headers),
    comes="kept",
    work=_Work,
)
