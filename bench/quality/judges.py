"""Scores a set of tuned numbers on labelled pictures: outlines, parts, mattes, corrections by clicks, and finding
faces.

Each judge looks at its pictures once, keeps what does not depend on the numbers (embeddings, faces), and says in
``figures`` what it measured and in ``value`` what is maximised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from bench.quality import SHARED, clicks, score_detection_local
from bench.quality.action_judges import ACTING, HideJudge, PointJudge, SeamJudge
from bench.quality.fields import Tunings
from bench.quality.parity_real import loaded
from bench.quality.score_masks_local import ALL_SETS, Bench, in_half, together
from bench.quality.setup import Figures, Judge, Setup
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.build import build_detector
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.faces.tuning.search import Recall
from sam_mask_service.geometry import RGB, Bits
from sam_mask_service.image import decode
from sam_mask_service.patch import Finish
from sam_mask_service.sam.backend import Features, Sam
from sam_mask_service.sam.config import F32
from sam_mask_service.sam.prompt import Prompt
from sam_mask_service.segment.matte import matte
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.segmenter import FaceMask
from tests.support.real_weights import mobile_sam

LARGE = 400.0
"""Diagonal in pixels of the faces on which refining is judged."""
CELEB: Final = "seg_celebamask_ce7454"
PARTS: Final = {"ears": (8, 9), "eyes": (4, 5), "brows": (6, 7), "lips": (11, 12), "glasses": (3,)}
"""Regions that SAM outlines anew, by CelebAMask's classes."""


class OnceEncoded:
    """A SAM that encodes every view of a picture once, and answers every prompt once."""

    def __init__(self, sam: Sam) -> None:
        self.sam = sam
        self.lost = sam.lost
        self.name, self.precision, self.device, self.image_size = sam.name, sam.precision, sam.device, sam.image_size
        self._embeddings: dict[bytes, F32] = {}
        self._answers: dict[bytes, tuple[F32, F32]] = {}

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> F32:
        key = hashlib.sha256(image.tobytes()).digest()
        if key not in self._embeddings:
            self._embeddings[key] = self.sam.encode(image, deadline)
        return self._embeddings[key]

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        assert isinstance(embedding, np.ndarray)
        parts = [embedding[0, :2].tobytes()]
        parts += [x.tobytes() for p in prompts for x in (p.points, p.labels, p.box, p.mask) if x is not None]
        key = hashlib.sha256(b"".join(parts)).digest()
        if key not in self._answers:
            logits, predicted = self.sam.decode(embedding, prompts, deadline)
            self._answers[key] = logits.astype(np.float16).astype(np.float32), predicted
        return self._answers[key]


def real_sam() -> Sam:
    return loaded(mobile_sam(), "auto")


