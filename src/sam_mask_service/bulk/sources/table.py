"""The kinds of INPUT, in the order in which they are tried."""

from __future__ import annotations

from ..errors import BadInput
from . import Opener, Options, Source
from .archive import archive
from .folder import folder, pattern
from .listed import listed
from .store import store


def _nothing(text: str, _: Options) -> Source:
    raise BadInput(f"{text} is not a folder, a pattern, an archive, a list of pictures or an address of a store.")


OPENERS: tuple[Opener, ...] = (store, folder, archive, listed, pattern, _nothing)
