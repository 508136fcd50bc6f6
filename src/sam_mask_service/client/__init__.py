"""The service from Python: ``Client`` blocks, ``AsyncClient`` does not; both are httpx underneath and take the same
words.

>>> with Client("http://localhost:8739") as client:  # doctest: +SKIP
...     Path("mask.png").write_bytes(client.mask("photo.jpg", mode="combined", invert=False).mask)

Parameters have the names of the API. A busy service is asked again after the time that it names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import httpx

from . import calls, errors
from .calls import Call, Image, Patience
from .errors import (
    AccessDenied,
    ApiError,
    ImageGone,
    InvalidRequest,
    NoFace,
    NotFound,
    SamMaskError,
    ServerFault,
    TryLater,
    Unreachable,
)
from .results import Box, Face, FacePicture, Json, Line, Mask, Picture, Upload, Warned

T = TypeVar("T")
DEFAULT_URL = "http://localhost:8739"
NO_FILES: Mapping[str, Image] = MappingProxyType({})


def _settings(url: str, api_key: str | None, timeout: float, transport: Any) -> dict[str, Any]:
    headers = {"Accept": calls.JSON, **({"X-API-Key": api_key} if api_key else {})}
    return {"base_url": url, "headers": headers, "timeout": timeout, "transport": transport}


class Client:
    """Blocking. ``timeout`` in seconds for each try; ``patience`` for a busy service. Close it, or use it in a
    ``with``.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 90.0,
        patience: Patience = calls.PATIENT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.patience = patience
        self._http = httpx.Client(**_settings(url, api_key, timeout, transport))

    def mask(self, image: Image, **parameters: Any) -> Mask:
        """``POST /create_mask``. ``image``: bytes, a file, or a URL."""
        return self._send(calls.mask(image, parameters))

    def masks(self, images: Iterable[Image], **parameters: Any) -> Iterator[Line]:
        """``POST /create_masks``: a line for each picture as it gets done, in their order."""
        options = calls.many(images, parameters)
        with errors.reachable(), self._http.stream("POST", "/create_masks", **options) as response:
            if response.is_error:
                response.read()
                raise errors.from_response(response)
            for text in response.iter_lines():
                yield calls.line(text)

    def detect(self, image: Image, **parameters: Any) -> tuple[Face, ...]:
        """``POST /detect_faces``."""
        return self._send(calls.detect(image, parameters))

    def anonymize(self, image: Image, **parameters: Any) -> Picture:
        """``POST /anonymize``; the faces to keep are ``except_``, places to hide in any case ``boxes``."""
        return self._send(calls.anonymize(image, parameters))

    def cutout(self, image: Image, *, background_image: Image | None = None, **parameters: Any) -> Picture:
        """``POST /cutout``."""
        return self._send(calls.cutout(image, background_image, parameters))

    def composite(self, original: Image | Upload, edited: Image, mask: Image, **parameters: Any) -> Picture:
        """``POST /composite``."""
        return self._send(calls.composite(original, edited, mask, parameters))

    def upload(self, image: Image, **parameters: Any) -> Upload:
        """``POST /images``: upload once, then ask ``image_masks`` again and again."""
        return self._send(calls.upload(image, parameters))

    def image_masks(self, image: Upload | str, **parameters: Any) -> Mask:
        """``POST /images/{id}/masks``: also takes ``points`` and ``box``."""
        return self._send(calls.image_masks(image, parameters))

    def forget(self, image: Upload | str) -> None:
        """``DELETE /images/{id}``."""
        self._send(calls.forget(image))

    def ask(self, path: str, image: Image, *, files: Mapping[str, Image] = NO_FILES, **parameters: Any) -> Json:
        """``POST`` to any endpoint that takes a picture, with further ``files`` by field: its JSON as it came."""
        return self._send(calls.ask(path, image, files, parameters))

    def health(self) -> Json:
        """``GET /health``."""
        return self._send(calls.health())

    def _send(self, call: Call[T]) -> T:
        tried = 0
        while True:
            tried += 1
            with errors.reachable():
                response = self._http.request(call.method, call.path, **call.options)
            if response.is_success:
                return call.read(response.json() if response.content else {})
            error = errors.from_response(response)
            wait = self.patience.wait(tried, error)
            if wait is None:
                raise error
            time.sleep(wait)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """As ``Client``, to be awaited; ``masks`` is iterated with ``async for``."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 90.0,
        patience: Patience = calls.PATIENT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.patience = patience
        self._http = httpx.AsyncClient(**_settings(url, api_key, timeout, transport))

    async def mask(self, image: Image, **parameters: Any) -> Mask:
        return await self._send(calls.mask(image, parameters))

    async def masks(self, images: Iterable[Image], **parameters: Any) -> AsyncIterator[Line]:
        options = calls.many(images, parameters)
        with errors.reachable():
            async with self._http.stream("POST", "/create_masks", **options) as response:
                if response.is_error:
                    await response.aread()
                    raise errors.from_response(response)
                async for text in response.aiter_lines():
                    yield calls.line(text)

    async def detect(self, image: Image, **parameters: Any) -> tuple[Face, ...]:
        return await self._send(calls.detect(image, parameters))

    async def anonymize(self, image: Image, **parameters: Any) -> Picture:
        return await self._send(calls.anonymize(image, parameters))

    async def cutout(self, image: Image, *, background_image: Image | None = None, **parameters: Any) -> Picture:
        return await self._send(calls.cutout(image, background_image, parameters))

    async def composite(self, original: Image | Upload, edited: Image, mask: Image, **parameters: Any) -> Picture:
        return await self._send(calls.composite(original, edited, mask, parameters))

    async def upload(self, image: Image, **parameters: Any) -> Upload:
        return await self._send(calls.upload(image, parameters))

    async def image_masks(self, image: Upload | str, **parameters: Any) -> Mask:
        return await self._send(calls.image_masks(image, parameters))

    async def forget(self, image: Upload | str) -> None:
        await self._send(calls.forget(image))

    async def ask(self, path: str, image: Image, *, files: Mapping[str, Image] = NO_FILES, **parameters: Any) -> Json:
        return await self._send(calls.ask(path, image, files, parameters))

    async def health(self) -> Json:
        return await self._send(calls.health())

    async def _send(self, call: Call[T]) -> T:
        tried = 0
        while True:
            tried += 1
            with errors.reachable():
                response = await self._http.request(call.method, call.path, **call.options)
            if response.is_success:
                return call.read(response.json() if response.content else {})
            error = errors.from_response(response)
            wait = self.patience.wait(tried, error)
            if wait is None:
                raise error
            await asyncio.sleep(wait)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


__all__ = [
    "AccessDenied",
    "ApiError",
    "AsyncClient",
    "Box",
    "Client",
    "Face",
    "FacePicture",
    "Image",
    "ImageGone",
    "InvalidRequest",
    "Line",
    "Mask",
    "NoFace",
    "NotFound",
    "Patience",
    "Picture",
    "SamMaskError",
    "ServerFault",
    "TryLater",
    "Unreachable",
    "Upload",
    "Warned",
]
