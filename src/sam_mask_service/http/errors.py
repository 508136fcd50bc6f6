"""The one place that renders errors: every refusal of this service leaves the house in this shape (RFC 9457, and the
seed's).
"""

from __future__ import annotations

import http
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ..errors import (
    BadRequest,
    Busy,
    Internal,
    InvalidParameter,
    KeyMissing,
    MethodNotAllowed,
    NotFound,
    ServiceError,
    TooLarge,
    UnsupportedMedia,
)
from .safe_headers import API_POLICY, SAFE_HEADERS

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:sam-mask-api:error:"
_NO_MEMORY = -4
_BY_STATUS: dict[int, type[ServiceError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
    422: InvalidParameter,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it goes over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def as_dict(error: ServiceError, request_id: str) -> dict[str, Any]:
    """The error's JSON, also for an NDJSON line of a batch."""
    return {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "success": False,
        "error": error.detail,
        "code": error.code,
        "request_id": request_id,
    }


def render(error: ServiceError, request_id: str, extra: Mapping[str, str] | None = None) -> Problem:
    """``error`` with its headers. ``Retry-After`` is jittered by up to its double, so that those who were turned away
    together do not come back together."""
    # Escaped to ASCII: lone surrogates, right-to-left marks and markup in an echoed word stay inert text.
    body = json.dumps(as_dict(error, request_id)).encode("ascii")
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **(extra or {})}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after + secrets.randbelow(error.retry_after + 1))
    if isinstance(error, KeyMissing):
        headers["WWW-Authenticate"] = 'Bearer realm="sam-mask-api"'
    return Problem(error.status, tuple(headers.items()), body)


def from_exception(error: BaseException) -> ServiceError:
    """Our error for anything raised. What is unknown becomes ``internal``: its text is for the log alone."""
    if isinstance(error, ServiceError):
        return error
    if is_lack_of_memory(error):
        return Busy("There is not enough memory just now; try again soon.")
    if isinstance(error, HTTPException):
        return _from_status(error.status_code)
    if isinstance(error, RequestValidationError):
        places = sorted({".".join(str(part) for part in row["loc"][1:]) for row in error.errors()} - {""})
        return InvalidParameter(f"Not valid: {', '.join(places)}." if places else None)
    return Internal()


def is_lack_of_memory(error: BaseException) -> bool:
    """Python's own, or OpenCV's (its error type has the module cv2, its code -4 is StsNoMem)."""
    return isinstance(error, MemoryError) or (
        type(error).__module__ == "cv2" and getattr(error, "code", 0) == _NO_MEMORY
    )


def _from_status(status: int) -> ServiceError:
    known = _BY_STATUS.get(status)
    return known() if known else (BadRequest() if 400 <= status < 500 else Internal())


def bare_response(error: ServiceError, request_id: str, extra: Mapping[str, str] | None = None) -> bytes:
    """A whole HTTP/1.1 response that closes the connection, for refusals below ASGI."""
    own = {"Connection": "close", "X-Request-ID": request_id, "Cache-Control": "no-store", **(extra or {})}
    safe = {name.decode(): value.decode() for name, value in (*SAFE_HEADERS, (b"content-security-policy", API_POLICY))}
    problem = render(error, request_id, {**safe, **own})
    reason = http.HTTPStatus(problem.status).phrase
    lines = [f"HTTP/1.1 {problem.status} {reason}", *(f"{name}: {value}" for name, value in problem.headers)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + problem.body
