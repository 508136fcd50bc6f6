"""A drawn crowd anonymised whole: seconds, and how many of its faces were found, hidden and are left.

    python -m bench.speed.crowd_hide [--faces 300] [--yunet FILE] [--method blur] [--save FOLDER]

The crowd is one public-domain portrait's head (scikit-image's astronaut) again and again, each face 40 to 60 pixels
large, mirrored or not, lighter or darker. It is asked of the service in this process with two workers, as
``/anonymize`` is. ``left`` is what its own second look still sees; the last line is what a plain search of the result
sees at the places of the crowd.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from sam_mask_service import compose
from sam_mask_service.actions.params import AnonymizeParams
from sam_mask_service.deadline import NO_DEADLINE
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.geometry import RGB, Box
from sam_mask_service.image import decode_srgb, encode
from sam_mask_service.service import Service
from sam_mask_service.settings import load
from sam_mask_service.tasks import Asked
from sam_mask_service.tasks.anonymize import ANONYMIZE

FACE = Box(170, 66, 109, 109)
"""Of the astronaut in her picture; her head is cut out about it."""
CELL = 120
SIDES = (40, 61)


def crowd(count: int, seed: int = 1) -> tuple[RGB, list[Box]]:
    """The picture, wider than high, and where its faces are."""
    rng, columns = np.random.default_rng(seed), math.ceil(math.sqrt(count * 4 / 3))
    rows = -(-count // columns)
    picture = rng.normal(130, 8, (rows * CELL, columns * CELL, 3)).clip(0, 255).astype(np.uint8)
    boxes = []
    for i in range(count):
        side = int(rng.integers(*SIDES))
        x, y = i % columns * CELL, i // columns * CELL
        head = _head(side, bool(rng.integers(2)), float(rng.uniform(0.75, 1.2)))
        picture[y : y + head.shape[0], x : x + head.shape[1]] = head
        boxes.append(Box(x + (head.shape[1] - side) / 2, y + (head.shape[0] - side) / 2, side, side))
    return picture, boxes


def _head(side: int, mirrored: bool, light: float) -> RGB:
    """(2 × side, 2 × side, 3): the head with its face in the middle."""
    where = FACE.grown(0.5).pixels(512, 512)
    head = cv2.resize(data.astronaut()[where.rows, where.columns], (2 * side, 2 * side), interpolation=cv2.INTER_AREA)
    head = np.asarray(head[:, ::-1] if mirrored else head)
    return (head.astype(np.float32) * light).clip(0, 255).astype(np.uint8)


def service_with(yunet: Path | None, folder: Path) -> Service:
    if yunet is not None:
        shutil.copy(yunet, folder)
    settings = load(engine="mesh", models_dir=folder, offline=True, workers=2, cache_bytes=0, _env_file=None)
    return compose.build(settings)


def seen(detector: FaceDetector, picture: RGB, boxes: list[Box]) -> int:
    """At how many of the places a face is seen."""
    found = detector.detect(picture, DetectOptions())
    return sum(any(box.iou(face.box) > 0.3 for face in found) for box in boxes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=300)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--method", default="blur")
    parser.add_argument("--save", type=Path, help="the pictures before and after")
    options = parser.parse_args()
    picture, boxes = crowd(options.faces)
    with tempfile.TemporaryDirectory() as folder:
        service = service_with(options.yunet, Path(folder))
        sent = encode(picture, "jpeg", 92)
        asked = Asked(sent, AnonymizeParams(method=options.method), service.engines.mesh, NO_DEADLINE)
        start, used = time.perf_counter(), time.process_time()
        answer = ANONYMIZE.run(asked, service.tools)
        seconds, used = time.perf_counter() - start, time.process_time() - used
        after = decode_srgb(answer.picture, **service.tools.limits.decoding)
        again = seen(service.detector, after, boxes)
    stats = answer.stats
    steps = ", ".join(f"{name} {spent:.2f}" for name, spent in answer.body["timings"].items())
    print(f"{picture.shape[1]} × {picture.shape[0]}, {options.faces} faces, detector {service.detector.name}")
    print(f"{seconds:.2f} s, of all cores together {used:.2f} s ({steps})")
    print(f"found {stats['faces_detected']}, hidden {stats['faces_hidden']}, left {answer.body['residual_faces']}")
    print(f"a plain search of the result: a face at {again} of the {options.faces} places")
    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
        (options.save / "crowd.jpg").write_bytes(sent)
        (options.save / "crowd-hidden.jpg").write_bytes(answer.picture)


if __name__ == "__main__":
    main()
