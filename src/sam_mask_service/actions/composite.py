"""An edited picture put back into its original: untouched outside the mask, blended on the feather. Pure."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..errors import InvalidParameter
from ..geometry import RGB, Bits
from ..mask import Alpha, bounds, expand
from ..targets.fit import Transform, resize, undo
from ..targets.row import Change
from .anonymise import blend
from .tuning import SEAM, SeamTuning

Match = Literal["none", "seam"]
_ASPECT_TOLERANCE = 0.01
"""By how much two aspects may differ and still be the same one."""


def composite(
    original: RGB,
    edited: RGB,
    alpha: Alpha,
    transform: Transform | None = None,
    match: Match = "none",
    check: Check = unchecked,
    tuning: SeamTuning = SEAM,
) -> RGB:
    """``edited`` where ``alpha`` (H, W) uint8 is 255, ``original`` (H, W, 3) uint8 bit for bit where it is 0, a blend
    between.

    ``edited`` has the original's size, or another with the same aspect, or that of ``transform``'s canvas (or that
    canvas scaled as a whole). ``match="seam"`` moves its colours so that they meet the original's around the mask.
    ``check`` is asked meanwhile, and may raise. Raises InvalidParameter when the sizes do not fit.
    """
    if alpha.shape != original.shape[:2]:
        raise InvalidParameter("The mask and the original differ in size.")
    back = _to_original(original, edited, transform)
    check()
    out, box = original.copy(), bounds(alpha > 0)
    if box is not None:
        # what a colour match looks at
        margin = math.ceil(max(tuning.least, tuning.ring * max(box.width, box.height))) + 1
        near = box.grown(margin).clipped(alpha.shape[1], alpha.shape[0])
        where = near.rows, near.columns
        below, above, a = (array[where] for array in (original, back, alpha))
        above = match_seam(below, above, a, check, tuning) if match == "seam" else above
        blend(below, above, a, out[where], check)
    return out


def composite_alpha(original: Alpha, edited: Alpha, change: Alpha, transform: Transform | None) -> Alpha:
    """The same of two alpha channels: ``edited``'s inside, ``original``'s outside."""
    above = _laid_over(original.shape, edited, transform)
    return np.asarray(blend(original[:, :, None], above[:, :, None], change)[:, :, 0])


def _to_original(original: RGB, edited: RGB, transform: Transform | None) -> RGB:
    height, width = original.shape[:2]
    if transform is None:
        _same_aspect(edited, width, height)
    elif (transform.source_width, transform.source_height) != (width, height):
        raise InvalidParameter("transform: it belongs to a picture of another size.")
    else:
        _same_aspect(edited, transform.width, transform.height)
    return _laid_over(original.shape, edited, transform)


def _laid_over(shape: tuple[int, ...], edited: NDArray[np.uint8], transform: Transform | None) -> NDArray[np.uint8]:
    """``edited``, colours or one channel, brought to the original's ``shape`` (H, W, …)."""
    if transform is None:
        return resize(edited, shape[1], shape[0])
    return undo(resize(edited, transform.width, transform.height), transform)


def _same_aspect(edited: RGB, width: int, height: int) -> None:
    """One pixel of rounding on either side is forgiven."""
    h, w = edited.shape[:2]
    if abs(w * height - h * width) > max(_ASPECT_TOLERANCE * w * height, width, height):
        raise InvalidParameter(
            f"edited: its size, {w} × {h}, does not fit the original; an edit of a picture that was resized or "
            "padded for a target needs the transform of that answer."
        )


