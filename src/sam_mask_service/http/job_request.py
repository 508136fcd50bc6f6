"""``POST /jobs``: what is asked, as it comes in JSON or as a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter, ServiceError
from ..limits import BodyLimits
from ..many import Item
from ..params import Source, parse
from ..tasks import Task
from ..wire import Json
from .batch import checked, item_of
from .json_body import parse_json
from .request import Incoming

MOST_PICTURES = 1000
FIELDS = ("endpoint", "parameters", "images", "webhook")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """``values``: the parameters as sent, which the endpoint takes. ``webhook``: empty for none."""

    endpoint: str
    values: Json
    items: list[Item]
    webhook: str


def job_of(incoming: Incoming, endpoints: Mapping[str, Task], limits: BodyLimits, owner: bytes) -> JobRequest:
    """Raises InvalidParameter. What is wrong with one picture becomes its own line."""
    sent = incoming.values
    if foreign := sorted(set(sent) - set(FIELDS)):
        raise InvalidParameter(
            f"A job takes {', '.join(FIELDS)}; parameters go into parameters, not {foreign[0][:60]}."
        )
    task = _task(sent.get("endpoint"), endpoints)
    values = _values(sent.get("parameters"), incoming.textual, limits)
    params = parse(task.params, values)
    if getattr(params, "output", None) not in (None, "base64"):
        raise InvalidParameter("output: a job's lines hold base64, not the bare picture.")
    items = _items(incoming, limits, owner)
    return JobRequest(task.path.removeprefix("/"), values, items, _webhook(sent.get("webhook")))


def _task(name: Any, endpoints: Mapping[str, Task]) -> Task:
    if not isinstance(name, str) or (task := endpoints.get(name.removeprefix("/"))) is None:
        raise InvalidParameter(f"endpoint: one of {', '.join(endpoints)}.")
    return task


def _values(parameters: Any, textual: bool, limits: BodyLimits) -> Json:
    """A form holds them as the text of a JSON object."""
    if textual and isinstance(parameters, str):
        parameters = parse_json(parameters.encode("utf-8", "replace"), limits.fields)
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidParameter("parameters: a JSON object is due.")
    return dict(parameters or {})


def _webhook(url: Any) -> str:
    if url is not None and (not isinstance(url, str) or not url):
        raise InvalidParameter("webhook: a URL is due.")
    return url or ""


def _items(incoming: Incoming, limits: BodyLimits, owner: bytes) -> list[Item]:
    listed = incoming.values.get("images")
    if incoming.files and listed is None:
        return [Item(checked(Source("bytes", data), limits)) for _, data in incoming.files]
    if not isinstance(listed, list) or not listed or incoming.files:
        raise InvalidParameter("images: a list of pictures, or several multipart files image, is due.")
    if len(listed) > MOST_PICTURES:
        raise InvalidParameter(f"images: at most {MOST_PICTURES} in one job.")
    return [_whole(_one(entry, limits, owner)) for entry in listed]


def _one(entry: Any, limits: BodyLimits, owner: bytes) -> Item:
    """As ``/create_masks`` takes it, or the id of an upload."""
    if not isinstance(entry, dict) or "image_id" not in entry:
        return item_of(entry, limits)
    rest = {name: value for name, value in entry.items() if name != "image_id"}
    named = item_of({**rest, "image_path": "-"}, limits)
    if isinstance(named.source, ServiceError):
        return named
    kept = entry["image_id"]
    if not isinstance(kept, str) or not kept:
        return Item(InvalidParameter("image_id: must be text that is not empty."), named.name)
    return Item(Source("kept", kept, owner), named.name)


def _whole(item: Item) -> Item:
    """Half of a surrogate pair is no text: it could not be kept."""
    if isinstance(item.source, Source) and isinstance(item.source.value, str):
        try:
            item.source.value.encode()
        except UnicodeEncodeError:
            return Item(InvalidParameter("A picture's text holds characters that are none."), item.name)
    return item