class MaskJudge:
    """Outlines by the shared scorer. Without a ``backend`` the mesh engine alone draws. ``fine``: refining is what is
    judged.
    """

    def __init__(
        self, setup: Setup, backend: OnceEncoded | None, regions: Sequence[str], *, fine: bool = False
    ) -> None:
        self.setup, self.backend, self.regions, self.fine = setup, backend, regions, fine
        self.bench, self.mesh = Bench(SHARED, None, setup.half), setup.mesh()
        self._faces: dict[tuple[str, str], Any] = {}

    def engine(self, tunings: Tunings) -> MeshSegmenter | SamSegmenter:
        mesh = self.mesh.with_tuning(tunings.draw)
        return mesh if self.backend is None else SamSegmenter(self.backend, mesh, threads=1, tuning=tunings.draw)

    def score(self, tunings: Tunings) -> Figures:
        engine = self.engine(tunings)
        sets = {name: list(self._pictures(engine, name)) for name in ALL_SETS}
        means = {name: np.mean([row[:2] for row in rows], axis=0) for name, rows in sets.items() if rows}
        others = np.mean([mean for name, mean in means.items() if name != CELEB] or [[0, 0]], axis=0)
        rows = [row for found in sets.values() for row in found]
        return {
            "IoU": float(others[0]),
            "bF": float(others[1]),
            "CelebA": float(means[CELEB][0]) if CELEB in means else 0.0,
            "bF 2 px": _known([row[2] for row in rows]),
            "score off": _known([row[3] for row in rows]),
        }

    def value(self, figures: Figures) -> float:
        return figures["bF 2 px"] if self.fine else figures["IoU"] + figures["bF"] / 4 + figures["CelebA"] / 3

    def _pictures(self, engine: MeshSegmenter | SamSegmenter, name: str) -> Iterator[tuple[float, ...]]:
        for file, rgb, truths in self.setup.some(self.bench.pictures(name)):
            wanted = [*truths, *self.further(name, file)]
            wanted = [truth for truth in wanted if truth[0] in self.regions]
            faces = self._found(name, file, rgb) if wanted else []
            embedding = engine.embed(rgb, faces) if faces else None
            for region, truth, valid, diagonal in wanted:
                masks = engine.masks(embedding, faces, region, pixels=lambda: rgb) if embedding else []  # noqa: B023
                yield self.compared(masks, truth, valid, diagonal)

    def compared(self, masks: Sequence[FaceMask], truth: Bits, valid: Bits, diagonal: float) -> tuple[float, ...]:
        """IoU, boundary F, boundary F at two pixels of a large face, how far the score is off."""
        got = together(list(masks), truth.shape)
        figures = self.bench.scorer.compare(got, truth, valid, diagonal)
        fine = self.bench.scorer.compare(got, truth, valid, 200)["bf"] if diagonal > LARGE else float("nan")
        off = abs(masks[0].score - figures["iou"]) if len(masks) == 1 else float("nan")
        return figures["iou"], figures["bf"], fine, off

    def further(self, name: str, file: str) -> list[Any]:  # noqa: ARG002 - for PartJudge
        return []

    def _found(self, name: str, file: str, rgb: Any) -> Any:
        if (name, file) not in self._faces:
            self._faces[name, file] = self.bench.found(name, file, rgb)
        return self._faces[name, file]


def _known(values: Sequence[float]) -> float:
    """The mean without those that are no numbers."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else 0.0


class PartJudge(MaskJudge):
    """Parts that SAM outlines, on CelebA's labels."""

    def __init__(self, setup: Setup, backend: OnceEncoded) -> None:
        super().__init__(setup, backend, [name for name in PARTS if setup.nets or name not in ("ears", "glasses")])

    def value(self, figures: Figures) -> float:
        return figures["CelebA"]

    def further(self, name: str, file: str) -> list[Any]:
        if name != CELEB:
            return []
        label = np.array(Image.open(self.bench.data / name / "labels" / f"{Path(file).stem}.png"))
        shapes = {region: np.isin(label, classes) for region, classes in PARTS.items()}
        valid, diagonal = np.ones(label.shape, bool), float(np.hypot(*label.shape)) / 4
        return [(region, bits, valid, diagonal) for region, bits in shapes.items() if bits.sum() > clicks.LEAST]


class MatteJudge:
    """Portraits with drawn strands, where alpha is known: error in the hair's band, and at the jaw."""

    def __init__(self, setup: Setup) -> None:
        from bench.quality import matte as measured

        self._measured, self._mesh, self._bench = measured, setup.mesh(), Bench(SHARED, None, "all")
        cases = ((i, case) for i, case in enumerate(measured.drawn()) if in_half("strands", str(i), setup.half))
        self._cases = [(case, *self._faces(case)) for _, case in setup.some(cases)]

    def _faces(self, case: Any) -> tuple[RGB, Any]:
        rgb = decode(case.picture, max_bytes=1 << 30, max_pixels=1 << 28).rgb
        return rgb, self._bench.found("", "", rgb)[:1]

    def score(self, tunings: Tunings) -> Figures:
        engine, rows = self._mesh.with_tuning(tunings.draw), []
        for case, rgb, faces in self._cases:
            for mask in engine.masks(engine.embed(rgb, faces), faces, "head", pixels=lambda: rgb):  # noqa: B023
                edge = mask.patch.finished(Finish(), rgb.shape[1], rgb.shape[0])
                soft = matte(rgb, mask.patch, edge, faces[0], tuning=tunings.draw)
                whole = soft.place(rgb.shape[1], rgb.shape[0]).astype(np.float32) / np.float32(255)
                rows.append(self._measured.errors(whole, case))
        hair, _, gradient, skin, both = np.nanmean(rows, axis=0)
        return {"hair error": hair, "gradient × 100": gradient, "skin error": skin, "IoU": both}

    def value(self, figures: Figures) -> float:
        return -figures["hair error"] - figures["skin error"] / 4


