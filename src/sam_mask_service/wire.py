"""Words that all shells share for what goes over the wire."""

from __future__ import annotations

import re
from typing import Any

from .limits import WIRE

Json = dict[str, Any]
"""A JSON object."""
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)+", re.ASCII)


def prefix_of(text: str) -> str:
    """A path under which the service stands, without a slash at its end; empty for the root. Raises ValueError (the
    predicate of a sentence).

    >>> prefix_of("/tools/masks/"), prefix_of("/")
    ('/tools/masks', '')
    """
    path = text.removesuffix("/")
    if len(text) > WIRE.prefix:
        raise ValueError(f"is longer than {WIRE.prefix} characters")
    if path and not _PREFIX.fullmatch(path):
        raise ValueError("is no path like /masks, of letters, digits and . _ ~ - between its slashes")
    return path
