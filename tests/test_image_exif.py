"""EXIF that Pillow's parser raises on: the picture is decoded all the same, as if it had none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sam_mask_service.image import decode


def test_exif_in_text_that_is_no_hex_costs_no_mask() -> None:
    picture = Image.fromarray(np.arange(32 * 48 * 3, dtype=np.uint32).reshape(32, 48, 3).astype(np.uint8))
    note = PngImagePlugin.PngInfo()
    note.add_text("Raw profile type exif", "\nexif\n10\nzz")
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=note)
    with pytest.raises(ValueError, match="hex"):
        Image.open(io.BytesIO(out.getvalue())).getexif()
    decoded = decode(out.getvalue(), max_bytes=10**6, max_pixels=10**6)
    np.testing.assert_array_equal(decoded.rgb, np.asarray(picture))
