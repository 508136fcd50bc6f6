"""N04, N05: nothing holds the event loop. What is parsed in one turn is bounded; counted here, timed by
``bench.reliability.loop_lag``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from python_multipart.multipart import parse_options_header

from sam_mask_service.doors import paced
from sam_mask_service.doors.dial import Line
from sam_mask_service.doors.fetch import Fetcher
from sam_mask_service.doors.netguard import FetchFailed
from sam_mask_service.errors import BadRequest, UnsupportedMedia
from sam_mask_service.http import multipart, request
from sam_mask_service.limits import BODY, FetchLimits

from ..support.scene import picture
from ..support.wire import Client
from ..support.world import ANY, PNG, PUBLIC, Stream, World

URL = "http://pics.example/a"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Bites(Stream):
    """A peer that hands out as many bytes as it is asked for."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece, self.pieces[0] = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
        return piece


def fetched(data: bytes) -> tuple[bytes | None, int]:
    """The body that a peer saying ``data`` gives, or None when it is refused; and the turns that others had
    meanwhile.
    """
    world = World()
    world.peers[PUBLIC] = [Bites([data])]
    fetcher = Fetcher(Line(ANY, limits=FetchLimits(seconds=20), resolver=world, dialler=world), max_bytes=1 << 20)

    async def scene() -> tuple[bytes | None, int]:
        task, turns = asyncio.create_task(fetcher.fetch(URL)), 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        error = task.exception()
        if error is None:
            return task.result(), turns
        assert isinstance(error, FetchFailed)
        return None, turns

    return asyncio.run(scene())


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_n04_a_body_in_chunks_of_one_byte_is_refused() -> None:
    body, turns = fetched(chunked(PNG + b"x" * 60_000, 1))
    assert body is None
    assert turns > paced._CHUNKS / paced._TURN


def test_n04_others_have_their_turn_between_chunks() -> None:
    data = PNG + b"x" * 20_000
    body, turns = fetched(chunked(data, 16))
    assert body == data
    assert turns > len(data) / 16 / paced._TURN


def test_n04_large_chunks_are_no_matter() -> None:
    data = PNG + b"x" * 900_000
    assert fetched(chunked(data, 4096))[0] == data


@pytest.mark.parametrize("status", [100, 103])
def test_n04_answers_before_the_answer_end(status: int) -> None:
    interim = b"HTTP/1.1 %d Wait\r\n\r\n" % status
    assert fetched(interim * 20_000 + chunked(PNG, 64))[0] is None
    body, turns = fetched(interim * 600 + chunked(PNG, 64))
    assert body == PNG
    assert turns >= 600 * len(interim) / paced._BITE


def test_n04_a_head_without_end_is_refused() -> None:
    assert fetched(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000)[0] is None


def parsed(monkeypatch: pytest.MonkeyPatch, module: object) -> list[str]:
    """What the quadratic parser is given from now on."""
    seen: list[str] = []
    real = parse_options_header

    def parse(text: str) -> object:
        seen.append(text)
        return real(text)

    monkeypatch.setattr(module, "parse_options_header", parse)
    return seen


@pytest.mark.parametrize("tail", ["; a=" + ";" * 30_000, "; boundary=" + "x" * 300])
def test_n05_a_long_content_type_is_not_parsed(client: Client, monkeypatch: pytest.MonkeyPatch, tail: str) -> None:
    seen = parsed(monkeypatch, request)
    answer = client.post("/create_mask", content=b"x", headers={"Content-Type": "multipart/form-data" + tail})
    assert (answer.status_code, answer.json()["code"], seen) == (400, "bad_request", [])


def form(headers: Sequence[bytes]) -> bytes:
    parts = [b"--B\r\nContent-Disposition: " + head + b"\r\n\r\nx\r\n" for head in headers]
    return b"".join(parts) + b"--B--\r\n"


@pytest.mark.parametrize("tail", [b'; a="' + b";" * 900 + b'"', b"; a=" + b"x" * 4200], ids=["semicolons", "long"])
def test_n05_a_long_part_header_is_not_parsed(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    seen = parsed(monkeypatch, multipart)
    with pytest.raises(BadRequest):
        multipart.parse_form([form([b'form-data; name="f"' + tail] * 40)], "B", BODY)
    assert seen == []


def test_n05_ordinary_forms_pass(client: Client) -> None:
    name = "ü" * 80 + ";.png"
    answer = client.post("/create_mask", files={"image": (name, picture(), "image/png")}, data={"mode": "combined"})
    assert answer.status_code == 200
    with pytest.raises(UnsupportedMedia):
        request._kind(["text/html; charset=utf-8"], {})
