"""Bytes → upright RGB array; arrays → PNG, JPEG or WebP without metadata. Pure: no files, no network, no settings.

``containers/`` takes a file apart, ``rasters`` decodes what is left of it, ``reading`` makes a picture, a mask or an
edit of that.
"""

from .colour import to_srgb
from .containers import FORMATS, sniff
from .encoding import OutputFormat, check_sides, encode, unasked
from .reading import MIN_SIDE, Picture, crop, decode, decode_mask, decode_srgb
from .transparency import WHITE, lifted, on_white

__all__ = [
    "FORMATS",
    "MIN_SIDE",
    "WHITE",
    "OutputFormat",
    "Picture",
    "check_sides",
    "crop",
    "decode",
    "decode_mask",
    "decode_srgb",
    "encode",
    "lifted",
    "on_white",
    "sniff",
    "to_srgb",
    "unasked",
]
