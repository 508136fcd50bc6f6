"""``/create_mask`` and what answers in its words: figures of every face, and the masks as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..geometry import PixelBox
from ..image import WHITE, encode
from ..mask import Alpha
from ..params import MaskParams
from ..patch import SoftPatch
from ..targets import encode as encode_for
from ..targets import find as find_target
from ..wire import Json
from .answer import Answer
from .draw import CHECK_REGION, CHOOSE_TO_DRAW, DRAW, EMBED, RECALL
from .find import FIND
from .finish import COLOURS, CROP, FINISH
from .headers import stats_headers
from .models import MaskResponse
from .notices import as_stats
from .steps import DECODE, Step, Work
from .task import Render, Task
from .values import MaskedFace, together

FACE_FROM = 128
"""Alpha from which a pixel of a soft mask counts as face."""


# --- figures ----------------------------------------------------------------------------------------------------------


def _face(m: MaskedFace, region: str) -> Json:
    pixels = m.finished.above(FACE_FROM)
    box = pixels.bounds()
    return {
        "face_id": m.face_id,
        "bbox": m.box.as_dict(),
        "confidence": round(m.face.confidence, 4),
        "score": round(m.mask.score, 4),
        "agreement": round(m.mask.agreement, 4),
        "region": region,
        "mask_bbox": None if box is None else box.as_dict(),
        "face_pixels": pixels.area,
        "found_by": m.face.found_by,
        "warnings": list(m.warnings),
    }


def _around(boxes: Sequence[PixelBox]) -> Json | None:
    return reduce(PixelBox.hull, boxes).as_dict() if boxes else None


def mask_stats(work: Work) -> Json:
    """The seed's fields, then ours."""
    total = work.seen.width * work.seen.height
    pixels = int(np.count_nonzero(work.alpha >= FACE_FROM))
    scores = [m.mask.score for m in work.masked]
    return {
        "face_pixels": pixels,
        "background_pixels": total - pixels,
        "face_percentage": round(100 * pixels / total, 4),
        "score": round(float(np.mean(scores)), 4) if scores else 0.0,
        "mode": work.wanted.mode,
        "inverted": work.wanted.invert,
        "face_bbox": _around([m.box for m in work.masked]),
        "engine": work.segmenter.name,
        "model": work.segmenter.model,
        "device": getattr(work.segmenter, "device", "cpu"),
        "detail": together(work.done, work.wanted.detail).detail,
        "image_width": work.seen.width,
        "image_height": work.seen.height,
        "faces_detected": len(work.seen.faces),
        "faces": [_face(m, work.wanted.region) for m in work.masked],
        **as_stats(work.notices),
    }


# --- pictures ---------------------------------------------------------------------------------------------------------


def _polarity(alpha: Alpha, invert: bool) -> Alpha:
    return np.bitwise_not(alpha) if invert else alpha


def _one(work: Work) -> None:
    png = _png(work.alpha, work)
    work.parts, work.pictures = {"mask_base64": png}, (png,)


def _separate(work: Work) -> None:
    show = _placed if work.wanted.masks_format == "picture" else _windowed
    rows = [{"face_id": m.face_id, **show(m.finished, work)} for m in work.watched(work.masked)]
    work.parts, work.pictures = {"masks": rows}, tuple(row["mask_base64"] for row in rows)


def _placed(mask: SoftPatch, work: Work) -> Json:
    return {"mask_base64": _png(mask.place(work.seen.width, work.seen.height), work)}


def _windowed(mask: SoftPatch, work: Work) -> Json:
    """The mask in the smallest window of the picture that holds it; one pixel where nothing of it is seen."""
    seen = mask.cut(mask.box.clipped(work.seen.width, work.seen.height))
    box = seen.bounds() or PixelBox(0, 0, 1, 1)
    return {"mask_base64": _png(seen.cut(box).alpha, work), **box.as_dict()}


def _png(alpha: Alpha, work: Work) -> bytes:
    return encode(_polarity(alpha, work.wanted.invert), check=work.deadline.check)


def _cropped(work: Work) -> None:
    check = work.deadline.check
    work.pictures = tuple(encode(pixels, check=check) for _, pixels in work.watched(work.crops))
    rows = [
        {
            "face_id": m.face_id,
            "image_base64": png,
            "mask_base64": _mask_of_crop(m, box, work),
            "width": box.width,
            "height": box.height,
            "original_bbox": m.box.as_dict(),
            "crop_bbox": box.as_dict(),
        }
        for m, (box, _), png in zip(work.masked, work.crops, work.pictures, strict=True)
    ]
    work.parts = {"mode": "crop", "cropped_faces": rows}


def _mask_of_crop(m: MaskedFace, box: PixelBox, work: Work) -> bytes:
    work.deadline.check()
    return _png(m.finished.cut(box).alpha, work)


def _for_target(work: Work) -> None:
    """Mask, matching picture, transform and request fields of a target. ``image_base64`` is null when the caller's own
    file goes along as it is. Transparency is laid on white, and that is said: in a target's picture it would be the
    mask, be refused, or be dropped so that hidden colours show."""
    row, picture = find_target(work.wanted.target or ""), work.original.picture
    fits = picture.as_sent and picture.format.lower() in row.image_formats
    out = encode_for(
        work.alpha,
        work.original.rgb,
        row,
        edit=work.wanted.edit,
        source_bytes=len(work.asked.data),
        as_is=fits,
        check=work.deadline.check,
    )
    work.pictures = (out.mask,)
    work.parts = {
        "mask_base64": out.mask,
        "image_base64": out.picture,
        "image_format": out.picture_format,
        "transform": out.transform.as_dict(),
        "target": dict(out.target),
        **({} if picture.alpha is None else {"flattened_on": WHITE}),
    }


_BY_MODE = {"first": _one, "combined": _one, "separate": _separate, "crop": _cropped}


def _encode(work: Work) -> None:
    (_BY_MODE[work.wanted.mode] if work.wanted.target is None else _for_target)(work)


def _say(work: Work) -> None:
    stats = mask_stats(work)
    if work.wanted.mode == "crop":
        stats["faces"] = [{**row, "original_bbox": row["bbox"]} for row in stats["faces"]]
    body = {
        "success": True,
        **work.parts,
        "stats": stats,
        **work.times(),
        "parameters": work.asked.params.model_dump(),
    }
    work.answer = Answer(body, work.pictures, names=tuple(f"{m.face_id}" for m in work.masked))


# --- the row ----------------------------------------------------------------------------------------------------------

COLOURS_FOR_TARGET: Step[Work] = Step(
    COLOURS.do, COLOURS.name, needless=lambda work: work.wanted.target is None, pixels=COLOURS.pixels
)
ENCODE: Step[Work] = Step(_encode, "encode")
SAY: Step[Work] = Step(_say)
DRAWING = (RECALL, EMBED, DRAW)
ANSWERING = (FINISH, COLOURS_FOR_TARGET, CROP, ENCODE, SAY)

MASK = Task(
    name="mask",
    path="/create_mask",
    about="The mask of the faces in a picture: JSON with base64, or the PNG itself (`Accept: image/png` or "
    "`output=png`).",
    params=MaskParams,
    steps=(CHECK_REGION, DECODE, FIND, CHOOSE_TO_DRAW, RECALL, EMBED, DRAW, *ANSWERING),
    render=Render(
        bare="png",
        pictures=("image/png",),
        accept=("image/png",),
        settles=True,
        headers=stats_headers,
        model=MaskResponse,
    ),
    command="Mask the faces of pictures. One picture to a file, several to a folder.",
    operation="create_mask",
    tag="masks",
    later=True,
)
