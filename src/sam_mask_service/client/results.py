"""Answers as values. Pictures are PNG, JPEG or WebP bytes; ``raw`` is the JSON as it came, without its pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """Top-left corner and size in whole pixels of the upright picture."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Box:
        return cls(*(int(value[name]) for name in ("x", "y", "width", "height")))


@dataclass(frozen=True, slots=True)
class Face:
    """One face. ``score`` and ``mask_box`` are there when it was masked, ``hidden`` when the picture was anonymised."""

    face_id: int
    box: Box
    confidence: float
    score: float | None = None
    mask_box: Box | None = None
    hidden: bool | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Face:
        mask_box = row.get("mask_bbox")
        return cls(
            int(row["face_id"]),
            Box.of(row["bbox"]),
            float(row["confidence"]),
            row.get("score"),
            Box.of(mask_box) if mask_box else None,
            row.get("hidden"),
            tuple(row.get("warnings", ())),
        )


@dataclass(frozen=True, slots=True)
class Warned:
    """Something amiss with an answer: ``more_faces``, ``residual_faces`` or ``weaker_detector``. ``row``: all of it."""

    code: str
    detail: str
    row: Json


def warnings_of(body: Json) -> tuple[Warned, ...]:
    rows = body.get("stats", {}).get("warnings") or ()
    return tuple(Warned(str(row["code"]), str(row["detail"]), row) for row in rows)


@dataclass(frozen=True, slots=True)
class FacePicture:
    """One face's mask (mode=separate), or its crop with the mask of the crop (mode=crop). ``box``: where a crop, or a
    mask of masks_format=window, lies in the picture."""

    face_id: int
    mask: bytes
    image: bytes | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """An answer of ``/create_mask``. ``mask`` is None for mode separate and crop, which fill ``pictures``; ``image``
    and ``transform`` come with a target: the picture that belongs to the mask when the caller's own does not fit."""

    mask: bytes | None
    pictures: tuple[FacePicture, ...]
    faces: tuple[Face, ...]
    stats: Json
    image: bytes | None
    image_format: str | None
    transform: Json | None
    raw: Json
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came out. ``residual_faces``: of an anonymised one, and ``residual`` where they are; ``frame``:
    what a cut-out shows of the picture, which may reach beyond its edges."""

    image: bytes
    format: str
    faces: tuple[Face, ...]
    residual_faces: int | None
    frame: Box | None
    raw: Json
    residual: tuple[Box, ...] = ()
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that the service keeps in memory for ``expires_in`` seconds from its last use."""

    image_id: str
    width: int
    height: int
    faces: tuple[Face, ...]
    expires_in: float
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One of many: either ``mask`` or ``error``."""

    index: int
    id: str | int | None
    mask: Mask | None
    error: ApiError | None


def picture_bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _bare(body: Json) -> Json:
    return {k: v for k, v in body.items() if not k.endswith("_base64") and k not in ("masks", "cropped_faces")}


def faces_of(rows: Any) -> tuple[Face, ...]:
    return tuple(Face.of(row) for row in rows or ())


def _place(row: Json) -> Box | None:
    found = row.get("crop_bbox") or (row if "x" in row else None)
    return Box.of(found) if found else None


def mask_of(body: Json) -> Mask:
    """The answer of ``/create_mask`` in any mode."""
    rows = body.get("masks") or body.get("cropped_faces") or ()
    pictures = tuple(
        FacePicture(
            int(row["face_id"]),
            base64.b64decode(row["mask_base64"]),
            picture_bytes(row.get("image_base64")),
            _place(row),
        )
        for row in rows
    )
    return Mask(
        picture_bytes(body.get("mask_base64")),
        pictures,
        faces_of(body["stats"].get("faces")),
        body["stats"],
        picture_bytes(body.get("image_base64")),
        body.get("image_format"),
        body.get("transform"),
        _bare(body),
        warnings_of(body),
    )


def picture_of(body: Json) -> Picture:
    """The answer of ``/anonymize``, ``/cutout`` and ``/composite``."""
    frame = body.get("frame")
    return Picture(
        base64.b64decode(body["image_base64"]),
        str(body["image_format"]),
        faces_of(body.get("faces")),
        body.get("residual_faces"),
        Box.of(frame) if frame else None,
        _bare(body),
        tuple(Box.of(row["bbox"]) for row in body.get("residual", ())),
        warnings_of(body),
    )


def upload_of(body: Json) -> Upload:
    return Upload(
        str(body["image_id"]),
        int(body["width"]),
        int(body["height"]),
        faces_of(body["faces"]),
        float(body["expires_in"]),
        warnings_of(body),
    )
