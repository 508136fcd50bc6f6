"""Requests as values, and how their answers are read: what the blocking and the async client share."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from . import errors
from .results import Face, Json, Line, Mask, Picture, Upload, faces_of, mask_of, picture_of, upload_of

T = TypeVar("T")
Image = bytes | str | Path
"""A picture: its bytes, a file, or a URL that the service is to fetch (a str that begins with http:// or https://)."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reader of its JSON answer."""

    method: str
    path: str
    read: Callable[[Json], T]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a busy service is asked again. ``longest`` bounds a single wait in seconds."""

    tries: int = 5
    longest: float = 30.0

    def wait(self, tried: int, error: errors.ApiError) -> float | None:
        """Seconds until the next try, or None to give up. Retry-After counts; without it the wait doubles each time."""
        if error.status != 503 or tried >= self.tries:
            return None
        asked = error.retry_after if error.retry_after is not None else 0.5 * 2.0 ** (tried - 1)
        return min(self.longest, asked * random.uniform(1.0, 1.25))  # noqa: S311 - spreads clients, guards nothing


PATIENT = Patience()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``except`` is a word of the language: a name may end in an underscore here."""
    return {name.rstrip("_"): value for name, value in parameters.items() if value is not None}


def is_url(image: Image) -> bool:
    return isinstance(image, str) and image.lower().startswith(("http://", "https://"))


def content(image: Image) -> bytes:
    """The bytes of a picture or of a local file."""
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def _options(image: Image, parameters: Mapping[str, Any], **files: Image | None) -> dict[str, Any]:
    """A URL goes as JSON, everything else as a form with the picture's bytes."""
    given = _given(parameters)
    parts = {name: ("file", content(data)) for name, data in files.items() if data is not None}
    if is_url(image) and not parts:
        return {"json": {"image_url": image, **given}}
    source = {"image_url": str(image)} if is_url(image) else {}
    if not source:
        parts["image"] = ("file", content(image))
    return {"files": parts, "data": {**source, **{name: _text(value) for name, value in given.items()}}}


def ask(path: str, image: Image, files: Mapping[str, Image], parameters: Mapping[str, Any]) -> Call[Json]:
    return Call("POST", path, lambda body: body, _options(image, parameters, **files))


def mask(image: Image, parameters: Mapping[str, Any]) -> Call[Mask]:
    return Call("POST", "/create_mask", mask_of, _options(image, parameters))


def detect(image: Image, parameters: Mapping[str, Any]) -> Call[tuple[Face, ...]]:
    return Call("POST", "/detect_faces", lambda body: faces_of(body["faces"]), _options(image, parameters))


def anonymize(image: Image, parameters: Mapping[str, Any]) -> Call[Picture]:
    return Call("POST", "/anonymize", picture_of, _options(image, parameters))


def cutout(image: Image, background_image: Image | None, parameters: Mapping[str, Any]) -> Call[Picture]:
    return Call("POST", "/cutout", picture_of, _options(image, parameters, background_image=background_image))


def composite(original: Image | Upload, edited: Image, mask: Image, parameters: Mapping[str, Any]) -> Call[Picture]:
    parts = {"edited": ("file", content(edited)), "mask": ("file", content(mask))}
    data = {name: _text(value) for name, value in _given(parameters).items()}
    if isinstance(original, Upload):
        data["image_id"] = original.image_id
    else:
        parts["original"] = ("file", content(original))
    return Call("POST", "/composite", picture_of, {"files": parts, "data": data})


def upload(image: Image, parameters: Mapping[str, Any]) -> Call[Upload]:
    return Call("POST", "/images", upload_of, _options(image, parameters))


def _path(image: Upload | str) -> str:
    return "/images/" + quote(image.image_id if isinstance(image, Upload) else image, safe="")


def image_masks(image: Upload | str, parameters: Mapping[str, Any]) -> Call[Mask]:
    return Call("POST", _path(image) + "/masks", mask_of, {"json": _given(parameters)})


def forget(image: Upload | str) -> Call[None]:
    return Call("DELETE", _path(image), lambda _: None)


def health() -> Call[Json]:
    return Call("GET", "/health", lambda body: body)


def many(images: Iterable[Image], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``httpx`` options of ``/create_masks``. URLs and files cannot be mixed in one request."""
    listed = list(images)
    given = _given(parameters)
    if all(is_url(image) for image in listed):
        return {"json": {"images": [{"image_url": image} for image in listed], **given}}
    if any(is_url(image) for image in listed):
        raise ValueError("either URLs or files in one request, not both")
    files = [("image", ("file", content(image))) for image in listed]
    return {"files": files, "data": {name: _text(value) for name, value in given.items()}}


def line(text: str) -> Line:
    """One line of NDJSON."""
    body = json.loads(text)
    good = body["success"] is True
    error = None if good else errors.from_problem(body, int(body["status"]))
    return Line(int(body["index"]), body.get("id"), mask_of(body) if good else None, error)
