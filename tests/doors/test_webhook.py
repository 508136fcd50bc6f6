"""Sending to callers' URLs by a scripted resolver and a recording dialler: the guard is that of pictures."""

from __future__ import annotations

import asyncio

import pytest

from sam_mask_service.doors.dial import Line
from sam_mask_service.doors.netguard import UrlPolicy
from sam_mask_service.doors.webhook import Unreached, Webhooks
from sam_mask_service.errors import InvalidParameter, WebhookRefused
from sam_mask_service.limits import FetchLimits

from ..support.world import ANY, PUBLIC, World, moved, reply

URL = "http://pics.example/hook?a=1"


@pytest.fixture
def world() -> World:
    return World()


def webhooks(world: World, policy: UrlPolicy = ANY, seconds: float = 5.0) -> Webhooks:
    return Webhooks(Line(policy, FetchLimits(seconds=seconds), resolver=world, dialler=world))


def post(world: World, url: str = URL, seconds: float = 5.0) -> None:
    asyncio.run(webhooks(world, seconds=seconds).post(url, b'{"a":1}', {"X-SAM-Signature": "sha256=00"}))


def unreached(world: World, url: str = URL, seconds: float = 5.0) -> str:
    with pytest.raises(Unreached) as caught:
        post(world, url, seconds)
    return caught.value.said


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content"])
def test_body_and_signature_go_to_the_checked_address(world: World, status: str) -> None:
    stream = world.say(reply(b"", status))
    post(world)
    head, _, body = stream.written.decode().partition("\r\n\r\n")
    assert head.startswith("POST /hook?a=1 HTTP/1.1\r\nHost: pics.example\r\n")
    assert "X-SAM-Signature: sha256=00" in head and "Content-Type: application/json" in head
    assert body == '{"a":1}' and "Content-Length: 7" in head
    assert world.dialled == [(PUBLIC, 80)] and stream.closed


@pytest.mark.parametrize("status", ["301 x", "307 x", "400 x", "404 x", "500 x", "503 x"])
def test_any_other_answer_is_none(world: World, status: str) -> None:
    world.say(moved("http://pics.example/elsewhere", status))
    world.say(reply())
    assert unreached(world) == f"answered {status[:3]}"
    assert len(world.dialled) == 1, "no redirect is followed"


def test_what_goes_wrong_on_the_way_is_said_in_fixed_words(world: World) -> None:
    assert unreached(world) == "not reached"
    world.say(b"nonsense\r\n\r\n")
    assert unreached(world) == "not reached"
    world.say(hang=True)
    assert unreached(world, seconds=0.05) == "no answer in time"


@pytest.mark.parametrize("answer", ["10.0.0.5", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_name_that_leads_inside_later_is_not_called(world: World, answer: str) -> None:
    asyncio.run(webhooks(world).check(URL))
    world.names["pics.example"] = [answer]
    assert unreached(world) == "not reached"
    assert world.dialled == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://[::1]/", "http://inside.example/", "http://unknown.example/", "http://2130706433/",
     "http://169.254.169.254/latest"],
)  # fmt: skip
def test_private_and_unknown_hosts_are_refused_in_the_same_words(world: World, url: str) -> None:
    world.names["inside.example"] = ["10.0.0.5"]
    with pytest.raises(WebhookRefused) as caught:
        asyncio.run(webhooks(world).check(url))
    assert (caught.value.code, caught.value.detail) == ("webhook_refused", WebhookRefused.default_detail)
    assert world.dialled == []


@pytest.mark.parametrize(
    "url", ["ftp://pics.example/", "pics.example", "http://me@pics.example/", "http://pics.example:22/", "http://a b/"]
)
def test_the_urls_own_faults_are_said(world: World, url: str) -> None:
    with pytest.raises(InvalidParameter, match="webhook: "):
        asyncio.run(webhooks(world).check(url))


def test_policy_of_pictures_holds(world: World) -> None:
    with pytest.raises(WebhookRefused, match="SAM_URL_INPUT"):
        asyncio.run(webhooks(world, UrlPolicy(enabled=False)).check(URL))
    with pytest.raises(WebhookRefused):
        asyncio.run(webhooks(world, UrlPolicy(hosts=frozenset({"other.example"}))).check(URL))
    assert world.asked == []


def test_a_resolver_that_hangs_is_a_refusal(world: World) -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.sleep(3600)
        return []

    world.resolve = hang  # type: ignore[method-assign]
    with pytest.raises(WebhookRefused):
        asyncio.run(webhooks(world, seconds=0.05).check(URL))
