"""A SAM that knows the truth: its candidates are drawn from labels, as SAM would answer if it saw what a person sees.

Pretrained weights cannot be had where this is measured. What can be measured without them is whether prompts' plumbing, choice and
band carry a good mask to the user undamaged, and refuse wrong ones. So the candidates are: the true mask on SAM's own grid of
256 × 256 with an outline that wavers, the whole person, the next larger or smaller thing (a head for a face, a face for a head),
a piece, and the background; their order and predicted IoU are drawn by lot, so that nothing but their shape tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.geometry import RGB, Bits, Face
from sam_mask_service.mask import parts_touching
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.frame import Frame
from sam_mask_service.segment.sam_view import View

SIZE, CELL = 1024, 4
_WAVE = 3.0
"""How many cells long the waves of an outline are."""
_SURE = 2.0
"""Logits a cell away from the outline."""


@dataclass(frozen=True, slots=True)
class Subject:
    """(H, W) masks of one face in its picture: the ``truth`` of the region that is asked for, and what SAM might mistake it for."""

    truth: Bits
    others: tuple[Bits, ...]


class TruthfulSam:
    """A SamBackend. ``noise``: how far the outline wavers, in cells (standard deviation). ``knows``: whether the truth is among the
    candidates at all. Before masks are asked for: ``look_at`` the embedding's views and the subject, one face at a time."""

    name, precision, device, image_size = "truth", "f32", "cpu", SIZE

    def __init__(self, noise: float, knows: bool = True, seed: int = 0) -> None:
        self.noise, self.knows = noise, knows
        self._lots = np.random.default_rng(seed)
        self._views: Sequence[View] = ()
        self._subject: Subject | None = None
        self.true_scores: list[float] = []
        self.true_logits: F32 | None = None
        """What the last answer held of the truth: who finds one of these predicted IoUs in a mask knows that it was chosen."""

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> F32:  # noqa: ARG002 - the labels are what it sees
        deadline.check()
        return np.zeros((1, 1, 1, 1), np.float32)

    def look_at(self, views: Sequence[View], subject: Subject | None) -> None:
        self._views, self._subject = views, subject
        self.true_scores, self.true_logits = [], None

    def decode(self, embedding: F32, *, boxes: NDArray[Any] | None = None, **_: Any) -> tuple[F32, F32]:
        """Several prompts are several pieces of the subject: each gets the truth that lies about its box."""
        assert self._subject is not None and boxes is not None
        view = next(v for v in self._views if v.embedding is embedding)
        self.true_scores, truths = [], []
        answers = []
        for box in boxes:
            candidates = [self._logits(bits, view) for bits in self._subject.others]
            if self.knows:
                truths.append(_about(self._logits(self._subject.truth, view), box if len(boxes) > 1 else None))
                candidates.append(truths[-1])
            scores = self._lots.uniform(0.7, 0.98, len(candidates)).astype(np.float32)
            self.true_scores.append(float(scores[-1]) if self.knows else float("nan"))
            order = self._lots.permutation(len(candidates))
            answers.append((np.stack(candidates)[order], scores[order]))
        self.true_logits = np.max(truths, axis=0) if truths else None
        return np.stack([a[0] for a in answers]), np.stack([a[1] for a in answers])

    def _logits(self, bits: Bits, view: View) -> F32:
        """Signed distance to the outline on the mask's grid, wavering."""
        seen = bits[view.box.rows, view.box.columns]
        distance = on_grid(seen, view.frame)
        waves = self._lots.standard_normal(distance.shape).astype(np.float32)
        waves = np.asarray(cv2.GaussianBlur(waves, (0, 0), _WAVE), np.float32)
        waves *= np.float32(self.noise / max(float(waves.std()), 1e-9))
        return np.asarray(np.clip(_SURE * (distance + waves), -12, 12), np.float32)


def on_grid(bits: Bits, frame: Frame) -> F32:
    """(256, 256) float32: the distance to the outline in cells, positive inside; what lies beside the picture is far outside."""
    height, width = frame.scaled
    shrinks = frame.scale < 1
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    share = cv2.resize(bits.astype(np.float32), (width, height), interpolation=how)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    inside[:height, :width] = share > 0.5
    if not inside.any():
        return np.full((SIZE // CELL, SIZE // CELL), -100, np.float32)
    near = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    small = cv2.resize(np.asarray(near, np.float32), (SIZE // CELL, SIZE // CELL), interpolation=cv2.INTER_AREA)
    return np.asarray(small / CELL, np.float32)


def _about(logits: F32, box: NDArray[Any] | None) -> F32:
    """What lies in the box (pixels of the model's square) or within half its size of it."""
    if box is None:
        return logits
    margin = 0.5 * max(box[2] - box[0], box[3] - box[1])
    low, high = np.maximum(0, (box[:2] - margin) / CELL).astype(int), np.ceil((box[2:] + margin) / CELL).astype(int)
    out = np.full_like(logits, -12)
    out[low[1] : high[1], low[0] : high[0]] = logits[low[1] : high[1], low[0] : high[0]]
    return out


def share_out(truth: Bits, faces: Sequence[Face], reach: float, touch: float = -0.1) -> list[Bits]:
    """The pixels of ``truth`` that belong to each face: those nearest to its centre (in face sizes), at most ``reach`` sizes away,
    in pieces that touch the face's box, grown by ``touch``."""
    height, width = truth.shape
    y, x = np.mgrid[:height, :width] + 0.5
    away = np.stack([np.hypot(x - f.box.centre[0], y - f.box.centre[1]) / max(1.0, f.box.side) for f in faces])
    nearest = np.argmin(away, axis=0)
    out = []
    for i, face in enumerate(faces):
        mine = truth & (nearest == i) & (away[i] <= reach)
        box, seed = face.box.grown(touch).pixels(width, height), np.zeros_like(truth)
        seed[box.rows, box.columns] = True
        out.append(parts_touching(mine, seed))
    return out


def body_below(head: Bits, face: Face) -> Bits:
    """The head and a trunk below it, for pictures whose labels know no body."""
    out, box = head.copy(), face.box
    rows = slice(max(0, int(box.bottom)), head.shape[0])
    out[rows, max(0, int(box.x - box.width)) : max(0, int(box.right + box.width))] = True
    return out


def piece_of(bits: Bits) -> Bits:
    """The middle of a mask: what is deeper than half of its depth."""
    depth = cv2.distanceTransform(np.pad(bits, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(depth > 0.5 * depth.max()) if bits.any() else bits
