"""What a caller reads of a fetch that failed: the kind and the setting; nothing of hosts inside."""

from __future__ import annotations

from ipaddress import ip_network
from typing import get_args

import pytest

from sam_mask_service.doors.netguard import FetchFailed, Reason, UrlPolicy
from sam_mask_service.doors.refusals import OF_HOSTS, TOLD, told
from sam_mask_service.errors import InvalidParameter, SourceTimeout

from ..support.world import PUBLIC, World

OPENED = UrlPolicy(networks=(ip_network("10.0.0.0/8"),))
CLOSED = UrlPolicy()


def test_each_reason_has_its_words() -> None:
    assert set(TOLD) | {"off"} == set(get_args(Reason))


@pytest.mark.parametrize(
    ("reason", "setting"),
    [("address", "SAM_URL_ALLOW_NETWORKS"), ("dns", "SAM_URL_ALLOW_NETWORKS"), ("host_not_listed", "SAM_URL_HOSTS")],
)
def test_the_setting_that_mends_it_is_named(reason: Reason, setting: str) -> None:
    assert setting in told(FetchFailed(reason), CLOSED).detail


def test_unknown_name_and_address_inside_read_the_same() -> None:
    assert told(FetchFailed("dns"), CLOSED).detail == told(FetchFailed("address"), CLOSED).detail


@pytest.mark.parametrize("reason", sorted(set(TOLD) - {"host_syntax", "host_not_listed"}))
def test_where_networks_are_opened_all_failures_of_hosts_read_the_same(reason: Reason) -> None:
    silent = told(FetchFailed(reason), OPENED)
    assert (silent.detail, silent.reason) == (OF_HOSTS, reason)


def test_words_that_it_has_stay() -> None:
    off = FetchFailed("off", "It is off.")
    assert told(off, CLOSED) is off


@pytest.mark.parametrize(
    ("url", "answer", "words"),
    [
        ("http://10.1.2.3/a", b"", "no public address"),
        ("http://nowhere.example/a", b"", "no public address"),
        ("http://0x7f000001/a", b"", "plain form"),
        ("http://pics.example/a", b"HTTP/1.1 404 Not Found\r\n\r\n", "answered with an error"),
        ("http://pics.example/a", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", "not a picture"),
        ("http://pics.example/a", b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\n\r\n", "not followed"),
    ],
)
def test_a_fetch_says_which(url: str, answer: bytes, words: str) -> None:
    world = World({"pics.example": [PUBLIC]})
    world.say(answer)
    with pytest.raises(FetchFailed, match=words):
        world.fetch(url)


def test_port_and_time_say_which_and_name_their_settings() -> None:
    with pytest.raises(InvalidParameter, match=r"80 and 443.*SAM_URL_ALLOW_NETWORKS"):
        World({}).fetch("http://pics.example:8080/a")
    slow = World({"pics.example": [PUBLIC]})
    slow.say(hang=True)
    with pytest.raises(SourceTimeout, match="SAM_URL_SECONDS"):
        slow.fetch("http://pics.example/a", seconds=0.05)