class ClickJudge:
    """Simulated clicks that correct the service's own mask, or start without one."""

    def __init__(self, setup: Setup, backend: OnceEncoded) -> None:
        self._backend, self._mesh, self._bench = backend, setup.mesh(), Bench(SHARED, None, setup.half)
        found = clicks.objects(self._bench, setup.most or 12)
        self._objects = [(one, self._bench.found("", "", one.rgb)) for one in found if one.region in ("face", "head")]

    def score(self, tunings: Tunings) -> Figures:
        mesh = self._mesh.with_tuning(tunings.draw)
        engine, rows = SamSegmenter(self._backend, mesh, threads=1, tuning=tunings.draw), []
        for one, faces in self._objects:
            seen = engine.embed(one.rgb, faces, "picture")
            start = engine.masks(seen, faces[:1], one.region, pixels=lambda: one.rgb)[0] if faces else None  # noqa: B023
            rows.append(clicks.clicked(one.truth, clicks.ours(engine, seen, start), start))
        return {f"IoU, {n} clicks": float(value) for n, value in enumerate(np.mean(rows, axis=0))}

    def value(self, figures: Figures) -> float:
        return sum(figures.values())


class FindJudge:
    """Faces found: recall and precision over all labelled faces, and pictures without one in which a face is told."""

    def __init__(self, setup: Setup, recall: Recall, yunet: Path | None) -> None:
        self._options, self._yunet = DetectOptions(recall=recall), yunet
        self._pictures = [
            (decode(path.read_bytes(), max_bytes=1 << 30, max_pixels=1 << 28).rgb, boxes)
            for name in score_detection_local.SETS
            for path, boxes in setup.some(p for p in _labelled(name) if in_half(name, p[0].name, setup.half))
        ]

    def score(self, tunings: Tunings) -> Figures:
        detector = build_detector({"yunet": self._yunet}, tuning=tunings.find)
        faces, bare = score_detection_local.Tally(), score_detection_local.Tally()
        for rgb, boxes in self._pictures:
            score_detection_local.look(detector, rgb, boxes, self._options, faces if boxes else bare)
        right = sum(matched for _, matched in faces.verdicts)
        return {
            "recall": faces.found / max(1, faces.truths),
            "precision": right / max(1, len(faces.verdicts)),
            "hit without a face": bare.hit / max(1, bare.pictures),
        }

    def value(self, figures: Figures) -> float:
        return figures["recall"] + figures["precision"] - figures["hit without a face"]


def _labelled(name: str) -> Iterator[tuple[Path, list[list[float]]]]:
    yield from score_detection_local.pictures(name)


FINDING: Final = frozenset({"normal", "high", "second", "search", "place", "tile", "examine", "calibration", "sane"})
OWN: Final = {
    "face": ("face",), "face_trust": ("face",), "head": ("head",), "head_trust": ("head",), "score": ("face",),
}  # fmt: skip
"""Parts of the drawing that change one outline alone; others are judged on face and head."""


def without_sam(part: str) -> bool:
    return part in FINDING or part in ACTING


def judge_of(part: str, setup: Setup, backend: OnceEncoded | None, yunet: Path | None = None) -> Judge:
    """Who judges the numbers of a part. ``backend``: SAM; None where the mesh engine alone is to draw."""
    if part == "advice":
        raise SystemExit("advice: its numbers are times, measured by python -m bench.speed.sam_reference.")
    if part in ACTING:
        return _acting(part, setup, yunet)
    if part in FINDING:
        return FindJudge(setup, "high" if part == "high" else "normal", yunet)
    if part in ("matte", "line", "hairline"):
        return MatteJudge(setup)
    if part in ("part", "correction"):
        assert backend is not None, "parts and corrections are SAM's"
        return PartJudge(setup, backend) if part == "part" else ClickJudge(setup, backend)
    return MaskJudge(setup, backend, OWN.get(part, ("face", "head")), fine=part == "refine")


def _acting(part: str, setup: Setup, yunet: Path | None) -> Judge:
    if part in ("seam", "point"):
        bench = Bench(SHARED, None, setup.half)
        return SeamJudge(setup, bench) if part == "seam" else PointJudge(setup, bench)
    return HideJudge(setup, yunet)
