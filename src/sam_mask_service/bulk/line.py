"""What there is to do, as values that travel between processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from .kinds import PICTURE, Kind

SHARD = 1000
"""Lines of a shard."""
Way = Literal["file", "url", "store", "zip", "tar"]


class Address(NamedTuple):
    """By which any process reads a picture's bytes. ``where``: a path, a URL or an fsspec address; of a picture in an
    archive, the archive's path, and ``inner`` its member (zip) or offset and length (tar)."""

    way: Way
    where: str
    inner: str = ""


class Found(NamedTuple):
    """One thing that INPUT holds. ``name``: below INPUT, with ``/``. ``what``: as ``tree.What`` has it. ``stamp``:
    changes when the bytes do; empty where nothing tells."""

    name: str
    address: Address
    what: str = "file"
    stamp: str = ""


class Line(NamedTuple):
    """One thing to deal with. ``number``: its place in the run. ``target``: what its result is called in OUTPUT, with
    ``/``; None where it is not worked on. ``earlier``: its row of an earlier run, ``first``: that of an
    equal picture in this run; both as JSON."""

    number: int
    name: str
    address: Address
    target: str | None
    kind: Kind = PICTURE
    container: str | None = None
    stamp: str = ""
    earlier: bytes | None = None
    first: bytes | None = None


Shard = Sequence[Line]
"""At most ``SHARD`` lines: what is handed out, and of which the rows are kept, together."""
