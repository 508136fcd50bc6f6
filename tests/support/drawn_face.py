"""A drawn face with its 468 points, for tests that need one at a known place."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sam_mask_service.faces.mesh import (
    BROWS,
    CHIN,
    EYES,
    FOREHEAD,
    LEFT_CHEEK,
    MOUTH,
    MOUTH_OPENING,
    NOSE,
    NOSE_TIP,
    OVAL,
    RIGHT_CHEEK,
)
from sam_mask_service.geometry import Box, Face, Points

SKIN, HAIR, WALL, SHIRT = (214, 168, 140), (60, 40, 25), (120, 160, 190), (40, 90, 60)


def points(centre: tuple[float, float], width: float, height: float, angle: float = 0.0) -> Points:
    """(468, 3) float32: mesh points of a frontal face, an ellipse ``width`` × ``height`` turned by ``angle``
    radians.
    """
    xyz = np.zeros((468, 3), np.float32)
    turns = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    xyz[list(OVAL), 0], xyz[list(OVAL), 1] = np.sin(turns) / 2, -np.cos(turns) / 2
    for cx, ring in ((-0.2, EYES[0]), (0.2, EYES[1])):
        _ring(xyz, ring, cx, -0.1, 0.09, 0.03)
    for cx, ring in ((-0.2, BROWS[0]), (0.2, BROWS[1])):
        _ring(xyz, ring, cx, -0.2, 0.12, 0.02)
    _ring(xyz, NOSE, 0, 0.03, 0.09, 0.14)
    _ring(xyz, MOUTH, 0, 0.25, 0.16, 0.06)
    _ring(xyz, MOUTH_OPENING, 0, 0.25, 0.11, 0.02)
    xyz[NOSE_TIP, :2] = 0, 0.08
    for name, at in ((CHIN, (0, 0.5)), (FOREHEAD, (0, -0.5)), (LEFT_CHEEK, (-0.5, 0)), (RIGHT_CHEEK, (0.5, 0))):
        xyz[name, :2] = at
    xyz[:, :2] *= (width, height)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    xyz[:, :2] = xyz[:, :2] @ turn + np.array(centre, np.float32)
    return xyz


def _ring(xyz: Points, ring: tuple[int, ...], cx: float, cy: float, a: float, b: float) -> None:
    turns = np.linspace(0, 2 * np.pi, len(ring), endpoint=False)
    xyz[list(ring), 0], xyz[list(ring), 1] = cx + a * np.cos(turns), cy + b * np.sin(turns)


def face(centre: tuple[float, float], width: float, height: float, angle: float = 0.0, mesh: bool = True) -> Face:
    xyz = points(centre, width, height, angle)
    eyes = [xyz[list(ring), :2].mean(0) for ring in EYES]
    mouth = xyz[list(MOUTH), :2].mean(0)
    spots = np.array([*eyes, xyz[NOSE_TIP, :2], mouth, xyz[LEFT_CHEEK, :2], xyz[RIGHT_CHEEK, :2]], np.float32)
    box = Box(centre[0] - width / 2, centre[1] - width / 2 + 0.1 * height, width, width)
    return Face(box, 0.9, spots, xyz if mesh else None, 0.9 if mesh else 0.0)


def portrait(
    size: tuple[int, int], centre: tuple[float, float], width: float, height: float, angle: float = 0.0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """((H, W, 3) uint8 picture, (H, W) bool truth): skin ellipse in front of hair, shirt and a wall, with fixed
    noise.
    """
    image = np.full((*size, 3), WALL, np.uint8)
    degrees = float(np.degrees(angle))
    up = np.array([np.sin(angle), -np.cos(angle)])
    at = np.array(centre)
    _ellipse(image, at - up * 0.75 * height, (0.9 * width, 0.5 * height), degrees, SHIRT)
    _ellipse(image, at + up * 0.18 * height, (0.68 * width, 0.58 * height), degrees, HAIR)
    truth = np.zeros(size, np.uint8)
    _ellipse(truth, at, (width / 2, height / 2), degrees, 1)
    image[truth > 0] = SKIN
    noise = np.random.default_rng(7).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), truth > 0


def _ellipse(
    canvas: NDArray[np.uint8], at: NDArray[np.floating], half: tuple[float, float], degrees: float, colour: object
) -> None:
    box = ((float(at[0]) - 0.5, float(at[1]) - 0.5), (2 * half[0], 2 * half[1]), degrees)
    cv2.ellipse(canvas, box, colour, -1)  # type: ignore[call-overload]
