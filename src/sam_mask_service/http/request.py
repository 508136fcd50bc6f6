"""A request's body as a picture and parameters, whichever way they come in: JSON, multipart, or the picture itself."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from ..errors import BadRequest, InvalidParameter, TooLarge, UnsupportedMedia
from ..limits import BODY, BodyLimits
from ..params import SOURCES, Source
from .body import check_declared_length, chunks
from .json_body import parse_json
from .multipart import parse_form
from .reserve import Share

Kind = Literal["raw", "json", "multipart", "empty"]
_SHORT = 256 * 1024
"""Bytes of a body that is parsed on the event loop itself; a longer one would hold up all other connections."""
_LONGEST_TYPE = 256
"""Characters of Content-Type. The parser's time grows with their square."""
_UNKNOWN = "Send application/json, multipart/form-data, or the picture itself as image/jpeg, image/png or image/webp."


@dataclass(frozen=True, slots=True)
class Incoming:
    """``files``: pictures that came as bytes, as (field name, bytes). ``values``: the parameters as sent; all of them
    are strings when ``textual``."""

    files: tuple[tuple[str, bytes], ...]
    values: dict[str, Any]
    textual: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What an endpoint takes."""

    limits: BodyLimits = BODY
    file_fields: Collection[str] = ("image",)
    long_fields: Collection[str] = ("image_base64",)


def limits_of(max_bytes: int, seconds: float, files: int = 1) -> BodyLimits:
    """The table of limits with the operator's values."""
    return replace(BODY, picture=max_bytes, seconds=seconds, files=files, in_flight=max(BODY.in_flight, 4 * max_bytes))


async def read(request: Request, rules: Rules, share: Share) -> Incoming:
    """Reads and parses the body. Raises the errors of ``errors.py``; nothing is read of a body that is refused by its
    head.
    """
    headers = request.headers
    kind, options = _kind(headers.getlist("content-type"), headers)
    most = rules.limits.whole("raw" if kind == "empty" else kind)
    check_declared_length(headers.get("content-length"), most)
    query = _query(request.url.query, rules.limits)
    if query and kind != "raw":
        raise InvalidParameter(
            "Parameters in the query go with the picture itself as the body; here they go in the body."
        )
    pieces = await chunks(request.receive, rules.limits, most, share)
    if sum(map(len, pieces)) < _SHORT:
        return _parse(kind, pieces, options.get("boundary", ""), query, rules)
    return await asyncio.to_thread(_parse, kind, pieces, options.get("boundary", ""), query, rules)


def _parse(kind: Kind, pieces: list[bytes], boundary: str, query: dict[str, str], rules: Rules) -> Incoming:
    if kind == "json":
        return Incoming((), parse_json(b"".join(pieces), rules.limits.fields), False)
    if kind == "multipart":
        form = parse_form(pieces, boundary, rules.limits, rules.file_fields, rules.long_fields)
        return Incoming(form.files, dict(form.fields), True)
    if kind == "raw":
        return Incoming((("image", b"".join(pieces)),), query, True)
    if pieces:
        raise UnsupportedMedia(_UNKNOWN)
    return Incoming((), {}, False)


def _kind(types: list[str], headers: Mapping[str, str]) -> tuple[Kind, dict[str, str]]:
    """What the head says of the body. Raises UnsupportedMedia for anything that is not read here."""
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedMedia("No Content-Encoding; send the body as it is.")
    if len(types) > 1:
        raise BadRequest("Content-Type stands twice.")
    if not types or not types[0].strip():
        return "empty", {}
    if len(types[0]) > _LONGEST_TYPE:
        raise BadRequest("Content-Type is too long.")
    raw, encoded = parse_options_header(types[0])
    media = raw.decode("latin-1").lower()
    options = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in encoded.items()}
    if media == "application/json" or (media.startswith("application/") and media.endswith("+json")):
        if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMedia("JSON is read as UTF-8 only.")
        return "json", options
    if media == "multipart/form-data":
        return "multipart", options
    if media.startswith("image/") or media == "application/octet-stream":
        return "raw", options
    raise UnsupportedMedia(_UNKNOWN)


def _query(text: str, limits: BodyLimits) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=limits.fields, errors="strict")
    except ValueError:
        raise InvalidParameter("The query is not valid.") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise InvalidParameter("A parameter stands twice in the query.")
    return values


def one_source(incoming: Incoming) -> tuple[Source, dict[str, Any]]:
    """The one picture of a request, and the parameters without it. Raises InvalidParameter that names what there is."""
    values = dict(incoming.values)
    given: dict[str, Source] = {name: Source("bytes", data) for name, data in incoming.files}
    for name, kind in (("image_url", "url"), ("image_base64", "base64"), ("image_path", "path")):
        value = values.pop(name, None)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            raise InvalidParameter(f"{name}: must be text that is not empty.")
        given[name] = Source(kind, value)  # type: ignore[arg-type]
    if not given:
        raise InvalidParameter(f"A picture is missing: send exactly one of {', '.join(SOURCES)}.")
    if len(given) > 1:
        raise InvalidParameter(f"Exactly one picture, but there are: {', '.join(sorted(given))}.")
    return next(iter(given.values())), values


def check_size(source: Source, limits: BodyLimits) -> None:
    """Raises TooLarge for a picture that came in the body and is over the limit, before it is decoded."""
    if source.kind == "bytes" and len(source.value) > limits.picture:
        raise TooLarge
    if source.kind == "base64" and len(source.value) > limits.encoded:
        raise TooLarge
