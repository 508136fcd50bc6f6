"""The second look of ``/anonymize`` beside a whole second search: what each finds, and its share of the first's time.

    python -m bench.quality.second_look [--yunet FILE] [--half 0|1] [--limit 1000] [--portrait]

On the labelled sets (``SAM_SHARED``), every face hidden that ``recall=high`` finds, but for every third labelled one of
a picture with more (``left``; of turned pictures every one), as if the first search had missed it. ``missed``: labelled
faces that it did miss. ``others``: what else is told and can be read: unlabelled faces and mistakes. Both looks see the
same finished picture, mirrored and moved; the whole search looks at it in all windows of ``recall=high``. Seconds are
those of one core. Numbers are chosen on half 0 and told of half 1. ``--portrait``: ten times one of 1024 pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from bench.quality.anonymiser_proof import LIMITS, Labelled, labelled
from sam_mask_service.actions import anonymise
from sam_mask_service.actions.again import look_again
from sam_mask_service.actions.hide import grown, oval, readable
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.image import decode_srgb, encode

HIGH = DetectOptions(recall="high")
SAME, LEAST = 0.4, 20.0
"""IoU from which a box is a labelled face; the side from which one counts."""


@dataclass(frozen=True)
class Whole:
    """A detector that searches the second time as it does the first."""

    detector: FaceDetector
    name: str = "whole"

    def detect(self, image: RGB, options: DetectOptions = HIGH, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        return self.detector.detect(image, replace(options, again=False), deadline)


def one_of(box: Box, boxes: list[Box]) -> bool:
    return any(box.iou(other) > SAME for other in boxes)


def left_out(one: Labelled, faces: list[Face]) -> list[Face]:
    """The found faces that are left as they are."""
    real = sorted((f for f in faces if one_of(f.box, one.faces)), key=lambda f: (f.box.x, f.box.y))
    if "rotated" in one.name:
        return real
    return real[::3] if len(real) > 1 else []


def judged(one: Labelled, detector: FaceDetector) -> Iterator[list[float]]:
    """Of the first search, then of each look: seconds, left, of these found, missed, of these found, others."""
    rgb = decode_srgb(one.data, **LIMITS.decoding)
    start = time.process_time()
    faces = list(detector.detect(rgb, HIGH))
    yield [time.process_time() - start, 0, 0, 0, 0, 0]
    size, left = (rgb.shape[1], rgb.shape[0]), left_out(one, faces)
    hidden = [grown(f, oval(f, *size), *size, whole=True) for f in faces if not any(f is other for other in left)]
    after = anonymise(rgb, hidden)
    seen = [face.box for face in faces]
    missed = [box for box in one.faces if box.side >= LEAST and not one_of(box, seen)]
    for each in (Whole(detector), detector):
        start = time.process_time()
        found, _ = look_again(after, each, HIGH, NO_DEADLINE)
        seconds = time.process_time() - start
        told = [face.box for face in found if readable(face, rgb, after)]
        known = [*missed, *(face.box for face in left)]
        found_left = sum(one_of(face.box, told) for face in left)
        found_missed = sum(one_of(box, told) for box in missed)
        others = sum(not one_of(box, known) for box in told)
        yield [seconds, len(left), found_left, len(missed), found_missed, others]


def portrait() -> Labelled:
    """scikit-image's astronaut, 1024 pixels large."""
    rgb = cv2.resize(data.astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    return Labelled("portrait", encode(np.asarray(rgb), "jpeg", 92), [Box(340, 132, 218, 218)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--limit", type=int, default=1000, help="pictures a set")
    parser.add_argument("--portrait", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = build_detector({"yunet": options.yunet})
    pictures = [portrait()] * 10 if options.portrait else list(labelled(options.limit))[options.half :: 2]
    rows = np.array([list(judged(one, detector)) for one in pictures]).sum(axis=0)
    first = rows[0, 0]
    print(f"detector {detector.name}, half {options.half}: {len(pictures)} pictures, the first search {first:.1f} s")
    for name, (seconds, left, found, missed, again, others) in zip(("whole", "second look"), rows[1:], strict=True):
        share = f"{seconds:.1f} s ({100 * seconds / first:.0f} % of the first)"
        print(
            f"{name}: {share}, left {found:.0f} of {left:.0f}, missed {again:.0f} of {missed:.0f}, others {others:.0f}"
        )


if __name__ == "__main__":
    main()
