"""Results as the JSON that ``api.md`` describes, and as pictures. Pure."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .actions.target import target_parts
from .errors import InvalidParameter
from .geometry import Face, PixelBox
from .image import encode
from .mask import Alpha, compose
from .params import DetectParams, MaskParams
from .pipeline import MaskedFace, Result, Seen, mask_bounds

Json = dict[str, Any]
FACE_FROM = 128
"""Alpha from which a pixel of a soft mask counts as face."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskAnswer:
    """An answer of ``/create_mask`` with its pictures encoded: ``images`` are PNG bytes, one unless the mode gives several."""

    body: Json
    stats: Json
    images: tuple[bytes, ...]
    names: tuple[str, ...] = field(default=())

    def json(self) -> Json:
        return self.body

    @property
    def png(self) -> bytes:
        """The one picture. Raises InvalidParameter when the answer holds none or several."""
        if len(self.images) != 1:
            raise InvalidParameter(f"output=png takes exactly one picture, and this answer holds {len(self.images)}.")
        return self.images[0]


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")


def _polarity(alpha: Alpha, invert: bool) -> Alpha:
    return np.bitwise_not(alpha) if invert else alpha


def _face(m: MaskedFace, params: MaskParams) -> Json:
    box = mask_bounds(m)
    return {
        "face_id": m.face_id,
        "bbox": m.box.as_dict(),
        "confidence": round(m.face.confidence, 4),
        "score": round(m.mask.score, 4),
        "agreement": round(m.mask.agreement, 4),
        "region": params.region,
        "mask_bbox": None if box is None else box.as_dict(),
        "face_pixels": int(np.count_nonzero(m.alpha >= FACE_FROM)),
        "found_by": m.face.found_by,
        "warnings": list(m.warnings),
    }


def _around(boxes: Sequence[PixelBox]) -> Json | None:
    if not boxes:
        return None
    x, y = min(b.x for b in boxes), min(b.y for b in boxes)
    right, bottom = max(b.x + b.width for b in boxes), max(b.y + b.height for b in boxes)
    return PixelBox(x, y, right - x, bottom - y).as_dict()


def mask_stats(result: Result, params: MaskParams) -> Json:
    """The seed's fields, then ours."""
    total = result.seen.width * result.seen.height
    pixels = int(np.count_nonzero(result.alpha >= FACE_FROM))
    scores = [m.mask.score for m in result.faces]
    return {
        "face_pixels": pixels,
        "background_pixels": total - pixels,
        "face_percentage": round(100 * pixels / total, 4),
        "score": round(float(np.mean(scores)), 4) if scores else 0.0,
        "mode": params.mode,
        "inverted": params.invert,
        "face_bbox": _around([m.box for m in result.faces]),
        "engine": result.engine,
        "model": result.model,
        "detail": result.detail,
        "image_width": result.seen.width,
        "image_height": result.seen.height,
        "faces_detected": len(result.seen.faces),
        "faces": [_face(m, params) for m in result.faces],
    }


def _crop_parts(result: Result, stats: Json, invert: bool) -> tuple[Json, tuple[bytes, ...]]:
    pictures, rows = [], []
    for m, row, (box, pixels) in zip(result.faces, stats["faces"], result.crops, strict=True):
        png = encode(pixels)
        alpha = compose([(m.x, m.y, m.alpha)], result.seen.width, result.seen.height)[box.rows, box.columns]
        row["original_bbox"] = m.box.as_dict()
        pictures.append(png)
        rows.append(
            {
                "face_id": m.face_id,
                "image_base64": _text(png),
                "mask_base64": _text(encode(_polarity(np.ascontiguousarray(alpha), invert))),
                "width": box.width,
                "height": box.height,
                "original_bbox": m.box.as_dict(),
                "crop_bbox": box.as_dict(),
            }
        )
    return {"mode": "crop", "cropped_faces": rows}, tuple(pictures)


def _separate_parts(result: Result, invert: bool) -> tuple[Json, tuple[bytes, ...]]:
    size = result.seen.width, result.seen.height
    pngs = tuple(encode(_polarity(compose([(m.x, m.y, m.alpha)], *size), invert)) for m in result.faces)
    rows = [{"face_id": m.face_id, "mask_base64": _text(png)} for m, png in zip(result.faces, pngs, strict=True)]
    return {"masks": rows}, pngs


def _parts(result: Result, params: MaskParams, stats: Json) -> tuple[Json, tuple[bytes, ...]]:
    if params.target is not None:
        return target_parts(result, params)
    if params.mode == "crop":
        return _crop_parts(result, stats, params.invert)
    if params.mode == "separate":
        return _separate_parts(result, params.invert)
    png = encode(_polarity(result.alpha, params.invert))
    return {"mask_base64": _text(png)}, (png,)


def mask_answer(result: Result, params: MaskParams, started: float) -> MaskAnswer:
    """The answer, pictures encoded. ``started`` is ``time.perf_counter()`` when the request's work began."""
    stats = mask_stats(result, params)
    encoding = time.perf_counter()
    parts, images = _parts(result, params, stats)
    now = time.perf_counter()
    body = {
        "success": True,
        **parts,
        "stats": stats,
        "processing_time": round(now - started, 6),
        "timings": {k: round(v, 6) for k, v in {**result.timings, "encode": now - encoding}.items()},
        "parameters": params.model_dump(),
    }
    return MaskAnswer(body, stats, images, tuple(f"{m.face_id}" for m in result.faces))


def _landmarks(face: Face) -> Json:
    rounded = None if face.landmarks is None else np.round(face.landmarks.astype(float), 2).tolist()
    return {
        "keypoints": None if face.keypoints is None else np.round(face.keypoints.astype(float), 2).tolist(),
        "landmarks": rounded,
    }


def detect_answer(
    seen: Seen,
    chosen: Sequence[tuple[int, Face]],
    params: DetectParams,
    detector: str,
    timings: dict[str, float],
    started: float,
) -> Json:
    """The answer of ``/detect_faces``: boxes, key points, mesh points and confidences; no segmentation."""
    faces = [
        {
            "face_id": number,
            "bbox": face.box.pixels(seen.width, seen.height).as_dict(),
            "confidence": round(face.confidence, 4),
            "found_by": face.found_by,
            **_landmarks(face),
        }
        for number, face in chosen
    ]
    return {
        "success": True,
        "faces": faces,
        "stats": {
            "faces_detected": len(seen.faces),
            "image_width": seen.width,
            "image_height": seen.height,
            "detector": detector,
        },
        "processing_time": round(time.perf_counter() - started, 6),
        "timings": {k: round(v, 6) for k, v in timings.items()},
        "parameters": params.model_dump(),
    }
