"""The JSON of answers, for its description: what a task's row names as its ``model``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ..wire import Json


class PixelBoxModel(BaseModel):
    """Top-left corner and size in whole pixels of the upright picture."""

    x: int
    y: int
    width: int
    height: int


class FaceStats(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_id: int
    bbox: PixelBoxModel
    confidence: float
    score: float
    region: str
    mask_bbox: PixelBoxModel | None
    face_pixels: int
    warnings: list[str]


class Warned(BaseModel):
    """Something is amiss with the answer. ``seen`` or ``left``: how many faces it is about."""

    model_config = ConfigDict(extra="allow")
    code: Literal["more_faces", "residual_faces", "weaker_detector"]
    detail: str


class MaskStats(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_pixels: int
    background_pixels: int
    face_percentage: float
    score: float
    mode: str
    inverted: bool
    face_bbox: PixelBoxModel | None
    engine: str
    model: str
    image_width: int
    image_height: int
    faces_detected: int
    faces: list[FaceStats]
    warnings: list[Warned] | None = None


class SeparateMask(BaseModel):
    """One face's mask. With masks_format=window ``x``, ``y``, ``width`` and ``height`` say where it lies in the
    picture; outside of it nothing belongs to the face."""

    face_id: int
    mask_base64: str | None = None
    mask_file: str | None = None
    x: int | None = None
    y: int | None = None
    width: int | None = None
    height: int | None = None


class CroppedFace(BaseModel):
    face_id: int
    image_base64: str | None = None
    mask_base64: str | None = None
    width: int
    height: int
    original_bbox: PixelBoxModel
    crop_bbox: PixelBoxModel


class MaskResponse(BaseModel):
    """``mask_base64`` in the modes first and combined, ``masks`` in separate, ``cropped_faces`` in crop."""

    model_config = ConfigDict(extra="allow")
    success: Literal[True]
    mode: str | None = None
    mask_base64: str | None = None
    masks: list[SeparateMask] | None = None
    cropped_faces: list[CroppedFace] | None = None
    stats: MaskStats
    processing_time: float
    timings: dict[str, float]
    parameters: Json


class MaskFileResponse(MaskResponse):
    """The same with the name of the saved file."""

    mask_file: str | None = None


class FoundFace(BaseModel):
    model_config = ConfigDict(extra="allow")
    face_id: int
    bbox: PixelBoxModel
    confidence: float
    keypoints: list[list[float]] | None
    landmarks: list[list[float]] | None


class DetectResponse(BaseModel):
    model_config = ConfigDict(extra="allow")
    success: Literal[True]
    faces: list[FoundFace]
    stats: Json
    processing_time: float
    timings: dict[str, float]
    parameters: Json
