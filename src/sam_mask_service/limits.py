"""Every limit that a request meets, with its unit: one table. Settings may change the values, nothing else holds
numbers.

The starting values come from measurements of what real pictures need and from what services of this kind hold up with;
``docs/security.md`` argues for each.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a request's body may be. Bytes unless said otherwise."""

    picture: int = 20 * MIB
    """One picture, as it arrives (also for the file behind a URL or a path)."""
    envelope: int = MIB // 4
    """What JSON or multipart may add around the picture."""
    field: int = 16 * 1024
    """One text field of a multipart form (``image_base64`` may be as long as a picture)."""
    fields: int = 40
    """Text fields of a form, or keys of a JSON object (a count)."""
    files: int = 1
    """File parts of a form (a count)."""
    part_header: int = 4096
    part_headers: int = 8
    """Header lines of one part (a count)."""
    boundary: int = 70
    """RFC 2046 section 5.1.1 allows no more characters."""
    seconds: float = 15.0
    """Time for a body to arrive, extended by one second for each ``rate`` bytes that did arrive."""
    rate: int = MIB // 4
    """Bytes a second below which a long upload counts as a slow attack."""
    in_flight: int = 256 * MIB
    """All bodies being read or worked on in this process together."""

    @property
    def encoded(self) -> int:
        """Characters that base64 makes of the largest picture, with room for line breaks and a ``data:`` prefix."""
        return -(-self.picture // 3) * 4 + self.picture // 32 + 256

    def whole(self, kind: str) -> int:
        """Bytes of a whole body: of ``raw``, ``json`` or ``multipart``."""
        extra = {"raw": 0, "multipart": self.envelope + self.encoded - self.picture, "json": self.envelope}[kind]
        base = self.encoded if kind == "json" else self.picture * max(1, self.files if kind == "multipart" else 1)
        return base + extra


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a connection may do before and after the request that it carries."""

    head_seconds: float = 10.0
    """From the first byte of a request head to its last."""
    idle_seconds: float = 5.0
    """A kept connection without a request."""
    write_seconds: float = 20.0
    """A client that takes nothing of its answer."""
    head_bytes: int = 32 * 1024
    headers: int = 64
    target_bytes: int = 8192
    prefix: int = 200
    """Characters of the path that a service stands under."""
    connections: int = 512
    """Open connections of one process."""
    connections_per_client: int = 64
    """Open connections from one address."""
    linger_seconds: float = 0.5
    """At the end of a process, what a client that is still sending gets to come to its end."""
    backlog: int = 256
    """Connections that wait to be accepted, and are accepted in one turn: so many may be open above the limit for a
    moment.
    """
    pipelined: int = 16
    """Requests sent ahead of their answers on one connection."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What fetching a caller's URL may cost."""

    seconds: float = 5.0
    """Resolving, connecting, all redirects and the whole body together."""
    redirects: int = 3
    headers: int = 100
    url_characters: int = 4096
    addresses: int = 32
    """Answers that a name may have; more is no picture host."""
    dials: int = 2
    """Addresses of one name that are tried."""


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What a picture's file may hold besides its pixels. Counts are of the picture's own parts: what stands behind its
    end is no part of it. Bytes unless said otherwise."""

    orientation: int = 64 * 1024
    """Of EXIF, and of XMP, what is searched for the orientation; the rest is passed over."""
    profile: int = 4 * MIB
    """A colour profile, unpacked. Printers' largest have 2.6 MB; a longer one is passed over."""
    segments: int = 4096
    """JPEG: segments, metadata with them (a count). 320 full ones fill 20 MiB."""
    tables: int = 256 * 1024
    """JPEG: all Huffman and quantiser tables. Each scan may have its own, 1 kB at most."""
    scans: int = 100
    """JPEG: passes over the picture (a count). Ordinary encoders make about ten."""
    scans_of_any: int = 24
    """JPEG: passes over a picture of any size; more only while pixels times scans are at most ``scanned``."""
    scanned: int = 1_200_000_000
    chunks: int = 65_536
    """PNG, WebP: chunks (a count). 20 MiB in the usual chunks of 8 kB are 2,560."""
    blocks: int = 131_072
    """GIF: blocks and their sub-blocks of 255 bytes (a count); 20 MiB are 82,000."""
    boxes: int = 4096
    """HEIF and AVIF: boxes, items or properties (a count each)."""
    units: int = 65_536
    """HEIF and AVIF: coded units of all tiles together (a count)."""
    tags: int = 512
    """TIFF: entries of its first directory (a count)."""
    strips: int = 65_536
    """TIFF: strips or tiles (a count)."""
    reserve: int = 768 * MIB
    """What the pictures that are being decoded may take together; a further one waits."""


BODY = BodyLimits()
WIRE = WireLimits()
FETCH = FetchLimits()
PICTURE = PictureLimits()
