"""Colour named by numbers (ITU-T H.273), as PNG's cICP and HEIF's nclx do, as an ICC profile that the colour engine
reads. Pure.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, tuple[tuple[float, float], ...]] = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x, y of red, green and blue (H.273, table 2): BT.2020 and Display P3. All others in use are sRGB's or near to it."""
_SRGB_LIKE = frozenset({1, 2, 6, 13, 14, 15})
"""Transfer characteristics that are shown as sRGB's (table 3). Not PQ and HLG, whose light goes beyond a screen's
white.
"""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""sRGB's transfer as an ICC parametric curve of type 3."""


def profile_of(primaries: int, transfer: int) -> bytes | None:
    """None for sRGB, for what is as near to it as makes no difference, and for what nobody knows."""
    if primaries not in _PRIMARIES or transfer not in _SRGB_LIKE:
        return None
    return _profile(_colorants(_PRIMARIES[primaries]))


def _colorants(primaries: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """(3, 3): XYZ of red, green and blue in the columns, white moved from D65 to the D50 of profiles."""
    tones = np.array([_xyz(*point) for point in primaries]).T
    white = np.array(_xyz(*_D65))
    scaled = tones * np.linalg.solve(tones, white)
    gain = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    out: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD @ scaled
    return out


def _xyz(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _profile(colorants: NDArray[np.float64]) -> bytes:
    """An ICC profile, version 4, of three colorants and one curve."""
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(*_CURVE)
    tags = {b"wtpt": _point(*_D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags |= {name: _point(*colorants[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    text = b"mluc\0\0\0\0\0\0\0\1\0\0\0\x0cenUS\0\0\0\2\0\0\0\x1c\0-\0\0"
    tags |= {b"desc": text, b"cprt": text}
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    size = struct.pack(">I", at + len(body))
    head = size + b"\0\0\0\0\x04\x30\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + _fixed(*_D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def _point(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(x, y, z)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65_536) for value in values))
