"""Many pictures in one request: what is asked, and the lines of the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidParameter, ServiceError
from ..limits import BodyLimits
from ..many import Item
from ..params import Source
from ..tasks import Answer
from ..wire import Json
from .answers import answer_bytes, json_bytes
from .errors import as_dict
from .request import Incoming, check_size, one_source

MOST_PICTURES = 100
MOST_UPLOADS = 32
_WHOLE = 4
"""The whole body may be as long as that many of the largest pictures, and half of the memory for bodies."""
_LONGEST_ID = 200
_SOURCES = ("image_url", "image_base64", "image_path")


@dataclass(frozen=True, slots=True)
class BatchLimits(BodyLimits):
    """More parts than one picture needs, and a length that does not grow with them."""

    def whole(self, kind: str) -> int:
        return self.picture if kind == "raw" else min(self.in_flight // 2, _WHOLE * (self.encoded + self.envelope))


def batch_limits(limits: BodyLimits) -> BatchLimits:
    """The operator's limits for a body of many pictures."""
    values = {name: getattr(limits, name) for name in BodyLimits.__dataclass_fields__}
    return replace(BatchLimits(**values), files=MOST_UPLOADS)


def items_of(incoming: Incoming, limits: BodyLimits) -> tuple[list[Item], Json]:
    """The pictures of a request for many, and the parameters that they share."""
    values = dict(incoming.values)
    listed = values.pop("images", None)
    if incoming.files and listed is None:
        items = [
            Item(checked(Source("bytes", data), limits), number) for number, (_, data) in enumerate(incoming.files)
        ]
    elif isinstance(listed, list) and listed and not incoming.files:
        items = [item_of(entry, limits) for entry in listed]
    else:
        raise InvalidParameter("images: a list of pictures, or several multipart files image, is due.")
    if len(items) > MOST_PICTURES:
        raise InvalidParameter(f"images: at most {MOST_PICTURES} in one request.")
    return items, values


def checked(source: Source, limits: BodyLimits) -> Source | ServiceError:
    try:
        check_size(source, limits)
    except ServiceError as error:
        return error
    return source


def item_of(entry: Any, limits: BodyLimits) -> Item:
    """One entry of the list; what is wrong with it becomes its own line."""
    if not isinstance(entry, dict):
        return Item(InvalidParameter("images: each is an object with one source and perhaps an id."))
    name = entry.get("id")
    if not _is_id(name):
        return Item(InvalidParameter("id: a short text or a whole number."))
    rest = {k: v for k, v in entry.items() if k != "id"}
    foreign = sorted(set(rest) - set(_SOURCES))
    if foreign:
        return Item(
            InvalidParameter(f"An image takes {', '.join(_SOURCES)} and id; parameters go beside images."), name
        )
    try:
        source, _ = one_source(Incoming((), rest, False))
    except ServiceError as error:
        return Item(error, name)
    return Item(checked(source, limits), name)


def _is_id(name: Any) -> bool:
    """Half of a surrogate pair is no text: it could not be written into the answer."""
    if isinstance(name, str):
        return len(name) <= _LONGEST_ID and not any("\ud800" <= sign <= "\udfff" for sign in name)
    return name is None or (type(name) is int and abs(name) < 2**63)


async def line(outcome: Answer | ServiceError, index: int, item: Item, request_id: str) -> bytes:
    """What became of one picture, with its place in the list and the caller's own id."""
    own: Json = {"index": index, **({} if item.name is None else {"id": item.name})}
    if isinstance(outcome, ServiceError):
        return json_bytes({**own, **as_dict(outcome, request_id)}) + b"\n"
    return await answer_bytes(outcome, **own) + b"\n"
