"""Every error of the tree as it goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cv2
import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from sam_mask_service import errors as tree
from sam_mask_service.errors import ServiceError
from sam_mask_service.http.errors import bare_response, from_exception, render


def every(kind: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every(child)


@pytest.mark.parametrize("kind", list(dict.fromkeys(every())), ids=lambda kind: str(kind)[8:-2])
def test_shape(kind: type[ServiceError]) -> None:
    error = kind.__new__(kind)
    ServiceError.__init__(error, "words <b> \ud800 \u202e é")
    problem = render(error, "id-1")
    body, headers = json.loads(problem.body), dict(problem.headers)
    assert set(body) == {"type", "title", "status", "detail", "success", "error", "code", "request_id"}
    assert body["success"] is False and body["error"] == body["detail"] and body["request_id"] == "id-1"
    assert body["status"] == problem.status == kind.status
    assert body["type"].endswith(body["code"])
    assert headers["Content-Type"] == "application/problem+json"
    assert int(headers["Content-Length"]) == len(problem.body)
    assert problem.body.isascii()
    assert ("Retry-After" in headers) == (kind.status in (429, 503))


def test_retry_after_lies_between_once_and_twice_what_was_meant() -> None:
    waits = {int(dict(render(tree.Busy(retry_after=3), "x").headers)["Retry-After"]) for _ in range(100)}
    assert waits <= {3, 4, 5, 6} and len(waits) > 1


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (tree.NoFace(), "no_face"),
        (HTTPException(404), "not_found"),
        (HTTPException(405), "method_not_allowed"),
        (HTTPException(400), "bad_request"),
        (HTTPException(418, "secret"), "bad_request"),
        (HTTPException(502, "secret"), "internal"),
        (RequestValidationError([{"loc": ("path", "image_id"), "msg": "secret", "type": "x"}]), "invalid_parameter"),
        (RequestValidationError([]), "invalid_parameter"),
        (RuntimeError("secret"), "internal"),
        (MemoryError("secret"), "busy"),
        (RecursionError("secret"), "internal"),
        (KeyError("secret"), "internal"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_anything_raised_becomes_one_of_ours_and_its_words_stay_inside(raised: Exception, code: str) -> None:
    error = from_exception(raised)
    assert error.code == code
    assert b"secret" not in render(error, "x").body


def test_response_below_asgi_is_whole_and_closes() -> None:
    head, _, body = bare_response(tree.Busy(), "id-1").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 503 Service Unavailable"
    assert b"Connection: close" in lines and b"X-Request-ID: id-1" in lines
    assert b"Content-Length: %d" % len(body) in lines


def _opencv_without_memory() -> Exception:
    error = cv2.error("no memory")
    error.code = -4
    return error


@pytest.mark.parametrize("error", [MemoryError(), _opencv_without_memory()], ids=["python", "opencv"])
def test_lack_of_memory_is_ours_and_passes(error: Exception) -> None:
    problem = from_exception(error)
    assert (problem.status, problem.code) == (503, "busy")
    assert from_exception(cv2.error("something else")).code == "internal"
