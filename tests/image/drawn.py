"""Small drawn pictures and the files made of them."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sam_mask_service import image
from sam_mask_service.geometry import RGB

LIMITS: dict[str, int] = {"max_bytes": 1 << 20, "max_pixels": 1_000_000}
CASES = Path(os.environ.get("SAM_SHARED", Path(__file__).parents[3] / "shared")) / "cases"


def drawn(width: int = 60, height: int = 40) -> RGB:
    """Four quarters: red, green, blue, white; so that any turn shows."""
    out = np.full((height, width, 3), 255, np.uint8)
    out[: height // 2, : width // 2] = (255, 0, 0)
    out[: height // 2, width // 2 :] = (0, 255, 0)
    out[height // 2 :, : width // 2] = (0, 0, 255)
    return out


def noise(width: int = 64, height: int = 64, channels: int = 3) -> RGB:
    return np.random.default_rng(1).integers(0, 255, (height, width, channels), np.uint8)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def decode(data: bytes, **limits: int) -> image.Picture:
    return image.decode(data, **{**LIMITS, **limits})


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF block with nothing but an orientation."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
