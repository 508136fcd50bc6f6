"""A drawn portrait whose face outline is known exactly: the self-test's picture, since no photograph comes with the
package.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..geometry import RGB, Bits

UNIT = 512
"""The drawing's own coordinates; ``side`` scales them."""
WALL, SHIRT, HAIR = (176, 190, 200), (60, 80, 120), (70, 48, 36)
SKIN, SHADE, NOSE, NOSTRIL = (224, 182, 154), (196, 150, 124), (212, 166, 138), (150, 100, 84)
WHITE, IRIS, PUPIL, LASH = (245, 240, 235), (60, 40, 30), (10, 8, 8), (90, 60, 50)
LIPS, MOUTH = (186, 92, 88), (120, 50, 50)

Ellipse = tuple[tuple[int, int], tuple[int, int], tuple[int, int, int]]
Arc = tuple[tuple[int, int], tuple[int, int], tuple[int, int, int], tuple[int, int], int]

FACE: tuple[tuple[int, int], tuple[int, int]] = ((256, 262), (105, 140))
FRINGE: tuple[tuple[int, int], tuple[int, int]] = ((256, 140), (108, 48))

# centre, half axes, colour: filled, from back to front
SHAPES: tuple[Ellipse, ...] = (
    ((256, 560), (190, 150), SHIRT),
    ((256, 235), (135, 165), HAIR),
    ((256, 400), (55, 80), SHADE),
    (*FACE, SKIN),
    (*FRINGE, HAIR),
    *(
        ((x, 245), axes, colour)
        for x in (210, 302)
        for axes, colour in (((22, 11), WHITE), ((10, 10), IRIS), ((4, 4), PUPIL))
    ),
    ((256, 285), (14, 26), NOSE),
    ((246, 308), (5, 3), NOSTRIL),
    ((266, 308), (5, 3), NOSTRIL),
    ((256, 346), (36, 13), LIPS),
    ((256, 343), (34, 3), MOUTH),
)
# centre, half axes, colour, from and to angle, width
ARCS: tuple[Arc, ...] = (
    *(((x, 243), (24, 14), LASH, (190, 350), 3) for x in (210, 302)),
    *(((x, 216), (27, 9), HAIR, (195, 345), 7) for x in (210, 302)),
    ((256, 306), (20, 9), SHADE, (0, 180), 4),
)


def drawn_portrait(side: int = UNIT) -> tuple[RGB, Bits]:
    """The portrait, (side, side, 3) uint8, and its face: skin between fringe and chin, (side, side) bool."""
    scale = side / UNIT
    canvas = np.full((side, side, 3), WALL, np.uint8)
    for centre, axes, colour in SHAPES:
        _ellipse(canvas, centre, axes, colour, scale)
    for centre, axes, colour, angles, width in ARCS:
        _ellipse(canvas, centre, axes, colour, scale, angles, max(1, round(width * scale)))
    truth = np.zeros((side, side), np.uint8)
    _ellipse(truth, *FACE, (255,), scale)
    _ellipse(truth, *FRINGE, (0,), scale)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 2.2 * scale), np.uint8), truth > 127


def _ellipse(
    canvas: np.ndarray,
    centre: tuple[int, int],
    axes: tuple[int, int],
    colour: tuple[int, ...],
    scale: float,
    angles: tuple[int, int] = (0, 360),
    width: int = cv2.FILLED,
) -> None:
    middle = round(centre[0] * scale), round(centre[1] * scale)
    half = round(axes[0] * scale), round(axes[1] * scale)
    cv2.ellipse(canvas, middle, half, 0, *angles, colour, width, cv2.LINE_AA)