def match_seam(original: RGB, edited: RGB, alpha: Alpha, check: Check = unchecked, tuning: SeamTuning = SEAM) -> RGB:
    """``edited`` plus a smooth colour change that makes it meet ``original`` on a ring around the mask.

    The difference on the ring is spread over the inside by pull-push interpolation (Gortler et al., "The Lumigraph",
    1996, section 3.4). Without a ring (nothing masked, or everything) ``edited`` comes back.
    """
    mask = alpha > 0
    size = float(np.sqrt(np.count_nonzero(mask)))
    ring = ~mask & expand(mask, max(tuning.least, tuning.ring * size), check) if size else mask
    if not ring.any():
        return edited
    weight, out = _shrunk(ring.astype(np.float32), tuning.grid), np.empty_like(edited)
    totals = [_shrunk(_difference(original[:, :, c], edited[:, :, c], ring, check), tuning.grid) for c in range(3)]
    spread = _pull_push(np.dstack(totals), weight[:, :, None], tuning.known)
    for c in range(3):  # one channel at a time: all three as floats take twelve times the picture's memory
        check()
        moved = cv2.resize(spread[:, :, c], ring.shape[::-1], interpolation=cv2.INTER_LINEAR)
        moved += edited[:, :, c]
        out[:, :, c] = np.clip(np.rint(moved, out=moved), 0, 255, out=moved)
    return out


def _difference(
    original: NDArray[np.uint8], edited: NDArray[np.uint8], known: Bits, check: Check
) -> NDArray[np.float32]:
    """One channel's difference where ``known``, else 0."""
    check()
    difference = np.subtract(original, edited, dtype=np.float32)
    difference *= known
    return difference


def _shrunk(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """(H, W) float32 on a grid whose longer side is ``most`` at most."""
    h, w = values.shape
    scale = min(1.0, most / max(h, w))
    grid = (max(1, round(w * scale)), max(1, round(h * scale)))
    return np.asarray(cv2.resize(values, grid, interpolation=cv2.INTER_AREA), np.float32)


def _pull_push(total: NDArray[np.float32], weight: NDArray[np.float32], known: float) -> NDArray[np.float32]:
    """Weighted sums and their weights → values everywhere: coarser levels fill what a level does not know."""
    trust = np.minimum(1.0, weight * np.float32(known))
    here = total / np.maximum(weight, 1e-6)
    h, w = weight.shape[:2]
    if max(h, w) <= 1:
        return np.asarray(here, np.float32)
    half = ((w + 1) // 2, (h + 1) // 2)
    coarse_total = cv2.resize(total, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], 3)
    coarse_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], 1)
    coarse = _pull_push(np.asarray(coarse_total, np.float32), np.asarray(coarse_weight, np.float32), known)
    below = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR).reshape(h, w, 3)
    return np.asarray(here * trust + below * (1 - trust), np.float32)


def to_picture_size(change: Alpha, width: int, height: int, transform: Transform | None) -> Alpha:
    """A mask of the picture's own size as it is; one of ``transform``'s canvas brought back. Raises
    InvalidParameter.
    """
    if change.shape == (height, width):
        return change
    if transform is not None and change.shape == (transform.height, transform.width):
        return undo(change, transform)
    raise InvalidParameter(f"mask: {change.shape[1]} × {change.shape[0]} is not the size of the original.")


def read_change(mask: NDArray[np.uint8], change: Change) -> Alpha:
    """(H, W) uint8, 255 = take the edit, from a decoded mask file: (H, W) grey, (H, W, 3) or (H, W, 4) uint8.

    ``change`` names what marks the part to change, as in the target table; colours count as far as they are seen.
    Raises InvalidParameter for a picture that is no mask: coloured, or without the alpha channel that ``transparent``
    needs.
    """
    if change == "transparent":
        if mask.ndim != 3 or mask.shape[2] != 4:
            raise InvalidParameter("mask: it has no alpha channel.")
        return np.asarray(255 - mask[:, :, 3])
    grey = mask if mask.ndim == 2 else mask[:, :, 0]
    if mask.ndim == 3 and int(np.abs(mask[:, :, :3].astype(np.int16) - grey[:, :, None].astype(np.int16)).max()) > 2:
        raise InvalidParameter("mask: this is a coloured picture, not a mask.")
    marked = grey if change == "white" else 255 - grey
    return np.asarray(marked if mask.shape[2:] != (4,) else _seen(marked, mask[:, :, 3]))


def _seen(marked: Alpha, alpha: Alpha) -> Alpha:
    """What is see-through marks nothing, whatever colour lies under it."""
    return np.asarray((marked.astype(np.uint16) * alpha + 127) // 255, np.uint8)
