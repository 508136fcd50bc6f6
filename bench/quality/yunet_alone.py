"""Does ``/anonymize`` hide every face that YuNet by itself is sure of?

    python -m bench.quality.yunet_alone --yunet FILE [--recall normal] [--without] [--sets NAME…] [--show FOLDER]

YuNet as OpenCV runs it looks at each picture as it is, and at tiles of it at two times their size: as somebody else
would, with none of this service's own steps. Each picture is then anonymised by the task behind ``/anonymize``
(``solid``, so that every hidden pixel shows). A face that YuNet sees counts as hidden when half of its box's middle
has changed, as told when ``residual`` has its place; else it is missed, without a word. Labelled faces of 20 pixels
and more are counted in the same way. ``--without``: the service has no YuNet of its own. ``--show``: pictures with
misses, framed red (YuNet's) and yellow (labelled). Sets of pictures without people: how many faces were hidden there.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench.quality.anonymiser_proof import DATA, LIMITS
from sam_mask_service.actions.params import AnonymizeParams
from sam_mask_service.cache import ByteCache
from sam_mask_service.deadline import NO_DEADLINE
from sam_mask_service.faces.build import build_detector
from sam_mask_service.geometry import RGB, Box
from sam_mask_service.image import decode_srgb
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.sessions.memory import MemoryStore
from sam_mask_service.tasks import Asked, Tools
from sam_mask_service.tasks.anonymize import ANONYMIZE

CROWDS = (
    "det_groups_masks_ilc",
    "det_wider_mini",
    "det_dlib_faces",
    "unl_groups_misc",
    "unl_human_samples",
    "det_imagelevel_0_1_many",
)
BARS = (0.6, 0.7, 0.8, 0.9)
TILE, STEP, LEAST, SAME = 640, 480, 20.0, 0.4
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Judged:
    """Of one picture: YuNet's faces with their scores, and the labelled ones, that are neither hidden nor told."""

    hidden: int
    residual: int
    seen: list[tuple[Box, float]]
    missed: list[tuple[Box, float]]
    labelled: list[Box]
    unhidden: list[Box]


# --- YuNet by itself --------------------------------------------------------------------------------------------------


def faces_in(file: Path, rgb: RGB, scale: float = 1.0) -> list[tuple[Box, float]]:
    """What YuNet sees in ``rgb`` (H, W, 3) uint8 at ``scale`` times its size, in the picture's own pixels."""
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    bgr = np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)[..., ::-1])
    _, rows = cv2.FaceDetectorYN.create(str(file), "", size, BARS[0], 0.3, 5000).detect(bgr)
    found = [] if rows is None else np.asarray(rows, float).tolist()
    return [(Box(*row[:4]).scaled(1 / scale), row[-1]) for row in found]


def alone(file: Path, rgb: RGB) -> list[tuple[Box, float]]:
    """In the whole picture and in its tiles; a face that is seen twice counts once, with its higher score."""
    found = faces_in(file, rgb)
    for y in range(0, max(1, rgb.shape[0] - TILE + STEP), STEP):
        for x in range(0, max(1, rgb.shape[1] - TILE + STEP), STEP):
            tile = rgb[y : y + TILE, x : x + TILE]
            found += [(Box(b.x + x, b.y + y, b.width, b.height), s) for b, s in faces_in(file, tile, 2.0)]
    return once(found)


def once(found: list[tuple[Box, float]]) -> list[tuple[Box, float]]:
    kept: list[tuple[Box, float]] = []
    for box, score in sorted(found, key=lambda one: -one[1]):
        if all(box.iou(other) < SAME and box.contained(other) < 0.7 for other, _ in kept):
            kept.append((box, score))
    return kept


# --- one picture ------------------------------------------------------------------------------------------------------


