"""What becomes of a good SAM mask on its way to the user: ``python -m bench.sam_oracle [--half dev|held] [--detail face]``.

A SAM that knows the labels (``bench/truthful_sam.py``) is asked through the real prompts, choice, band and mesh priors about every
labelled face of the shared sets. IoU (means over pictures) of the mesh engine's mask alone; of the true candidate alone, the most
that SAM's grid can give; of what the user gets; and of what the user gets when the truth is not among the candidates. Counted in
faces: where the true candidate was chosen (of single outlines), and where all were refused, and the mesh engine's mask stands.

``--parts`` does the same for the other regions, on CelebAMask, with the networks in the shared models folder as proposers.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from bench.oracle_changes import CHANGES, Labelled
from bench.quality import SHARED
from bench.quality_report import write
from bench.score_masks_local import ALL_SETS, Bench, together
from bench.truthful_sam import Subject, TruthfulSam, body_below, piece_of, share_out
from sam_mask_service.geometry import RGB, Bits, Face
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.segment.sam_jobs import DISAGREED
from sam_mask_service.segment.sam_view import SamEmbedding, drawn
from sam_mask_service.segment.segmenter import Detail, FaceMask, Patch
from sam_mask_service.segment.views import best_view

PARTS = {
    "hair": ("hair",), "ears": ("l_ear", "r_ear"), "neck": ("neck",), "glasses": ("eye_g",), "hat": ("hat",),
    "brows": ("l_brow", "r_brow"),
    "eyes": ("l_eye", "r_eye"), "nose": ("nose",), "lips": ("u_lip", "l_lip"), "mouth": ("mouth", "u_lip", "l_lip"),
}  # fmt: skip
"""Region → names of CelebAMask's classes. ``skin`` is the face without its features."""
PARTS_SET = "seg_celebamask_ce7454"
NETS = ("hair_segmentation.tflite", "bisenetv2_celebamaskhq_448x448_integer_quant.tflite")
REACH = {"face": 1.0}
"""How far from a face's centre its pixels can lie, in box sizes; 2.5 for all else."""
LEAST = {"face": 0.1, "head": 0.1}
"""A face with less truth than this share of its box's area is not labelled; of parts 0.002."""


@dataclass
class Tally:
    """Of one set and region: sums over faces, IoU and boundary F by picture."""

    faces: int = 0
    chosen: int = 0
    refused: int = 0
    scores: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def row(self) -> dict[str, float]:
        out: dict[str, float] = {"faces": self.faces, "chosen": self.chosen, "refused": self.refused}
        for name, got in self.scores.items():
            out[name] = float(np.mean([g["iou"] for g in got]))
            out[f"{name}_p10"] = float(np.percentile([g["iou"] for g in got], 10))
            out[f"{name}_bf"] = float(np.mean([g["bf"] for g in got]))
        return out


def subjects(
    label: np.ndarray, meta: dict[str, Any], truths: dict[str, Bits], faces: list[Face], region: str
) -> list[Subject | None]:
    """For every face its Subject, or None where the labels do not know it."""
    other = "head" if region == "face" else "face"
    mine = _shared_out(truths[region], faces, region)
    others = _shared_out(truths[other], faces, other) if other in truths else [_near(m) for m in mine]
    persons = share_out(label > 0, faces, 9.0) if len(meta["classes"]) > 2 else [None] * len(faces)
    out: list[Subject | None] = []
    for face, truth, level, person in zip(faces, mine, others, persons, strict=True):
        labelled = np.count_nonzero(truth) >= LEAST.get(region, 0.002) * face.box.area
        whole = person if person is not None else body_below(truth | level, face)
        out.append(Subject(truth, (whole, level, piece_of(truth), ~whole)) if labelled else None)
    return out


def _shared_out(truth: Bits, faces: list[Face], region: str) -> list[Bits]:
    return share_out(truth, faces, REACH.get(region, 2.5), -0.1 if region in LEAST else 0.8)


def _near(bits: Bits) -> Bits:
    """A head around a face, where the labels have none: the face grown by a quarter of its size."""
    size = float(np.sqrt(np.count_nonzero(bits)))
    return np.asarray(cv2.distanceTransform(1 - bits.astype(np.uint8), cv2.DIST_L2, 3) <= 0.25 * size) if size else bits


