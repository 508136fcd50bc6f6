"""What every store of uploads promises, and how its pictures are named."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import Protocol

from ..errors import ImagesUnreachable, NotFound, TooLarge

log = logging.getLogger(__name__)

OVERHEAD = 512
"""Bytes counted for an entry besides its picture, so that many tiny ones are bounded too."""


class ImageStore(Protocol):
    """Thread-safe. ``seconds`` count from the last use; when ``max_bytes`` (of all pictures together) run out, what was
    unused for longest goes first.

    An id is 128 random bits: it cannot be guessed, and whoever has it still needs the owner's key. All methods may
    block, and raise ImagesUnreachable when what they stand on does not answer.
    """

    @property
    def seconds(self) -> float: ...

    def put(self, data: bytes, owner: bytes) -> str:
        """A new id. Raises NotFound when uploads are off, TooLarge for a picture that the whole store could not hold,
        StorageFull.
        """

    def get(self, image_id: str, owner: bytes) -> bytes:
        """The picture, whose time begins anew. Raises ImageGone: unknown, expired, deleted and somebody else's look the
        same.
        """

    def delete(self, image_id: str, owner: bytes) -> None:
        """Raises ImageGone as ``get`` does."""


def unreachable(error: Exception) -> ImagesUnreachable:
    """What the caller reads; what the store said goes to the log alone."""
    log.warning("the store of uploads to /images does not answer: %s: %s", type(error).__name__, error)
    return ImagesUnreachable()


def new_id() -> str:
    return secrets.token_urlsafe(16)


def name_of(image_id: str, owner: bytes) -> str:
    """What a picture is stored under, 64 hexadecimal digits. Another owner's id names nothing, and who can list the
    store learns neither ids nor owners.
    """
    return hashlib.sha256(hashlib.sha256(owner).digest() + image_id.encode("utf-8", "surrogatepass")).hexdigest()


def weight_of(data: bytes, max_bytes: int) -> int:
    """Bytes that ``data`` counts for. Raises NotFound when uploads are off, TooLarge for what can never fit."""
    if max_bytes <= 0:
        raise NotFound("Uploads are switched off on this service.")
    if (weight := len(data) + OVERHEAD) > max_bytes:
        raise TooLarge
    return weight