def named(name: str) -> Iterator[tuple[Path, list[Box]]]:
    """The pictures of a set, also of its folders, and their labelled faces (none where it has no labels)."""
    folder, truth = DATA / name, DATA / name / "boxes.json"
    rows = json.loads(truth.read_text(encoding="utf-8")) if truth.is_file() else {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        faces = rows.get(path.name, {}).get("faces", [])
        yield path, [Box(*face["box"]) for face in faces if "box" in face and not face.get("ignore")]


def is_hidden(box: Box, changed: np.ndarray) -> bool:
    """Whether half of the middle of ``box`` is among the ``changed`` pixels ((H, W) bool)."""
    where = box.grown(-0.2).pixels(changed.shape[1], changed.shape[0])
    middle = changed[where.rows, where.columns]
    return bool(middle.size == 0 or middle.mean() >= 0.5)


def judged(rgb: RGB, labelled: list[Box], asked: AnonymizeParams, tools: Tools, file: Path) -> Judged:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)
    answer = ANONYMIZE.run(Asked(out.getvalue(), asked, MeshSegmenter(), NO_DEADLINE), tools)
    changed = (decode_srgb(answer.picture, **LIMITS.decoding) != rgb).any(axis=2)
    told = [Box(*row["bbox"].values()) for row in answer.body.get("residual", [])]

    def missed(box: Box) -> bool:
        return not is_hidden(box, changed) and all(box.iou(other) < SAME for other in told)

    seen, counted = alone(file, rgb), [box for box in labelled if box.side >= LEAST]
    return Judged(
        hidden=answer.body["stats"]["faces_hidden"],
        residual=answer.body["residual_faces"],
        seen=seen,
        missed=[(box, score) for box, score in seen if missed(box)],
        labelled=counted,
        unhidden=[box for box in counted if missed(box)],
    )


def shown(rgb: RGB, one: Judged) -> RGB:
    """The picture with what was missed in frames, and YuNet's scores beside them."""
    out = rgb.copy()
    for box, score in [*one.missed, *((box, 0.0) for box in one.unhidden)]:
        colour = (255, 0, 0) if score else (255, 220, 0)
        corner = int(box.x), int(box.y)
        cv2.rectangle(out, corner, (int(box.right), int(box.bottom)), colour, 2)
        if score:
            cv2.putText(out, f"{score:.2f}", corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)
    return out


# --- the table --------------------------------------------------------------------------------------------------------


def row_of(name: str, rows: list[Judged]) -> str:
    """A line of the table: at each bar, how many faces YuNet sees and how many of them are missed."""
    count = Counter[str](pictures=len(rows), hidden=sum(r.hidden for r in rows), told=sum(r.residual for r in rows))
    bars = [
        f"{sum(score >= bar for r in rows for _, score in r.missed)} of "
        f"{sum(score >= bar for r in rows for _, score in r.seen)}"
        for bar in BARS
    ]
    labels = f"{sum(len(r.unhidden) for r in rows)} of {sum(len(r.labelled) for r in rows)}"
    return " | ".join([f"| {name}", *(str(count[key]) for key in ("pictures", "hidden", "told")), *bars, labels]) + " |"


HEAD = f"| set | pictures | hidden | told as left | {' | '.join(f'missed, YuNet > {bar}' for bar in BARS)} | labelled |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--recall", choices=("normal", "high"), default="high")
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--sets", nargs="+", default=list(CROWDS))
    parser.add_argument("--show", type=Path)
    options = parser.parse_args()
    asked = AnonymizeParams.model_validate({"method": "solid", "on_no_face": "empty", "recall": options.recall})
    detector = build_detector({} if options.without else {"yunet": options.yunet}, threads=2)
    tools = Tools(detector, LIMITS, ByteCache(256 << 20), MemoryStore(0, 1.0), Path("out"))
    print(f"{HEAD}\n{'|---' * 9}|")
    for name in options.sets:
        rows = []
        for path, labelled in named(name):
            rgb = decode_srgb(path.read_bytes(), **LIMITS.decoding)
            rows.append(judged(rgb, labelled, asked, tools, options.yunet))
            if options.show and (rows[-1].missed or rows[-1].unhidden):
                options.show.mkdir(parents=True, exist_ok=True)
                Image.fromarray(shown(rgb, rows[-1])).save(options.show / f"{name}-{path.stem}.jpg", quality=85)
        print(row_of(name, rows), flush=True)


if __name__ == "__main__":
    main()
