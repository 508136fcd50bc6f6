"""Clean files → arrays as stored: one row of a table for each format. What a decoder cannot finish is ImageUnreadable.

The decoders are chosen by what they cost: OpenCV holds a WebP once, where Pillow's reader of films holds it four times.
"""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from ..deadline import Check, unchecked
from ..errors import ImageUnreadable
from . import colour
from .containers import bmp, pnm, tiff
from .containers.clean import Clean
from .tiff_rows import samples
from .watched import Reading

Image.init()  # registers every format once: a first request must not race for it
Image.MAX_IMAGE_PIXELS = None  # `decode` has its own, exact limit, asked before any pixel
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # odd values, which change no pixel
pi_heif.options.DECODE_THREADS = 2
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # else each broken picture writes a line into our log
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

Pixels = NDArray[np.uint8]
_BAND = 1 << 18
"""Pixels that are moved from Pillow to numpy at once."""
_PIECE = 1 << 18
"""Bytes of a file that Pillow decodes at once."""

# Whatever parsers were seen to raise on hostile bytes. ServiceError is none of them, nor is MemoryError: the size is
# checked before, so that a lack of memory is ours and not the picture's.
_FAULTS = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError, RuntimeError,
    struct.error, cv2.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """``pixels`` as stored: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, uint8. ``plain``: the file holds these very
    values.

    ``profile`` is what is still to be applied, ``orientation`` EXIF's 1…8, ``quality`` a JPEG's.
    """

    pixels: Pixels
    plain: bool = False
    profile: bytes | None = None
    orientation: int = 1
    quality: int | None = None


def raster(clean: Clean, check: Check = unchecked) -> Raster:
    """``check`` is asked between pieces, and may raise. Raises ImageUnreadable."""
    check()
    try:
        return _DECODERS[clean.kind](clean, check)
    except _FAULTS as e:
        raise ImageUnreadable from e


# --- Pillow -----------------------------------------------------------------------------------------------------------


def _pillow(clean: Clean, check: Check) -> Raster:
    with Image.open(Reading(clean.data, check), formats=[clean.kind]) as picture:
        if picture.size != clean.size:
            raise ImageUnreadable
        picture.decodermaxblock = max(picture.decodermaxblock, _PIECE)
        picture.load()
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1) if clean.kind == "AVIF" else clean.orientation
        pixels, profile = _array(picture, clean.profile, check)
        return Raster(pixels, picture.mode in ("RGB", "L"), profile, orientation, _jpeg_quality(picture))


def _array(picture: Image.Image, profile: bytes | None, check: Check) -> tuple[Pixels, bytes | None]:
    """The pixels, row by row in bands: as a whole Pillow's way to an array holds the pixels three times, and takes
    twice as long; and the profile, unless it was used for them."""
    width, height = picture.size
    move = colour.mover(profile, "CMYK") if picture.mode == "CMYK" and profile else None
    band = move or _BANDS.get(_kind(picture), _rgb)
    first = band(picture.crop((0, 0, width, 1)))
    out = np.empty((height, *first.shape[1:]), np.uint8)
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        check()
        bottom = min(height, top + rows)
        out[top:bottom] = band(picture.crop((0, top, width, bottom)))
    return out, None if move else profile


def _kind(picture: Image.Image) -> str:
    if picture.mode.startswith("I"):
        return "deep"
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return "alpha"
    return "grey" if picture.mode in ("L", "1") else "colour"


def _rgb(band: Image.Image) -> Pixels:
    return np.asarray(band if band.mode == "RGB" else band.convert("RGB"), np.uint8)


def _of_16_bits(values: NDArray[np.uint16]) -> Pixels:
    """The 257th part: white stays white, and what 8 bits were spread to comes back."""
    return (values - (values >> 8) >> 8).astype(np.uint8)


_BANDS: dict[str, Callable[[Image.Image], Pixels]] = {
    "deep": lambda band: _of_16_bits(np.asarray(band).astype(np.uint16)),
    "alpha": lambda band: np.asarray(band.convert("RGBA"), np.uint8),
    "grey": lambda band: np.asarray(band.convert("L"), np.uint8),
    "colour": _rgb,
}


def _jpeg(clean: Clean, check: Check) -> Raster:
    """A file without its end marker is taken when no row needs what is missing: whatever stands there, the pixels are
    the same.
    """
    out = _pillow(clean, check)
    if not clean.ended:
        for filling in _FILLINGS:
            other = replace(clean, data=clean.data[:-2] + filling + clean.data[-2:])
            if not np.array_equal(out.pixels, _pillow(other, check).pixels):
                raise ImageUnreadable
    return out


