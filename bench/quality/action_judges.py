"""Scores the numbers of ``actions/`` on labelled pictures: how faces are hidden, edits matched, masks corrected by
colour. As the judges of ``bench/quality/judges.py`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.quality import clicks, score_detection_local
from bench.quality.anonymiser_proof import Searcher, by_yunet
from bench.quality.fields import Tunings
from bench.quality.score_masks_local import Bench, in_half, together
from bench.quality.setup import Figures, Setup
from sam_mask_service.actions import anonymise
from sam_mask_service.actions.again import look_again
from sam_mask_service.actions.composite import match_seam
from sam_mask_service.actions.hide import grown, oval, readable
from sam_mask_service.actions.points import by_colour
from sam_mask_service.actions.tuning import PointTuning
from sam_mask_service.deadline import NO_DEADLINE
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Bits, Box, Face
from sam_mask_service.image import decode_srgb
from sam_mask_service.segment.segmenter import FaceMask

ACTING: Final = frozenset({"cells", "cover", "again", "seam", "point"})
OPTIONS: Final = DetectOptions(recall="high")
SAME, LEAST = 0.4, 20.0
"""IoU from which a box is a labelled face; the side from which one counts."""


class HideJudge:
    """Faces hidden as ``/anonymize`` does: how many are found again, and how many that were missed at first."""

    def __init__(self, setup: Setup, yunet: Path | None) -> None:
        self._detector = build_detector({"yunet": yunet})
        self._search: Searcher = by_yunet(yunet) if yunet else self._by_itself
        files = (
            (path, [Box(*map(float, box)) for box in boxes])
            for name in score_detection_local.SETS
            for path, boxes in setup.some(p for p in score_detection_local.pictures(name) if p[1])
            if in_half(name, path.name, setup.half)
        )
        decoded = (
            (decode_srgb(path.read_bytes(), max_bytes=1 << 30, max_pixels=1 << 28), boxes) for path, boxes in files
        )
        self._pictures = [(rgb, boxes, list(self._detector.detect(rgb, OPTIONS))) for rgb, boxes in decoded]

    def _by_itself(self, rgb: RGB) -> list[Box]:
        return [face.box for face in self._detector.detect(rgb, OPTIONS)]

    def score(self, tunings: Tunings) -> Figures:
        rows = [self._judged(tunings, *picture) for picture in self._pictures]
        hidden, still, missed, found, false, changed = np.sum(rows, axis=0)
        return {
            "still found": still / max(1, hidden),
            "missed ones found": found / max(1, missed),
            "none found as one": false / len(rows),
            "hidden pixels": changed / len(rows),
        }

    def _judged(self, tunings: Tunings, rgb: RGB, boxes: list[Box], faces: list[Face]) -> tuple[float, ...]:
        act, size = tunings.act, (rgb.shape[1], rgb.shape[0])
        covers = [grown(face, oval(face, *size, act.cover), *size, True, tuning=act.cover) for face in faces]
        after = anonymise(rgb, covers, tuning=act.cells)
        again, _ = look_again(after, self._detector, OPTIONS, NO_DEADLINE, act.again)
        told = [face.box for face in again if readable(face, rgb, after, act.cover)]
        boxes = [box for box in boxes if box.side >= LEAST]
        hidden = [box for box in boxes if _one_of(box, [face.box for face in faces])]
        missed = [box for box in boxes if box not in hidden]
        left = self._search(after)
        return (
            len(hidden),
            sum(_one_of(box, left) for box in hidden),
            len(missed),
            sum(_one_of(box, told) for box in missed),
            sum(not _one_of(box, missed) for box in told),
            float((after != rgb).any(axis=2).mean()),
        )

    def value(self, figures: Figures) -> float:
        """A face that can be read weighs most; what is hidden of the picture beside it, least."""
        told = figures["missed ones found"] - figures["none found as one"] / 4
        return told - 4 * figures["still found"] - figures["hidden pixels"] / 4


def _one_of(box: Box, boxes: Sequence[Box]) -> bool:
    return any(box.iou(other) > SAME for other in boxes)


class SeamJudge:
    """Edits that differ from the original by light and colour alone, changing over the picture: how far off they are
    inside the mask once they are matched, in 8-bit levels."""

    def __init__(self, setup: Setup, bench: Bench) -> None:
        sets = (clicks.CELEB, "seg_fasseg_frontal")
        files = (found for name in sets for found in setup.some(bench.pictures(name)))
        self._cases = [(rgb, lit(rgb), _alpha(truths[0][1])) for _, rgb, truths in files if truths]

    def score(self, tunings: Tunings) -> Figures:
        seam = tunings.act.seam
        off = [_off(rgb, match_seam(rgb, edit, alpha, tuning=seam), alpha) for rgb, edit, alpha in self._cases]
        return {"colour error": float(np.mean(off))}

    def value(self, figures: Figures) -> float:
        return -figures["colour error"]


def lit(rgb: RGB) -> RGB:
    """``rgb`` under a light that is warmer and brighter towards the right and the bottom."""
    height, width = rgb.shape[:2]
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    gain = 0.9 + 0.15 * x * np.array([1.0, 0.8, 0.5]) + 0.1 * y
    shown: RGB = np.rint(rgb * gain + np.array([6.0, 0.0, -6.0])).clip(0, 255).astype(np.uint8)
    return shown


def _alpha(bits: Bits) -> NDArray[np.uint8]:
    return np.where(bits, np.uint8(255), np.uint8(0))


def _off(rgb: RGB, got: RGB, alpha: NDArray[np.uint8]) -> float:
    return float(np.abs(got.astype(np.int16) - rgb.astype(np.int16))[alpha > 0].mean())


class PointJudge:
    """Simulated clicks that correct the mesh engine's masks by colour."""

    def __init__(self, setup: Setup, bench: Bench) -> None:
        cv2.setNumThreads(1)
        mesh, self._cases = setup.mesh(), []
        for one in clicks.objects(bench, setup.most or 12):
            faces = bench.found("", "", one.rgb)[:1] if one.region in ("face", "head") else []
            if faces:
                seen = mesh.embed(one.rgb, faces)
                (start,) = mesh.masks(seen, faces, one.region, pixels=lambda: one.rgb)  # noqa: B023
                self._cases.append((one, faces[0], start))

    def score(self, tunings: Tunings) -> Figures:
        point = tunings.act.point
        rows = [
            clicks.clicked(one.truth, by_points(one, face, start, point), start) for one, face, start in self._cases
        ]
        return {f"IoU, {n} clicks": float(value) for n, value in enumerate(np.mean(rows, axis=0))}

    def value(self, figures: Figures) -> float:
        return sum(figures.values())


def by_points(one: Any, face: Face, start: FaceMask, point: PointTuning) -> Callable[[list[clicks.Click], Bits], Bits]:
    def answer(asked: list[clicks.Click], shown: Bits) -> Bits:
        patch = by_colour(one.rgb, start.patch, face.box.side, asked, tuning=point)
        return together([_Drawn(patch)], shown.shape)

    return answer


class _Drawn:
    def __init__(self, patch: Any) -> None:
        self.patch = patch
