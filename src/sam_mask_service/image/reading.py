"""Bytes → upright pixels: one way for pictures, masks, backgrounds and edits.

The container is walked first; the size is judged by what it says, before its pixels; memory is waited for; one frame is
decoded, turned once, and nothing of the input but pixels reaches an output.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deadline import Check, unchecked
from ..errors import ImageTooManyPixels, ImageTooSmall, ImageUnreadable, TooLarge
from ..geometry import RGB, PixelBox
from ..limits import PICTURE
from .colour import grey_levels, to_srgb
from .containers import Clean, walk
from .rasters import Raster, raster
from .reserve import PictureReserve
from .transparency import lifted, on_white
from .turn import upright

MIN_SIDE = 16
_RESERVE = PictureReserve(PICTURE.reserve)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture. ``rgb``: (H, W, 3) uint8, upright; transparency is laid on white.

    ``format`` is the input's (a name of ``FORMATS``), ``quality`` a JPEG's estimated quality (1…100) or None,
    ``profile`` the input's RGB colour profile, which an output applies to its pixels and does not carry along.
    ``as_sent``: whoever opens the file itself sees these very pixels: it was not turned and had no transparency.
    ``rgba``: (H, W, 4) uint8 with the see-through pixels' own colours, in ``profile``; None where all is opaque.
    ``orientation``: EXIF's 1…8, from which the pixels were turned upright.
    """

    rgb: RGB
    format: str
    profile: bytes | None = None
    quality: int | None = None
    as_sent: bool = False
    rgba: NDArray[np.uint8] | None = None
    orientation: int = 1

    @property
    def alpha(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8, None where all is opaque."""
        return None if self.rgba is None else self.rgba[:, :, 3]

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])


def decode(data: bytes, check: Check = unchecked, /, *, max_bytes: int, max_pixels: int) -> Picture:
    """The first frame of a picture as upright RGB. ``check`` is asked meanwhile, and may raise.

    Raises TooLarge (bytes), UnsupportedMedia, ImageTooManyPixels (before any pixel is decoded), ImageTooSmall and
    ImageUnreadable.
    """
    clean, found, pixels = _read(data, max_bytes, max_pixels, check)
    grey = grey_levels(found.profile) if pixels.ndim == 2 else None
    rgb, rgba = _laid_on_white(pixels, grey, check)
    return Picture(
        rgb=rgb,
        format=clean.kind,
        profile=None if pixels.ndim == 2 else found.profile,
        quality=found.quality,
        as_sent=found.plain and clean.ended and found.orientation == 1 and rgba is None,
        rgba=rgba,
        orientation=found.orientation if found.orientation in range(1, 9) else 1,
    )


def decode_srgb(data: bytes, check: Check = unchecked, /, *, max_bytes: int, max_pixels: int) -> RGB:
    """A background's or an edit's pixels: as ``decode``, in sRGB."""
    picture = decode(data, check, max_bytes=max_bytes, max_pixels=max_pixels)
    return to_srgb(picture.rgb, picture.profile, check)


def decode_mask(data: bytes, check: Check = unchecked, /, *, max_bytes: int, max_pixels: int) -> NDArray[np.uint8]:
    """(H, W), (H, W, 3) or (H, W, 4) uint8 of a mask file, upright, its alpha channel kept, 16 bits brought to 8; its
    values are no colours, so that no profile moves them. Raises what ``decode`` raises."""
    return _read(data, max_bytes, max_pixels, check)[2]


def _read(data: bytes, max_bytes: int, max_pixels: int, check: Check) -> tuple[Clean, Raster, NDArray[np.uint8]]:
    if len(data) > max_bytes:
        raise TooLarge(f"The picture has more than {max_bytes} bytes.")
    clean = walk(data)
    width, height = clean.size
    _check_size(width, height, max_pixels)
    with _RESERVE.hold(int(clean.cost * width * height), check):
        found = raster(clean, check)
        return clean, found, upright(found.pixels, found.orientation)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageTooManyPixels(
            f"The picture has {width} × {height} pixels; at most {max_pixels} (setting SAM_MAX_PIXELS)."
        )
    if not width * height:
        raise ImageUnreadable
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(f"The picture has {width} × {height} pixels; each side needs at least {MIN_SIDE}.")


def _laid_on_white(
    pixels: NDArray[np.uint8], grey: NDArray[np.uint8] | None, check: Check
) -> tuple[RGB, NDArray[np.uint8] | None]:
    """RGB, and the pixels as they came where any is see-through, else None."""
    if pixels.ndim == 2:
        if grey is not None:
            return grey[pixels], None
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8), None
    if pixels.shape[2] == 3:
        return pixels, None
    if int(pixels[:, :, 3].min()) == 255:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), np.uint8), None
    return on_white(pixels, check), pixels


def crop(picture: Picture, box: PixelBox) -> NDArray[np.uint8]:
    """The pixels of ``box`` in sRGB: (h, w, 3) uint8, or (h, w, 4) where the picture is see-through anywhere."""
    rgb = to_srgb(np.ascontiguousarray(picture.rgb[box.rows, box.columns]), picture.profile)
    return rgb if picture.alpha is None else lifted(rgb, picture.alpha[box.rows, box.columns])
