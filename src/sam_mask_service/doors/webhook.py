"""The only file that sends something to callers' URLs: a webhook, by the guard and the connection that pictures come
by (``netguard``, ``dial``). A redirect is no success and is not followed: nobody checked where it leads.
"""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import httpcore

from ..errors import InvalidParameter, SourceUnavailable, WebhookRefused
from .dial import Line
from .netguard import Destination, FetchFailed, check_url

_HEADERS = (
    (b"User-Agent", b"sam-mask-api"),
    (b"Content-Type", b"application/json"),
    (b"Accept", b"*/*"),
    (b"Connection", b"close"),
)


class Unreached(Exception):
    """Nobody took the message. ``said``: fixed words, or the status that was answered; no more of the other side."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Webhooks:
    """Sends to callers' URLs by ``line``. One per process, on one event loop."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def check(self, url: str) -> None:
        """Raises InvalidParameter (the URL's text) and WebhookRefused: the same words for a private address as for a
        name that is not there, so that nobody learns names of the network that the service stands in.
        """
        destination = self._destination(url)
        try:
            with anyio.fail_after(self._line.limits.seconds):
                await self._line.addresses(destination)
        except (SourceUnavailable, TimeoutError):
            raise WebhookRefused from None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Returns when it was answered with 2xx. The whole guard is passed anew. Raises Unreached."""
        own = [(name.encode(), value.encode()) for name, value in headers.items()]
        own.append((b"Content-Length", str(len(body)).encode()))
        try:
            with anyio.fail_after(self._line.limits.seconds):
                status = await self._line.exchange(
                    self._destination(url), (*_HEADERS, *own), _status, method="POST", content=body
                )
        except TimeoutError:
            raise Unreached("no answer in time") from None
        except (SourceUnavailable, WebhookRefused, InvalidParameter):
            raise Unreached("not reached") from None
        if not 200 <= status < 300:
            raise Unreached(f"answered {status}")

    def _destination(self, url: str) -> Destination:
        """Raises InvalidParameter, WebhookRefused."""
        try:
            return check_url(url, self._line.policy)
        except InvalidParameter as error:
            raise InvalidParameter(error.detail.replace("image_url", "webhook", 1)) from None
        except FetchFailed as error:
            off = "Webhooks need SAM_URL_INPUT: this service opens no connection to other hosts."
            raise WebhookRefused(off if error.reason == "off" else None) from None


async def _status(response: httpcore.Response) -> int:
    return response.status
