"""Bytes → upright RGB array; arrays → PNG, JPEG or WebP without metadata. Pure: no files, no network, no settings.

A picture is sniffed by its own bytes (never by a name or a header), its size is read before its pixels, one frame is decoded,
the EXIF orientation is applied once, and nothing of the input but pixels reaches an output.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps

from .errors import ImageTooManyPixels, ImageTooSmall, ImageUnreadable, TooLarge, UnsupportedMedia
from .geometry import RGB, Bits, PixelBox
from .mask import Alpha

Image.init()  # registers every format once: a first request must not race for it
Image.MAX_IMAGE_PIXELS = None  # `decode` has its own, exact limit, asked before any pixel
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # odd metadata, which is not used

OutputFormat = Literal["png", "jpeg", "webp"]
MIN_SIDE = 16
_BAND = 1 << 18
"""Pixels that are moved from Pillow to numpy at once."""
MAX_JPEG_SCANS = 100
"""A progressive JPEG of ordinary encoders has about ten scans; each further one costs a pass over the whole picture."""

# What is read, by Pillow's format name and the first bytes (offset, bytes). Pillow's JPEG reader covers MPO (a phone's picture
# with a second one behind it). No TIFF: libtiff writes lines of the file's making to our log. A format whose decoder this
# Pillow was built without is dropped from the table.
_PNG_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"fdAT"})
_MAGIC: tuple[tuple[str, int, bytes], ...] = tuple(
    row
    for row in (
        ("JPEG", 0, b"\xff\xd8\xff"),
        ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
        ("WEBP", 8, b"WEBP"),
        ("GIF", 0, b"GIF87a"),
        ("GIF", 0, b"GIF89a"),
        ("BMP", 0, b"BM"),
        ("AVIF", 4, b"ftypavif"),
        ("AVIF", 4, b"ftypavis"),
    )
    if row[0] in Image.OPEN
)
FORMATS = tuple(dict.fromkeys(name for name, _, _ in _MAGIC))

# Whatever Pillow's parsers were seen to raise on hostile bytes. ServiceError is none of them, nor is MemoryError: the size is
# checked before, so that a lack of memory is ours and not the picture's.
_DECODER_FAULTS = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError, RuntimeError,
    struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture. ``rgb``: (H, W, 3) uint8, upright; transparency is laid on white.

    ``format`` is Pillow's name of the input's format, ``quality`` a JPEG's estimated quality (1…100) or None,
    ``profile`` the input's colour profile, which an output applies to its pixels and does not carry along.
    ``as_sent``: whoever opens the file itself sees these very pixels: it was not turned and had no transparency.
    """

    rgb: RGB
    format: str
    profile: bytes | None = None
    quality: int | None = None
    as_sent: bool = False

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])


def sniff(data: bytes) -> str:
    """The format by its first bytes. Raises ImageUnreadable for no bytes and UnsupportedMedia for any other format."""
    if not data:
        raise ImageUnreadable("The picture has no bytes.")
    for name, offset, magic in _MAGIC:
        if data.startswith(magic, offset):
            return name
    raise UnsupportedMedia(f"This is not a picture in a format that is read here: {', '.join(FORMATS)}.")


def decode(data: bytes, *, max_bytes: int, max_pixels: int) -> Picture:
    """The first frame of a picture as upright RGB.

    Raises TooLarge (bytes), UnsupportedMedia, ImageTooManyPixels (before any pixel is decoded), ImageTooSmall and ImageUnreadable.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"The picture has more than {max_bytes} bytes.")
    name = sniff(data)
    _check_container(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as picture:
            _check_size(picture.width, picture.height, max_pixels)
            return _pixels(picture)
    except _DECODER_FAULTS as e:
        raise ImageUnreadable from e


def _check_container(data: bytes, name: str) -> None:
    if name == "JPEG" and data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise ImageUnreadable("The picture has too many scans.")
    if name == "PNG":
        _check_png(data)
    if name == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data) + 1:
        raise ImageUnreadable


def _check_png(data: bytes) -> None:
    """Order and checksums of the chunks that hold the picture (PNG, third edition, sections 5.3 and 5.6), which Pillow takes
    lightly: a header first and once, whole chunks, an end. Raises ImageUnreadable."""
    at, seen = 8, b""
    while seen != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or (kind == b"IHDR") != (at == 8):
            raise ImageUnreadable
        if kind in _PNG_CRITICAL and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageUnreadable
        at, seen = end, kind


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageTooManyPixels(
            f"The picture has {width} × {height} pixels; at most {max_pixels} (setting SAM_MAX_PIXELS)."
        )
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(f"The picture has {width} × {height} pixels; each side needs at least {MIN_SIDE}.")


def _pixels(picture: ImageFile.ImageFile) -> Picture:
    picture.load()
    profile = picture.info.get("icc_profile")
    whole = _without_broken_exif(picture)
    turned = whole if _orientation(whole) == 1 else ImageOps.exif_transpose(whole)  # which would copy it for nothing
    return Picture(
        rgb=_rgb(turned),
        format=str(picture.format),
        profile=profile if isinstance(profile, bytes) else None,
        quality=_jpeg_quality(picture),
        as_sent=picture.mode in ("RGB", "L") and turned.size == whole.size and _orientation(whole) == 1,
    )


def _orientation(picture: Image.Image) -> int:
    """EXIF's 1…8; 1 when there is none."""
    return int(picture.getexif().get(ExifTags.Base.Orientation, 1))


