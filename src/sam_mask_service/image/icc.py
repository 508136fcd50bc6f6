"""An ICC profile (ICC.1:2022) judged by its numbers, never by its name. Pure."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_TAGS = 100
"""Entries of a profile's tag table that are looked at; profiles have ten to thirty."""
_SRGB = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
"""XYZ of sRGB's red, green and blue in the rows, white at D50."""
_NEAR = 0.002
"""Colorants that differ by less are the same ones, rounded."""
_SAME_LIGHT = 0.004
"""So are curves: less than one level of 255 in the middle."""
_GREYS = np.linspace(0, 1, 33)
_PARAMETERS = (1, 3, 4, 5, 7)
"""How many numbers the parametric curves of types 0 to 4 have (section 10.18)."""


def space(profile: bytes) -> str:
    """``RGB``, ``GRAY``, ``CMYK`` or another of the standard's names of colour spaces."""
    return profile[16:20].decode("latin-1").strip()


def is_srgb(profile: bytes) -> bool:
    """Whether its colorants and curves are sRGB's, whatever it calls itself. A profile with tables is not judged:
    False.
    """
    tags = _tags(profile)
    if space(profile) != "RGB" or b"A2B0" in tags:
        return False
    colorants = np.array([_point(tags.get(name, b"")) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    curves = [_light(tags.get(name, b"")) for name in (b"rTRC", b"gTRC", b"bTRC")]
    near = np.abs(colorants - _SRGB).max() < _NEAR
    return bool(near) and all(c is not None and np.abs(c - _SRGB_LIGHT).max() < _SAME_LIGHT for c in curves)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    count = min(int.from_bytes(profile[128:132], "big"), _TAGS, max(0, len(profile) - 132) // 12)
    rows = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count))
    return {name: profile[at : at + size] for name, at, size in rows}


def _point(tag: bytes) -> tuple[float, float, float]:
    if len(tag) < 20 or tag[:4] != b"XYZ ":
        return (0.0, 0.0, 0.0)
    x, y, z = struct.unpack_from(">3i", tag, 8)
    return x / 65_536, y / 65_536, z / 65_536


def _light(tag: bytes) -> NDArray[np.float64] | None:
    """The light of 33 even steps from black to white, 0…1; None for a curve that cannot be read."""
    if tag[:4] == b"curv" and len(tag) >= 12:
        return _sampled(tag)
    if tag[:4] == b"para" and len(tag) >= 12:
        return _parametric(tag)
    return None


def _sampled(tag: bytes) -> NDArray[np.float64] | None:
    """Curve of no entry (linear), one (a gamma) or many (a table)."""
    count = int.from_bytes(tag[8:12], "big")
    values = np.frombuffer(tag[12 : 12 + 2 * count][: (len(tag) - 12) // 2 * 2], ">u2").astype(np.float64)
    if len(values) < count:
        return None
    if count < 2:
        return np.asarray(_GREYS ** (values[0] / 256 if count else 1.0))
    return np.asarray(np.interp(_GREYS, np.linspace(0, 1, count), values / 65_535))


def _parametric(tag: bytes) -> NDArray[np.float64] | None:
    kind = int.from_bytes(tag[8:10], "big")
    if kind >= len(_PARAMETERS) or len(tag) < 12 + 4 * _PARAMETERS[kind]:
        return None
    g, *rest = (v / 65_536 for v in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12))
    a, b, c, d, e, f = _shape(kind, rest)
    above = np.maximum(a * _GREYS + b, 0) ** min(max(g, 0.0), 10.0) + e
    return np.asarray(np.where(d <= _GREYS, above, c * _GREYS + f))


def _shape(kind: int, p: list[float]) -> tuple[float, ...]:
    """a, b, c, d, e, f of table 68: (a·x + b)^g + e from d on, c·x + f below."""
    if kind in (1, 2):
        lift = p[2] if kind == 2 else 0.0
        return p[0], p[1], 0.0, -p[1] / (p[0] or 1.0), lift, lift
    return tuple(p) if kind == 4 else (*p, 0.0, 0.0) if kind == 3 else (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


_SRGB_LIGHT = np.where(_GREYS > 0.04045, ((_GREYS + 0.055) / 1.055) ** 2.4, _GREYS / 12.92)