_FILLINGS = tuple(
    first + bytes((step * i + 11) % 251 for i in range(256)) for first, step in ((b"\xfe", 37), (b"\xaa", 101))
)
"""Coded data that is nobody's. A decoder reads zeros behind the end: no code that begins so begins with a one."""


# ITU-T T.81 table K.1: the luminance quantiser at quality 50, of which encoders scale their own.
_K1_SUM = 3685


def _jpeg_quality(picture: ImageFile.ImageFile) -> int | None:
    """The quality that libjpeg's scaling rule gives for the picture's luminance table."""
    table = getattr(picture, "quantization", {}).get(0)
    if not table:
        return None
    scale = 100 * sum(table) / _K1_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(np.clip(round(quality), 1, 100))


# --- other decoders ---------------------------------------------------------------------------------------------------


def _opencv(clean: Clean) -> NDArray[Any]:
    flags = cv2.IMREAD_UNCHANGED if clean.alpha else cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(clean.data, np.uint8), flags)
    if found is None or found.shape[:2] != (clean.height, clean.width):
        raise ImageUnreadable
    return found


def _bmp(clean: Clean, check: Check) -> Raster:
    """Pillow decodes run lengths in Python, minutes for a picture of 3 kB."""
    return Raster(np.asarray(_opencv(clean), np.uint8)) if bmp.run_lengths(clean.data) else _pillow(clean, check)


def _webp(clean: Clean, _: Check) -> Raster:
    found = _opencv(clean)
    if clean.alpha:
        found = cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA if found.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    pixels = np.asarray(found, np.uint8)
    return Raster(_on_canvas(clean, pixels), pixels.shape[2] == 3, clean.profile, clean.orientation)


def _on_canvas(clean: Clean, pixels: Pixels) -> Pixels:
    """A first frame in its place, transparency around it."""
    if clean.at is None or clean.size == (clean.width, clean.height):
        return pixels
    (left, top), (width, height) = clean.at, clean.size
    out = np.zeros((height, width, 4), np.uint8)
    inside = out[top : top + clean.height, left : left + clean.width]
    inside[..., 3] = 255
    inside[..., : pixels.shape[2]] = pixels
    return out


def _heif(clean: Clean, _: Check) -> Raster:
    """libheif turns and crops as the file says."""
    found = pi_heif.open_heif(clean.data)
    picture = found[found.primary_index]
    if picture.size[0] * picture.size[1] > clean.width * clean.height:
        raise ImageUnreadable
    pixels = np.asarray(picture)[:, : picture.size[0]]
    if picture.mode not in ("RGB", "RGBA", "L"):
        pixels = np.asarray(picture.to_pillow().convert("RGBA"))
    return Raster(np.asarray(pixels, np.uint8), profile=clean.profile)


def _pnm(clean: Clean, _: Check) -> Raster:
    head = pnm.head(clean.data)
    deep = head.highest > 255
    shape = (head.height, head.width, 3)[: 3 if head.channels == 3 else 2]
    values = np.frombuffer(clean.data, ">u2" if deep else np.uint8, math.prod(shape), head.start).reshape(shape)
    levels = np.minimum(np.arange(65_536 if deep else 256) * 255 // head.highest, 255).astype(np.uint8)
    return Raster(levels[values])


def _tiff(clean: Clean, check: Check) -> Raster:
    at, values = samples(clean.data, check)
    if at.photometric == tiff.INKS:
        pixels, profile = _array(Image.fromarray(values, "CMYK"), clean.profile, check)
        return Raster(pixels, profile=profile, orientation=clean.orientation)
    if at.photometric == tiff.PALETTE:
        values = (np.array(at.palette).reshape(3, 256).T // 256).astype(np.uint8)[values[:, :, 0]]
    if at.photometric == tiff.WHITE_IS_0:
        np.subtract(255, values[..., 0], out=values[..., 0])
    if at.alpha:
        values = np.asarray(
            Image.fromarray(values, _SEE_THROUGH[at.samples, at.premultiplied]).convert("RGBA"), np.uint8
        )
    return Raster(
        values[..., 0] if values.shape[2] == 1 else values, profile=clean.profile, orientation=clean.orientation
    )


_SEE_THROUGH = {(2, False): "LA", (2, True): "La", (4, False): "RGBA", (4, True): "RGBa"}
"""Samples, and whether they are multiplied by the alpha channel → Pillow's mode."""


_DECODERS: dict[str, Callable[[Clean, Check], Raster]] = {
    "JPEG": _jpeg, "PNG": _pillow, "WEBP": _webp, "GIF": _pillow, "BMP": _bmp, "TIFF": _tiff, "AVIF": _pillow,
    "HEIF": _heif, "PPM": _pnm,
}  # fmt: skip
