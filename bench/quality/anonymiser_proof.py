"""Does another detector still find the faces that ``/anonymize`` has hidden? Writes a table into docs/quality.md.

    python -m bench.quality.anonymiser_proof --yunet FILE [--limit 12] [--pairs 0,2] \
        [--methods blur,pixelate] [--strengths 0.5]

On the labelled sets beside the repository (``SAM_SHARED``). Each picture is anonymised by the task behind
``/anonymize``, with the faces that one detector finds (``recall=high``); then another one, which had no part in that,
searches the result:

- hidden with BlazeFace and the mesh (nothing downloaded), searched with YuNet in OpenCV's own program, threshold 0.6;
- hidden with YuNet alone, searched with BlazeFace and the mesh;
- hidden with all of them, as the service does, searched with the LBP cascade that scikit-image brings.

A labelled face counts as found when a box overlaps it by IoU 0.4, as everywhere here. Those that the hiding detector
has found are counted apart: they are what the methods answer for; the others were missed, and look as before.
``before``: what the searcher finds in the untouched pictures. ``out/anonymised/`` keeps the rows of each pair, from
which the table is made, and some pictures to be looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from skimage import data as pictures
from skimage.feature import Cascade

from bench.started import ROOT
from sam_mask_service.actions.params import AnonymizeParams
from sam_mask_service.cache import ByteCache
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import ServiceError
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions, FaceDetector
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.image import decode_srgb
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.sessions.memory import MemoryStore
from sam_mask_service.tasks import Asked, Limits, Tools
from sam_mask_service.tasks.anonymize import ANONYMIZE

DATA = Path(os.environ.get("SAM_SHARED", ROOT.parent / "shared")) / "eval" / "data"
LIMITS = Limits(1 << 28, 100_000_000, 64)
METHODS = ("blur", "pixelate", "mosaic", "solid")
EDGES = (20, 40, 80, 160)
SIZES = ("20–40", "40–80", "80–160", "> 160")
SAME, SEEN = 0.4, 0.6
ANY = DetectOptions()
Searcher = Callable[[RGB], list[Box]]


@dataclass(frozen=True)
class Labelled:
    name: str
    data: bytes
    faces: list[Box]


def labelled(limit: int) -> Iterator[Labelled]:
    """At most ``limit`` pictures of each set, by name."""
    for path in sorted(DATA.glob("det_*/boxes.json")):
        rows = sorted(json.loads(path.read_text(encoding="utf-8")).items())
        for file, row in rows[:limit]:
            faces = [Box(*face["box"]) for face in row["faces"] if "box" in face and not face.get("ignore")]
            if faces:
                yield Labelled(f"{path.parent.name}-{file}", (path.parent / "images" / file).read_bytes(), faces)


# --- detectors --------------------------------------------------------------------------------------------------------


class OpenCvYuNet:
    """YuNet as OpenCV runs it, at two times the picture's size or at 1280 pixels. As a detector for hiding, and as a
    searcher.
    """

    name = "yunet"

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def boxes(self, rgb: RGB) -> list[tuple[Box, float]]:
        scale = min(2.0, 1280 / max(rgb.shape[:2]))
        size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
        bgr = np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)[..., ::-1])
        _, rows = cv2.FaceDetectorYN.create(self.file, "", size, SEEN, 0.3, 5000).detect(bgr)
        found = [] if rows is None else np.asarray(rows, float).tolist()
        return [(Box(*row[:4]).scaled(1 / scale), row[-1]) for row in found]

    def detect(
        self,
        image: RGB,
        options: DetectOptions = ANY,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Face]:
        deadline.check()
        return [Face(box, score) for box, score in self.boxes(image) if score >= (options.min_confidence or 0)]


def by_yunet(file: Path) -> Searcher:
    net = OpenCvYuNet(file)
    return lambda rgb: [box for box, _ in net.boxes(rgb)]


def by_blazeface() -> Searcher:
    finder = build_detector(threads=1)
    return lambda rgb: [face.box for face in finder.detect(rgb)]


def by_cascade() -> Searcher:
    cascade = Cascade(pictures.lbp_frontal_face_cascade_filename())

    def search(rgb: RGB) -> list[Box]:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        rows = cascade.detect_multi_scale(
            img=grey, scale_factor=1.25, step_ratio=1.5, min_size=(24, 24), max_size=(min(grey.shape),) * 2
        )
        return [Box(row["c"], row["r"], row["width"], row["height"]) for row in rows]

    return search


# --- counting ---------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """By size class: labelled faces, those found by the hiding detector, those still found, those of both."""

    labelled: list[int] = field(default_factory=lambda: [0] * 4)
    hidden: list[int] = field(default_factory=lambda: [0] * 4)
    left: list[int] = field(default_factory=lambda: [0] * 4)
    both: list[int] = field(default_factory=lambda: [0] * 4)

    def add(self, faces: list[Box], hidden: list[Box], found: list[Box]) -> int:
        """One picture's; how many of its faces are hidden and still found."""
        before = sum(self.both)
        for face in faces:
            side = (face.width * face.height) ** 0.5
            if side < EDGES[0]:
                continue
            k = sum(side >= edge for edge in EDGES) - 1
            was, still = (any(face.iou(box) > SAME for box in boxes) for boxes in (hidden, found))
            self.labelled[k] += 1
            self.hidden[k] += was
            self.left[k] += still
            self.both[k] += was and still
        return sum(self.both) - before

    def cells(self) -> list[str]:
        share = 100 * sum(self.both) / max(1, sum(self.hidden))
        sizes = [f"{both} of {hidden}" for both, hidden in zip(self.both, self.hidden, strict=True)]
        all_faces = (
            f"{sum(self.left)} of {sum(self.labelled)} ({100 * sum(self.left) / max(1, sum(self.labelled)):.1f} %)"
        )
        return [*sizes, f"**{share:.1f} %**", all_faces]