class Oracle:
    def __init__(self, bench: Bench, mesh: MeshSegmenter, noise: float, detail: Detail, change: str = "none") -> None:
        self.bench, self.mesh, self.detail, self.change = bench, mesh, detail, CHANGES[change]
        self.knowing, self.ignorant = TruthfulSam(noise), TruthfulSam(noise, knows=False)

    def score(self, folder: str, region: str) -> Tally:
        tally = Tally()
        meta = json.loads((self.bench.data / folder / "meta.json").read_text())
        for name, rgb, truth in self.bench.pictures(folder):
            label = np.array(Image.open(self.bench.data / folder / "labels" / f"{Path(name).stem}.png"))
            picture = Labelled(rgb, label, {which: (bits, valid, diagonal) for which, bits, valid, diagonal in truth})
            if region in PARTS:
                picture.known[region] = np.isin(label, _classes(meta, region)), *picture.known["face"][1:]
            if region not in picture.known or "face" not in picture.known or not picture.known[region][0].any():
                continue
            picture = self.change(picture)
            faces = self.bench.found(folder, name, picture.rgb)
            if faces:
                self._compare(picture, meta, faces, region, tally)
        return tally

    def _compare(self, picture: Labelled, meta: dict[str, Any], faces: list[Face], region: str, tally: Tally) -> None:
        bits = {which: b & v for which, (b, v, _) in picture.known.items()}
        about = subjects(picture.label, meta, bits, faces, region)
        for run, found in self._masks(picture.rgb, faces, about, region, tally).items():
            got = self.bench.scorer.compare(together(found, picture.label.shape), *picture.known[region])
            tally.scores.setdefault(run, []).append(got)

    def _masks(
        self, rgb: RGB, faces: list[Face], about: list[Subject | None], region: str, tally: Tally
    ) -> dict[str, list[FaceMask]]:
        prior = self.mesh.masks(self.mesh.embed(rgb, faces), faces, region)
        out: dict[str, list[FaceMask]] = {"mesh": prior, "truth": [], "got": list(prior), "wrong": list(prior)}
        known = [i for i, subject in enumerate(about) if subject is not None and prior[i].patch.bits.any()]
        for backend, run in ((self.knowing, "got"), (self.ignorant, "wrong")):
            segmenter = SamSegmenter(backend, self.mesh)
            seen = segmenter.embed(rgb, faces, self.detail)
            for i in known:
                backend.look_at(seen.views, about[i])
                (out[run][i],) = segmenter.masks(seen, [faces[i]], region)
                if backend.knows:
                    out["truth"].append(self._candidate(seen, faces[i], prior[i]))
                    self._count(out[run][i], tally)
        return out

    def _count(self, mask: FaceMask, tally: Tally) -> None:
        tally.faces += 1
        tally.refused += DISAGREED in mask.warnings
        tally.chosen += any(abs(mask.score - score) < 1e-6 for score in self.knowing.true_scores)

    def _candidate(self, seen: SamEmbedding, face: Face, prior: FaceMask) -> FaceMask:
        """The true candidate as it is, with nothing held; the prior where SAM was not asked."""
        if self.knowing.true_logits is None:
            return prior
        view = seen.views[best_view([v.box for v in seen.views], face.box)]
        bits = drawn(self.knowing.true_logits, view, 0, 0, (seen.height, seen.width))
        return FaceMask(Patch(0, 0, bits), 1.0, 1.0)


def _classes(meta: dict[str, Any], region: str) -> list[int]:
    return [int(number) for number, name in meta["classes"].items() if name in PARTS[region]]


HARDER = ("seg_ccp_fullbody", "seg_celebamask_ce7454")
TITLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Faces and heads as they are (FASSEG multipose: half profiles and profiles):", "none", ALL_SETS),
    ("The same pictures turned by 40 degrees:", "turned", HARDER),
    ("A fist of the skin's own colour before the jaw:", "occluded", HARDER),
)
COLUMNS = (
    "region", "set", "faces", "mesh", "true candidate", "result", "mesh, 10th percentile", "result, 10th percentile",
    "mesh, boundary F", "result, boundary F", "chosen", "refused", "without the truth",
)  # fmt: skip


def line(region: str, folder: str, tally: Tally) -> str:
    r = tally.row()
    keys = ("mesh", "truth", "got", "mesh_p10", "got_p10", "mesh_bf", "got_bf")
    cells = [region, folder, str(tally.faces), *(f"{r[key]:.3f}" for key in keys)]
    return "| " + " | ".join([*cells, str(tally.chosen), str(tally.refused), f"{r['wrong']:.3f}"]) + " |"


def table(oracle: Oracle, regions: Iterable[str], sets: Iterable[str]) -> Iterator[str]:
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|---" * len(COLUMNS) + "|"
    for region in regions:
        for folder in sets:
            tally = oracle.score(folder, region)
            if tally.faces:
                yield line(region, folder, tally)


def page(bench: Bench, options: argparse.Namespace) -> Iterator[str]:
    """All tables of docs/quality.md, about ten minutes."""
    for title, change, sets in TITLES:
        yield f"\n{title}\n"
        oracle = Oracle(bench, MeshSegmenter(), options.noise, options.detail, change)
        yield from table(oracle, ("face", "head"), sets)
    yield "\nOther regions, as the mesh, the hair net and the face-parsing net propose them:\n"
    mesh = MeshSegmenter(SHARED / "models" / NETS[0], SHARED / "models" / NETS[1])
    yield from table(Oracle(bench, mesh, options.noise, options.detail), PARTS, [PARTS_SET])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--faces", type=Path, help="pickle {(set, file): [Face, …]} instead of the detector")
    parser.add_argument("--sets", default=",".join(ALL_SETS))
    parser.add_argument("--region", action="append", help="default: face and head")
    parser.add_argument("--parts", action="store_true", help="all other regions")
    parser.add_argument("--noise", type=float, default=0.7, help="of the candidates' outlines, in cells")
    parser.add_argument("--detail", choices=("auto", "picture", "face"), default="auto")
    parser.add_argument("--change", choices=tuple(CHANGES), default="none", help="makes the pictures harder first")
    parser.add_argument("--docs", action="store_true", help="everything, into docs/quality.md")
    options = parser.parse_args()
    if options.faces and (options.change != "none" or options.docs):
        parser.error("--faces are those of unchanged pictures")
    cv2.setNumThreads(1)
    faces = pickle.loads(options.faces.read_bytes()) if options.faces else None  # noqa: S301 - our own file
    bench = Bench(SHARED, faces, options.half)
    nets = [SHARED / "models" / name for name in NETS] if options.parts else [None, None]
    oracle = Oracle(bench, MeshSegmenter(*nets), options.noise, options.detail, options.change)
    regions = options.region or (PARTS if options.parts else ("face", "head"))
    sets = [PARTS_SET] if options.parts else options.sets.split(",")
    text = []
    for row in page(bench, options) if options.docs else table(oracle, regions, sets):
        text.append(row)
        print(row, flush=True)
    if options.docs:
        write("oracle", "\n".join(text))


if __name__ == "__main__":
    main()