def _without_broken_exif(picture: Image.Image) -> Image.Image:
    """The picture, or a copy without EXIF where the EXIF cannot be parsed: a bad tag must not cost the mask."""
    try:
        if picture.getexif().get(ExifTags.Base.Orientation, 1) in range(1, 9):
            return picture
    except Exception as e:  # Pillow's TIFF parser raises nearly anything on hostile EXIF
        del e
    bare = picture.copy()
    bare.info = {}
    bare.getexif().clear()
    return bare


def _rgb(picture: Image.Image) -> RGB:
    """Row by row in bands: as a whole Pillow's way to an array holds the pixels three times, and takes twice as long."""
    width, height = picture.size
    out = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        out[top:bottom] = _band(picture.crop((0, top, width, bottom)))
    return out


def _band(picture: Image.Image) -> RGB:
    if picture.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        grey = np.clip(np.asarray(picture, np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        flat = Image.new("RGBA", rgba.size, "white")
        flat.alpha_composite(rgba)
        picture = flat
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"), np.uint8)


# ITU-T T.81 table K.1: the luminance quantiser at quality 50, of which encoders scale their own.
_K1_SUM = 3685


def _jpeg_quality(picture: Image.Image) -> int | None:
    """The quality that libjpeg's scaling rule gives for the picture's luminance table."""
    table = getattr(picture, "quantization", {}).get(0)
    if not table:
        return None
    scale = 100 * sum(table) / _K1_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(np.clip(round(quality), 1, 100))


def to_srgb(rgb: RGB, profile: bytes | None) -> RGB:
    """The pixels moved from ``profile`` to sRGB; unchanged without a profile or with one that cannot be used."""
    if not profile:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower() or source.profile.xcolor_space.strip() != "RGB":
            return rgb
        picture = ImageCms.profileToProfile(Image.fromarray(rgb), source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return rgb
    return rgb if picture is None else np.asarray(picture, np.uint8)


def crop(picture: Picture, box: PixelBox) -> RGB:
    """The pixels of ``box`` in sRGB."""
    return to_srgb(np.ascontiguousarray(picture.rgb[box.rows, box.columns]), picture.profile)


# Masks are runs of one value: run lengths of unfiltered rows are found in a third of the time that Pillow takes to try filters
# on each row (1024 × 1024: 1.4 ms and 2.8 kB, Pillow 4.2 ms and 8.7 kB; soft edges 1.7 and 18, Pillow 8.4 and 18).
_MASK_PNG = (
    cv2.IMWRITE_PNG_COMPRESSION, 1,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE,
)  # fmt: skip
_LIBPNG_SIDE = 1_000_000
"""libpng writes no longer sides than this."""


def encode(pixels: RGB | Alpha | Bits, kind: OutputFormat = "png", quality: int | None = None) -> bytes:
    """PNG, JPEG or WebP of (H, W) uint8 grey or bool, (H, W, 3) RGB or (H, W, 4) RGBA; no metadata.

    ``quality`` 1…100 for JPEG (default 92) and WebP (default 90; 100 is lossless). PNG level 1: on masks a higher one
    saves few bytes and costs most of the time.
    """
    array = pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels
    if kind == "png" and array.ndim == 2 and max(array.shape) <= _LIBPNG_SIDE:
        return cv2.imencode(".png", np.asarray(array, np.uint8), _MASK_PNG)[1].tobytes()
    out = io.BytesIO()
    options: dict[str, Any] = {
        "png": {"compress_level": 1},
        "jpeg": {"quality": quality or 92, "subsampling": 0 if (quality or 92) >= 90 else 2},
        "webp": {"quality": quality or 90, "lossless": quality == 100, "method": 2},
    }[kind]
    Image.fromarray(array).save(out, kind.upper(), **options)
    return out.getvalue()
