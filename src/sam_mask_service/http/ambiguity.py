"""Heads that a proxy before us could read in another way than we do: refused, whoever is right. Pure."""

from __future__ import annotations

import re
from collections import Counter

_LENGTH = re.compile(rb"[0-9]{1,18}\Z")


def ambiguity(url: bytes, headers: list[tuple[bytes, bytes]]) -> str | None:
    """Why a head could mean something else to a proxy before us (RFC 9112 sections 3.2 and 6.3), or None."""
    names = Counter(name for name, _ in headers)
    values = dict(headers)
    if not url.startswith(b"/"):
        return "The request target must be a path."
    if names[b"host"] != 1:
        return "Exactly one Host header is due."
    if names[b"content-length"] > 1 or names[b"transfer-encoding"] > 1:
        return "The length of the body is ambiguous."
    if b"transfer-encoding" in values:
        if b"content-length" in values or values[b"transfer-encoding"].strip().lower() != b"chunked":
            return "The length of the body is ambiguous."
    elif b"content-length" in values and not _LENGTH.match(values[b"content-length"]):
        return "Content-Length is not a number."
    return None
