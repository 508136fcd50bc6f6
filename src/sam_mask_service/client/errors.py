"""What a call can raise: one class for each kind of refusal, all with the service's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class SamMaskError(Exception):
    """Base of everything that this client raises."""


class Unreachable(SamMaskError):
    """No answer: nothing listens, the connection broke, or the time limit passed."""


class ApiError(SamMaskError):
    """The service refused. ``code`` is one of its error codes, ``retry_after`` in seconds where it named a time."""

    def __init__(self, detail: str, code: str, status: int, request_id: str, retry_after: float | None = None) -> None:
        super().__init__(f"{detail} ({code})" if code else detail)
        self.detail, self.code, self.status, self.request_id = detail, code, status, request_id
        self.retry_after = retry_after


class AccessDenied(ApiError):
    """401, 403: the key is missing or wrong, or a path, host or origin is not allowed."""


class NotFound(ApiError):
    """404: no such file or image id."""


class ImageGone(NotFound):
    """The uploaded image was never there, has expired or was deleted: upload it again."""


class InvalidRequest(ApiError):
    """Other 4xx: the request or the picture is at fault."""


class NoFace(InvalidRequest):
    """No face was found in the picture."""


class TryLater(ApiError):
    """429 and 503, after the last try: busy, starting, draining or out of time."""


class ServerFault(ApiError):
    """Other 5xx: a fault of the service."""


_BY_CODE: dict[str, type[ApiError]] = {"no_face": NoFace, "image_not_found": ImageGone}
_BY_STATUS: dict[int, type[ApiError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    429: TryLater,
    503: TryLater,
}


def from_problem(problem: Any, status: int, retry_after: float | None = None) -> ApiError:
    """The error in the service's JSON ``problem``; one without words when it is not the service's (a proxy's page)."""
    body = problem if isinstance(problem, dict) else {}
    code = str(body.get("code", ""))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (InvalidRequest if status < 500 else ServerFault)
    detail = str(body.get("error") or body.get("detail") or f"The service answered {status}.")
    return kind(detail, code, status, str(body.get("request_id", "")), retry_after)


def from_response(response: httpx.Response) -> ApiError:
    """``response`` must have been read."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    return from_problem(problem, response.status_code, seconds(response.headers.get("retry-after")))


def seconds(text: str | None) -> float | None:
    """Retry-After in seconds; None for none, or for a date (the service sends numbers alone)."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


@contextmanager
def reachable() -> Iterator[None]:
    """Turns httpx's errors of the wire into ``Unreachable``."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(f"No answer from the service: {type(error).__name__}.") from error
