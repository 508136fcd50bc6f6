"""Picture files of which nearly nothing is the picture: each kind of container blown up with what its format lets
through, to a size that is drawn or given. Each once cost seconds or gigabytes (docs/security.md). All is made of the
``random.Random`` handed in.
"""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

Maker = Callable[[int], bytes]
LARGEST = 20 << 20


@functools.cache
def small(kind: str) -> bytes:
    """A picture of 64 × 64."""
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(*chunks: bytes) -> bytes:
    return b"".join((small("PNG")[:33], *chunks, small("PNG")[33:]))


def _jpeg(more: bytes) -> bytes:
    return small("JPEG")[:2] + more + small("JPEG")[2:]


def _coded(more: bytes, end: bytes = b"\xff\xd9") -> bytes:
    return small("JPEG")[:-2] + more + end


def _exif(kind: int, size: int, count: int) -> bytes:
    rows = struct.pack("<HHIHHHHII", 0x0112, 3, 1, 6, 0, 0x9999, kind, count, 40)
    return b"II*\0" + struct.pack("<IH", 8, 2) + rows + bytes(6) + b"\1" * (size * count)


def _times(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


def _riff(more: bytes) -> bytes:
    body = small("WEBP")[8:] + more
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(more: bytes) -> bytes:
    return small("GIF")[: 13 + 768] + more + small("GIF")[13 + 768 :]


def _rle(width: int, height: int, body: bytes) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + info + bytes(range(256)) * 4 + body


def _tiff(count: int) -> bytes:
    """``count`` strips of one row that all lie at one place."""
    tags = ((256, 16), (257, count), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1))
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    at = 8 + 2 + 12 * 9 + 4
    rows += struct.pack("<HHIIHHII", 273, 4, count, at, 279, 4, count, at + 4 * count)
    numbers = struct.pack("<I", 8) * count + struct.pack("<I", 16) * count
    return b"II*\0" + struct.pack("<IH", 8, 9) + rows + bytes(4) + numbers


MAKERS: dict[str, Maker] = {
    "JPEG EXIF in segments of 10 bytes": lambda n: _jpeg(_times(b"\xff\xe1\0\x0aExif\0\0ab", n)),
    "JPEG empty APP5": lambda n: _jpeg(_times(b"\xff\xe5\0\2", n)),
    "JPEG fill bytes": lambda n: _jpeg(b"\xff" * n),
    "JPEG tables": lambda n: _jpeg(_times(b"\xff\xdb\0\x43\0" + b"\1" * 64, n)),
    "JPEG stuffed zeros": lambda n: _coded(_times(b"\xff\0", n)),
    "JPEG fill bytes in coded data": lambda n: _coded(_times(b"\xff\xff\0", n)),
    "JPEG restarts, no end": lambda n: _coded(_times(b"\xff\xd0", n), b""),
    "JPEG scans": lambda n: _coded(_times(b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0", n)),
    "PNG EXIF of bytes": lambda n: _png(_chunk(b"eXIf", _exif(6, 1, n))),
    "PNG EXIF of rationals": lambda n: _png(_chunk(b"eXIf", _exif(5, 8, n // 8))),
    "PNG profiles": lambda n: _png(_times(_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(1_000_000), 9)), n)),
    "PNG private chunks": lambda n: _png(_times(_chunk(b"zzZz", b""), n)),
    "PNG pixels in empty chunks": lambda n: _png(_times(_chunk(b"IDAT", b""), n)),
    "PNG text": lambda n: _png(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * n)),
    "WebP empty chunks": lambda n: _riff(_times(b"zzzz\0\0\0\0", n)),
    "WebP EXIF": lambda n: _riff(b"EXIF" + struct.pack("<I", n // 2 * 2) + _exif(6, 1, n // 2 * 2)[: n // 2 * 2]),
    "GIF comment of blocks of 1 byte": lambda n: _gif(b"!\xfe" + _times(b"\1a", n) + b"\0"),
    "GIF comments": lambda n: _gif(_times(b"!\xfe\1a\0", n)),
    "BMP runs of nothing, wide": lambda n: _rle(min(n, 1_000_000), 48, b"\0\0" * 48),
    "BMP runs of nothing, tall": lambda n: _rle(48, 1_000_000, _times(b"\0\0", min(n, 2_000_000))),
    "TIFF strips of one row": lambda n: _tiff(min(n // 8, 65_000)),
    "AVIF free boxes": lambda n: small("AVIF") + _times(b"\0\0\0\x08free", n),
    "AVIF film behind it": lambda n: small("AVIF") + struct.pack(">I", n) + b"moov" + bytes(n - 8),
}
"""What is blown up → the file of about so many bytes."""


def ballast(chance: random.Random) -> bytes:
    """One of them, of a size that is drawn: most are small, some as large as a picture may be."""
    size = min(LARGEST - 4096, int(10 ** chance.uniform(2, 7.4)))
    return MAKERS[chance.choice(list(MAKERS))](size)
