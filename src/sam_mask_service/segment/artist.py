"""What the mesh engine draws of one face, region by region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from ..errors import Internal
from ..faces.mesh import Polygon, filled, polygons
from ..geometry import RGB, Box
from ..mask import iou
from ..patch import Patch
from .crop import Soft, Window, cut, paste, seen_in
from .cutter import Logits
from .face_view import FaceView, transferred
from .head import HeadEvidence, dome_distance, head_mask, lead_of
from .person import person_mask, person_window
from .prior import Prior
from .refine import refined
from .region_table import Algorithm, head_classes
from .region_table import region as row_of
from .regions import combine
from .segmenter import Pixels
from .tuning import Tuning


def filled_patch(outlines: Sequence[Polygon], holes: Sequence[Polygon], width: int, height: int) -> Patch:
    """What lies in one of the outlines and in none of the holes, in the part of the picture that they cover."""
    corners = np.vstack(outlines).astype(int)
    low, high = corners.min(axis=0), corners.max(axis=0)
    around = Box(*(low - 1).tolist(), *(high - low + 3).tolist())
    return filled(around.pixels(width, height), outlines, holes)


def _needed(pixels: Pixels | None) -> RGB:
    if pixels is None:
        raise Internal("A region that looks at the picture anew was asked for without it.")
    return pixels()


class Artist:
    """Draws the regions of one face, each once.

    ``others``: where the other faces are expected; ``size``: width and height of the picture; ``pixels``: the picture,
    for what is drawn at its own resolution or beyond the windows; ``logits``: SAM's.
    """

    def __init__(
        self,
        view: FaceView,
        others: Sequence[Prior],
        size: tuple[int, int],
        logits: Logits,
        pixels: Pixels | None,
        tuning: Tuning,
    ) -> None:
        self.view, self.others, (self.width, self.height) = view, others, size
        self._logits, self._pixels, self._tuning = logits, pixels, tuning
        near = 2 * view.prior.axes.height + 2 * view.prior.axes.width
        self.rivals = [other for other in self.others if np.hypot(*(other.axes.chin - view.prior.axes.chin)) < near]
        self._drawn: dict[str, Patch] = {}

    def draw(self, name: str) -> Patch:
        if name not in self._drawn:
            self._drawn[name] = self._how(name)(name)
        return self._drawn[name]

    def _how(self, name: str) -> Callable[[str], Patch]:
        row = row_of(name)
        own: dict[Algorithm, Callable[[str], Patch]] = {
            "face": self._draw_face,
            "head": self._draw_head,
            "skin": self._draw_skin,
            "hair": self._draw_hair,
            "person": self._draw_person,
        }
        if row.algorithm is not None:
            return own[row.algorithm]
        return self._draw_part if row.rings else self._draw_class

    @property
    def agreement(self) -> float:
        outline = self.view.outline
        return iou(outline.soft > 0.5, outline.hull)

    def score(self, head: bool) -> float:
        """The expected IoU of the face's mask (or the ``head``'s) with what a person would draw, 0…1: fitted on
        labelled pictures with one face (docs/quality.md). Without a mesh too few are labelled to fit anything: the
        penalty is a choice."""
        tuning = self._tuning.score
        score = tuning.constant + tuning.agreement * self.agreement + tuning.clear * self.view.outline.clear
        if self.view.prior.points is None:
            score -= tuning.no_mesh
        return round(min(1.0, tuning.head + tuning.head_share * score if head else score), 3)

    def _paste(self, soft: Soft, window: Window) -> Patch:
        return paste(soft, window, self.width, self.height)

    def _outlined(self, soft: Soft, window: Window) -> Patch:
        """A mask in one piece without holes, its outline at the picture's own resolution where that can be had."""
        patch = self._paste(soft, window)
        step = 1 / window.scale
        if self._pixels is None or step < self._tuning.refine.worth:
            return patch
        return refined(self._pixels(), patch, step, self._tuning.refine)

    def _draw_face(self, _: str) -> Patch:
        return self._outlined(self.view.outlined(self._logits("face", self.view.face)).soft, self.view.face)

    def _draw_head(self, _: str) -> Patch:
        return self._outlined(*self._reaching(self._head_in))

    def _reaching(self, draw: Callable[[FaceView], Soft]) -> tuple[Soft, Window]:
        """What ``draw`` gives in the head's window, or in the wider one where hair leaves that, and the window."""
        soft = draw(self.view)
        if self._goes_on(soft):
            return draw(self._wide), self._wide.head
        return soft, self.view.head

    @cached_property
    def _wide(self) -> FaceView:
        return self.view.wider(_needed(self._pixels))

    def _goes_on(self, soft: Soft) -> bool:
        """Whether a mask leaves the head's window within the picture: it is of hair, or, where a face is too small for
        the hair network, wrong."""
        head = (soft > 0.5) & self.view.head.within(self.width, self.height)
        large = self._pixels is not None and self.view.prior.axes.width > self._tuning.head.net_sees[0]
        return large and any(head[edge].any() for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]))

    def _head_in(self, view: FaceView) -> Soft:
        """(S, S) float32 whose ½ level is the head's outline in ``view.head``."""
        face = transferred(self.view.outline.soft, self.view.face, view.head) > 0.5
        within = view.head.within(self.width, self.height)
        hair, parsed = view.hair(view.head), self.view.parsed(head_classes(), view.head, beyond=0.5)
        logits = self._logits("head", view.head)
        seen = HeadEvidence(view.person(view.head), within, hair, parsed, logits, view.prior.axes.width)
        rivals = [rival.seen_in(view.head) for rival in self.rivals]
        return head_mask(view.head_rgb, view.prior.seen_in(view.head), seen, face, rivals, self._tuning)

    def _draw_skin(self, _: str) -> Patch:
        features = [(-1, self.draw(part)) for part in ("eyes", "brows", "mouth")]
        return combine([(1, self.draw("face")), *features])  # type: ignore[list-item]

    def _draw_hair(self, _: str) -> Patch:
        return self._paste(*self._reaching(self._hair_in))

    def _hair_in(self, view: FaceView) -> Soft:
        """(S, S) float32: what the networks that are loaded call hair, in the mean, where this head can be."""
        parsed = self.view.parsed(row_of("hair").classes, view.head)
        answers = [s for s in (view.hair(view.head), parsed) if s is not None]
        tuning = self._tuning.head
        own, mean = view.prior.seen_in(view.head), np.mean(answers, axis=0)
        near = dome_distance(own, view.head.size, tuning)
        ours = near < tuning.beyond
        for rival in self.rivals:
            ours &= lead_of(own, rival.seen_in(view.head), near, mean > tuning.hair_sure, tuning) >= 0
        return np.where(ours, mean, 0).astype(np.float32)

    def _draw_person(self, _: str) -> Patch:
        view, own, image = self.view, self._tuning.person, _needed(self._pixels)
        window = person_window(view.prior, self.width, self.height, own)
        rgb, within = cut(image, window), window.within(self.width, self.height)
        seen = view.person_in(image, window)
        head = seen_in(self.draw("head"), window, self.width, self.height)
        rivals = [rival.seen_in(window) for rival in self.others]
        soft = person_mask(rgb, seen, within, head, view.prior.seen_in(window), rivals, own, self._tuning.cut)
        return self._outlined(soft, window).union(self.draw("head"))

    def _draw_part(self, name: str) -> Patch:
        """A part that the mesh outlines; drawn at the picture's own resolution."""
        points = self.view.prior.points
        if points is None:
            return Patch.empty()  # the parts of a face are not known
        row = row_of(name)
        return filled_patch(polygons(points, row.rings), polygons(points, row.holes), self.width, self.height)

    def _draw_class(self, name: str) -> Patch:
        window = self.view.prior.window(self._tuning.window.parsing_zoom, 448)
        soft = self.view.parsed(row_of(name).classes, window)
        if soft is None:
            raise Internal("A region that needs the face-parsing network was asked without it.")
        return self._paste(soft, window)
