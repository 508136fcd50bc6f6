"""Counts faces told in pictures that have none: many more of them than the labelled sets hold.

    python -m bench.quality.negatives [--yunet FILE] [--recall high] [--crops]

Three kinds, and a fourth with ``--crops``: the negative set mirrored, shrunk, enlarged, darker, lighter, cut and
tilted; the pictures of scikit-image that have no face, whole and in quarters; drawn textures, shapes and lines of text;
and cuts out of the labelled sets' pictures where nobody is labelled and the most eager search, with YuNet, sees nothing
at all. Nothing is stored.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from bench.quality import YUNET
from bench.quality.score_detection_local import SHARED, pictures
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.geometry import RGB, Box
from sam_mask_service.image import decode

FACELESS = (
    "brick cell cat checkerboard coffee coins colorwheel grass gravel horse hubble_deep_field immunohistochemistry "
    "logo microaneurysms moon page retina rocket shepp_logan_phantom text"
)
CROWDED = ("det_groups_masks_ilc", "det_fddb_sy32", "det_dlib_faces", "det_wider_mini")
EAGER = DetectOptions(min_confidence=0.04, recall="high")
AWAY = 0.9
"""A cut stays so many sides of a face away from it."""
QUARTERS = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5))


def read(path: Path) -> RGB:
    return decode(path.read_bytes(), max_bytes=1 << 30, max_pixels=1 << 28).rgb


def part(image: RGB, y: float, x: float, share: float) -> RGB:
    """``share`` of both sides, from the given shares of height and width on."""
    h, w = image.shape[:2]
    return np.ascontiguousarray(image[int(y * h) : int((y + share) * h), int(x * w) : int((x + share) * w)])


def variants(image: RGB) -> Iterator[RGB]:
    yield np.ascontiguousarray(image[:, ::-1])
    for factor, mode in ((0.6, cv2.INTER_AREA), (1.6, cv2.INTER_LINEAR)):
        yield np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=mode), np.uint8)
    for gamma in (1.6, 0.6):
        yield np.rint(255 * (image / 255.0) ** gamma).astype(np.uint8)
    for y, x in ((0.0, 0.0), (0.0, 0.25), (0.25, 0.0), (0.25, 0.25), (0.125, 0.125)):
        yield part(image, y, x, 0.75)
    h, w = image.shape[:2]
    for degrees in (-12, 12):
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
        yield np.asarray(cv2.warpAffine(image, turn, (w, h), borderMode=cv2.BORDER_REFLECT), np.uint8)


def varied() -> Iterator[RGB]:
    for path, _ in pictures("neg_nonface_imagenet"):
        yield from variants(read(path))


def scikit() -> Iterator[RGB]:
    for image in [getattr(data, name)() for name in FACELESS.split()] + list(data.stereo_motorcycle()[:2]):
        if image.dtype != np.uint8:
            image = (255 * image.astype(float)).astype(np.uint8)
        image = np.dstack([image] * 3) if image.ndim == 2 else np.ascontiguousarray(image[..., :3])
        yield image
        if min(image.shape[:2]) >= 300:
            yield from (part(image, y, x, 0.5) for y, x in QUARTERS)


def drawn(count: int = 20) -> Iterator[RGB]:
    rng = np.random.default_rng(7)
    for sigma in (1, 3, 8, 20, 50):
        for channels in (1, 3):
            noise = cv2.GaussianBlur(rng.normal(size=(600, 800, channels)), (0, 0), sigma).reshape(600, 800, channels)
            tones = np.broadcast_to(140 + 50 * noise / noise.std(), (600, 800, 3))
            yield np.clip(tones * (1.0, 0.8, 0.7), 0, 255).astype(np.uint8)
    for _ in range(count):
        yield _shapes(rng)
    for font in range(7):
        page = np.full((600, 800, 3), 245, np.uint8)
        for y in range(30, 600, 40):
            line = "".join(map(chr, rng.integers(33, 126, 70)))
            cv2.putText(page, line, (5, y), font, 1.0, (20, 20, 20), 1, cv2.LINE_AA)
        yield page


def _shapes(rng: np.random.Generator) -> RGB:
    """Discs, ovals and rings like wheels, sockets and plates."""
    image = np.full((600, 800, 3), rng.integers(40, 220, 3), np.uint8)
    for _ in range(int(rng.integers(5, 60))):
        x, y, r = int(rng.integers(0, 800)), int(rng.integers(0, 600)), int(rng.integers(5, 120))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        thick = int(rng.choice([-1, max(1, r // 8)]))
        cv2.ellipse(image, (x, y), (r, int(1.3 * r)), float(rng.uniform(0, 180)), 0, 360, colour, thick, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.uint8)


def cuts() -> Iterator[RGB]:
    """Up to four from each picture, of 130 to 900 pixels, not over each other."""
    eager, rng = build_detector({"yunet": SHARED / "models" / YUNET}), np.random.default_rng(7)
    for name in CROWDED:
        for path, labels in pictures(name):
            image = read(path)
            taken = [Box(*label) for label in labels] + [face.box for face in eager.detect(image, EAGER)]
            taken = [box.grown(AWAY) for box in taken]
            free: list[Box] = []
            for cut in (_random_box(rng, image.shape[1], image.shape[0]) for _ in range(400)):
                if cut and len(free) < 4 and all(cut.intersection(box) == 0 for box in taken + free):
                    free.append(cut)
                    yield image[int(cut.y) : int(cut.bottom), int(cut.x) : int(cut.right)].copy()


def _random_box(rng: np.random.Generator, width: int, height: int) -> Box | None:
    w = float(rng.uniform(130, 900))
    h = w * float(rng.uniform(0.6, 1.5))
    if h < 130 or w >= width or h >= height:
        return None
    return Box(float(rng.uniform(0, width - w)), float(rng.uniform(0, height - h)), w, h)


KINDS: dict[str, Callable[[], Iterable[RGB]]] = {"varied": varied, "scikit-image": scikit, "drawn": drawn, "cuts": cuts}


def count(detector: FaceDetector, images: Iterable[RGB], options: DetectOptions) -> tuple[int, int, int]:
    """(pictures, pictures in which a face is told, faces told)."""
    told = [len(detector.detect(image, options)) for image in images]
    return len(told), sum(n > 0 for n in told), sum(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--recall", choices=("normal", "high"), default="normal")
    parser.add_argument("--crops", action="store_true", help="also cuts, which take a search with YuNet of their own")
    args = parser.parse_args()
    detector = build_detector({"yunet": args.yunet})
    for name, images in KINDS.items():
        if name != "cuts" or args.crops:
            total, hit, faces = count(detector, images(), DetectOptions(recall=args.recall))
            print(f"{name}: pictures {total}, hit {hit}, faces told {faces}", flush=True)


if __name__ == "__main__":
    main()
