"""N12: what is no HTTP/1.0 or 1.1 is told so, and closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..support.wire import Server, started, status_of

pytestmark = pytest.mark.server
HEAD = b"Host: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("serve", tmp_path_factory.mktemp("n12")) as running:
        yield running


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /health HTTP/1.1\r\n", 200),
        (b"GET /health HTTP/1.0\r\n", 200),
        (b"GET /health HTTP/0.9\r\n", 400),
        (b"GET /health HTTP/1.2\r\n", 400),
        (b"GET /health HTTP/2.0\r\n", 505),
        (b"GET /health HTTP/3.0\r\n", 400),
        (b"GET /health\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", 400),
    ],
    ids=str,
)
def test_n12_versions(server: Server, line: bytes, status: int) -> None:
    """HTTP/0.9 and HTTP/2.0 were answered as if they were HTTP/1.1."""
    answer = server.say(line + HEAD, 5)
    assert status_of(answer) == status
    assert answer.count(b"HTTP/1.1 ") == 1
    assert (b'"version_unsupported"' in answer) is (status == 505)
