"""Pictures from callers' URLs. Each redirect is a new URL that passes the whole guard again (``dial``)."""

from __future__ import annotations

from urllib.parse import urljoin

import anyio
import httpcore

from ..errors import ImageUnreadable, InvalidParameter, SourceTimeout, TooLarge, UnsupportedMedia
from ..image import sniff
from ..limits import BODY, FETCH
from .dial import Line
from .netguard import Destination, FetchFailed, check_url
from .paced import Pace
from .refusals import told

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_A_PICTURE = ("text/", "application/json", "application/xml", "application/xhtml", "image/svg")
_HEADERS = (
    (b"User-Agent", b"sam-mask-api"),
    (b"Accept", b"image/*"),
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
)


class Fetcher:
    """Fetches pictures from callers' URLs by ``line``. One per process; safe for any number of requests at once on one
    event loop.
    """

    def __init__(self, line: Line, *, max_bytes: int = BODY.picture) -> None:
        self._line, self._max_bytes = line, max_bytes

    async def fetch(self, url: str) -> bytes:
        """The body behind ``url``, at most ``max_bytes`` long, which begins like a picture that is read here.

        Raises InvalidParameter (the URL's text), SourceUnavailable (FetchFailed with the reason, in ``refusals``'
        words), SourceTimeout, TooLarge.
        """
        try:
            destination = check_url(url, self._line.policy)
            with anyio.fail_after(self._line.limits.seconds):
                return await self._follow(destination)
        except TimeoutError:
            raise SourceTimeout from None
        except FetchFailed as failed:
            raise told(failed, self._line.policy) from None

    async def _follow(self, destination: Destination) -> bytes:
        for _ in range(self._line.limits.redirects + 1):
            answer = await self._ask(destination)
            if isinstance(answer, bytes):
                return answer
            destination = self._next(destination, answer)
        raise FetchFailed("redirect")

    def _next(self, destination: Destination, location: str) -> Destination:
        """Where a redirect leads. Nothing about it is the caller's text, so every refusal is SourceUnavailable."""
        try:
            following = check_url(urljoin(destination.url, location), self._line.policy)
        except (InvalidParameter, ValueError):
            raise FetchFailed("redirect") from None
        if destination.scheme == "https" and following.scheme == "http":
            raise FetchFailed("downgrade")
        return following

    async def _ask(self, destination: Destination) -> bytes | str:
        """One request: the body, or where a redirect leads."""
        return await self._line.exchange(destination, _HEADERS, self._read)

    async def _read(self, response: httpcore.Response) -> bytes | str:
        if len(response.headers) > self._line.limits.headers:
            raise FetchFailed("protocol")
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in _REDIRECTS:
            return _location(headers)
        if response.status != 200:
            raise FetchFailed("status")
        if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
            raise FetchFailed("encoding")
        if headers.get(b"content-type", b"").decode("latin-1").strip().lower().startswith(_NOT_A_PICTURE):
            raise FetchFailed("content")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            raise TooLarge
        body = await self._collect(response)
        try:
            sniff(body)
        except (UnsupportedMedia, ImageUnreadable):
            raise FetchFailed("content") from None
        return body

    async def _collect(self, response: httpcore.Response) -> bytes:
        body, pace = bytearray(), Pace()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge
            await pace.take(len(body))
        return bytes(body)


def _location(headers: dict[bytes, bytes]) -> str:
    location = headers.get(b"location", b"").decode("latin-1").strip()
    if not location or len(location) > FETCH.url_characters:
        raise FetchFailed("redirect")
    return location