class FirstLook:
    """``detector`` for the picture as it was sent; the task's own second look, which proves nothing here, is left
    out.
    """

    def __init__(self, detector: FaceDetector, kind: str) -> None:
        self.detector, self.kind, self.name = detector, kind, f"proof-{kind}"
        self.size: tuple[int, ...] = ()

    def detect(
        self,
        image: RGB,
        options: DetectOptions = ANY,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Face]:
        return self.detector.detect(image, options, deadline) if image.shape == self.size else []


@dataclass(frozen=True)
class Pair:
    """Who hides and who searches. ``kind``: the detector that the parameters name."""

    hides: str
    searches: str
    detector: FirstLook
    search: Searcher


def proof(pair: Pair, limit: int, ways: list[tuple[str, float]]) -> dict[str, Tally]:
    tallies = {way: Tally() for way in ("before", *(f"{method}, {strength:g}" for method, strength in ways))}
    tools = Tools(pair.detector, LIMITS, ByteCache(256 << 20), MemoryStore(0, 1.0), ROOT / "out")
    mesh = MeshSegmenter()
    for number, one in enumerate(labelled(limit)):
        rgb = decode_srgb(one.data, **LIMITS.decoding)
        pair.detector.size = rgb.shape
        before = pair.search(rgb)
        for method, strength in ways:
            asked = {"method": method, "strength": strength, "on_no_face": "empty", "detector": pair.detector.kind}
            params = AnonymizeParams.model_validate(asked)
            try:
                answer = ANONYMIZE.run(Asked(one.data, params, mesh, NO_DEADLINE), tools)
            except ServiceError as e:
                print(f"{one.name}: {e.detail}", flush=True)
                continue
            hidden = [Box(*row["bbox"].values()) for row in answer.body["faces"]]
            found = pair.search(decode_srgb(answer.picture, **LIMITS.decoding))
            if tallies[f"{method}, {strength:g}"].add(one.faces, hidden, found):
                print(f"still found: {method}, {strength:g}: {one.name}", flush=True)
            if number % 10 == 0:
                _save(f"{pair.hides}-{method}-{one.name}", answer.picture)
        tallies["before"].add(one.faces, hidden, before)
    return tallies


def _save(name: str, picture: bytes) -> None:
    (KEPT / re.sub(r"[^\w.-]", "_", name)).write_bytes(picture)


# --- the page ---------------------------------------------------------------------------------------------------------

START, END = "<!-- anonymised: begin -->", "<!-- anonymised: end -->"
HEAD = "| hidden with | searched with | method, strength | " + " | ".join(f"{size} px" for size in SIZES)


KEPT = ROOT / "out" / "anonymised"


def rows_of(pair: Pair, tallies: dict[str, Tally]) -> list[str]:
    return [
        "| " + " | ".join([pair.hides, pair.searches, way, *tally.cells()]) + " |" for way, tally in tallies.items()
    ]


def table() -> str:
    """From the rows of all pairs that were ever run here."""
    kept = [path.read_text(encoding="utf-8") for path in sorted(KEPT.glob("pair-*.md"))]
    return "\n".join([HEAD + " | of those hidden | of all labelled |", "|" + "---|" * (5 + len(SIZES)), *kept])


def write(text: str) -> None:
    """Between the two marks of docs/quality.md."""
    page = ROOT / "docs" / "quality.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=1000, help="pictures a set")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--strengths", default="0.5")
    parser.add_argument("--pairs", default="0,1,2")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    ways = [(m, float(s)) for s in options.strengths.split(",") for m in options.methods.split(",")]
    blaze, every = build_detector(threads=2), build_detector({"yunet": options.yunet}, threads=2)
    pairs = (
        Pair("BlazeFace, mesh", "YuNet", FirstLook(blaze, "mediapipe"), by_yunet(options.yunet)),
        Pair("YuNet alone", "BlazeFace, mesh", FirstLook(OpenCvYuNet(options.yunet), "yunet"), by_blazeface()),
        Pair("all", "LBP cascade", FirstLook(every, "auto"), by_cascade()),
    )
    KEPT.mkdir(parents=True, exist_ok=True)
    for number in map(int, options.pairs.split(",")):
        rows = "\n".join(rows_of(pairs[number], proof(pairs[number], options.limit, ways)))
        print(rows, flush=True)
        (KEPT / f"pair-{number}.md").write_text(rows, encoding="utf-8")
    write(table())


if __name__ == "__main__":
    main()
