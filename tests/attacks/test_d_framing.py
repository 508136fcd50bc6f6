"""D: HTTP framing and time, byte by byte against started servers."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sam_mask_service.limits import WIRE

from ..support.scene import picture
from ..support.wire import Server, listen, started, status_of

pytestmark = pytest.mark.server
JSON = b"Content-Type: application/json\r\n"
NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""A second request that must not be seen behind an ambiguous first one."""


def post(
    *lines: bytes, body: bytes = b"", target: bytes = b"/create_mask", host: bytes = b"Host: localhost\r\n"
) -> bytes:
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (target, host, b"".join(lines), body)


def alive(server: Server) -> None:
    """The process lives, and the next good request is served."""
    answer = server.post(content=picture(), headers={"content-type": "image/png"})
    assert answer.status_code == 200, answer.text


AMBIGUOUS = {
    "D03-length-negative": post(JSON, b"Content-Length: -1\r\n", body=b"{}" + NEXT),
    "D03-length-plus": post(JSON, b"Content-Length: +5\r\n", body=b"{}   " + NEXT),
    "D03-length-words": post(JSON, b"Content-Length: five\r\n", body=b"{}" + NEXT),
    "D03-length-hex": post(JSON, b"Content-Length: 0x2\r\n", body=b"{}" + NEXT),
    "D03-length-list": post(JSON, b"Content-Length: 2, 2\r\n", body=b"{}" + NEXT),
    "D03-length-twice": post(JSON, b"Content-Length: 2\r\nContent-Length: 5\r\n", body=b"{}   " + NEXT),
    "D03-length-same-twice": post(JSON, b"Content-Length: 2\r\nContent-Length: 2\r\n", body=b"{}" + NEXT),
    "D03-length-endless": post(JSON, b"Content-Length: " + b"9" * 30 + b"\r\n", body=b"{}" + NEXT),
    "D03-both": post(JSON, b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", body=b"0\r\n\r\n" + NEXT),
    "D03-both-turned": post(JSON, b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", body=b"0\r\n\r\n" + NEXT),
    "D03-coding-unknown": post(JSON, b"Transfer-Encoding: xchunked\r\n", body=b"0\r\n\r\n" + NEXT),
    "D03-coding-twice": post(JSON, b"Transfer-Encoding: chunked\r\n" * 2, body=b"0\r\n\r\n" + NEXT),
    "D03-coding-list": post(JSON, b"Transfer-Encoding: gzip, chunked\r\n", body=b"0\r\n\r\n" + NEXT),
    "D03-coding-identity": post(JSON, b"Transfer-Encoding: identity\r\n", body=b"{}" + NEXT),
    "D03-space-before-colon": post(JSON, b"Content-Length : 2\r\n", body=b"{}" + NEXT),
    "D03-folded": post(JSON, b"X: a\r\n b\r\nContent-Length: 2\r\n", body=b"{}" + NEXT),
    "D03-bare-cr": post(JSON, b"X: a\rContent-Length: 2\r\n", body=b"{}" + NEXT),
    "D03-chunk-size": post(JSON, b"Transfer-Encoding: chunked\r\n", body=b"zz\r\n{}\r\n0\r\n\r\n" + NEXT),
    "D03-chunk-negative": post(JSON, b"Transfer-Encoding: chunked\r\n", body=b"-2\r\n{}\r\n0\r\n\r\n" + NEXT),
    "D03-chunk-endless": post(JSON, b"Transfer-Encoding: chunked\r\n", body=b"F" * 17 + b"\r\n{}\r\n" + NEXT),
    "D08-long-target": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D08-long-header": post(b"X: " + b"a" * 1_000_000 + b"\r\n"),
    "D08-long-header-name": post(b"a" * 1_000_000 + b": x\r\n"),
    "D08-many-headers": post(b"".join(b"X%d: x\r\n" % i for i in range(10_000))),
    "D08-sum-of-headers": post(b"".join(b"X%d: %s\r\n" % (i, b"x" * 1000) for i in range(50))),
    "D12-connect": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n" + NEXT,
    "D12-lower-case": b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D12-unknown": b"HACK /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D13-no-host-10": b"GET /health HTTP/1.0\r\n\r\n",
    "D13-no-host-11": b"GET /health HTTP/1.1\r\n\r\n" + NEXT,
    "D13-two-hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n" + NEXT,
    "D13-absolute": b"GET http://evil/health HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D13-asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D14-websocket": b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" + NEXT,
    "D14-h2c": b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + NEXT,
    "D14-h2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "D14-tls": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 200,
    "D14-nul": b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "D14-garbage": b"\r\n\r\n\xff\xfe\x00garbage\r\n\r\n",
    "D14-version": b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n" + NEXT,
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(server: Server, case: str) -> None:
    answer = server.say(AMBIGUOUS[case], timeout=3)
    assert answer.count(b"HTTP/1.1 ") <= 1, "no second request is seen"
    assert status_of(answer) in (400, 408, 413, 431), answer[:300]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["request_id"] and problem["success"] is False
    alive(server)


@pytest.mark.parametrize(
    ("case", "data", "statuses"),
    [
        ("D12-trace", b"TRACE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", [405]),
        ("D12-put", b"PUT /create_mask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", [405]),
        ("D12-delete", b"DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", [405]),
        ("D13-evil-host", b"GET /health HTTP/1.1\r\nHost: evil\r\n\r\n", [403]),
        ("D13-evil-name", b"GET /health HTTP/1.1\r\nHost: attacker.example:8739\r\n\r\n", [403]),
        ("D13-spaces", b"GET /health HTTP/1.1\r\nHost: local host\r\n\r\n", [400]),
        ("D13-empty", b"GET /health HTTP/1.1\r\nHost:\r\n\r\n", [400]),
        ("D13-host-10", b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", [200]),
        ("D01-declared", post(JSON, b"Content-Length: 100000000\r\n"), [413]),
        ("D10-too-large", post(JSON, b"Expect: 100-continue\r\nContent-Length: 100000000\r\n"), [413]),
        ("D11-gzip", post(JSON, b"Content-Encoding: gzip\r\nContent-Length: 2\r\n", body=b"{}"), [415]),
        ("D11-br", post(JSON, b"Content-Encoding: br\r\nContent-Length: 2\r\n", body=b"{}"), [415]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_by_its_head(server: Server, case: str, data: bytes, statuses: list[int]) -> None:
    with server.connect(3) as line:
        line.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += line.recv(65536)
    assert status_of(answer) in statuses
    assert b"100 Continue" not in answer
    assert b"evil" not in answer.lower()
    assert b"x-request-id: " in answer.lower()
    alive(server)


def test_d02_chunked_body_over_the_limit(server: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with server.connect(5) as line:
        with contextlib.suppress(OSError):
            line.sendall(post(b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n"))
            for _ in range(40):
                line.sendall(chunk)
        assert status_of(listen(line)) == 413
    alive(server)


def test_d02_a_chunk_a_byte(server: Server) -> None:
    before = server.worker.memory_info().rss
    body = b"1\r\nx\r\n" * 300_000
    answer = server.say(post(b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n", body=body + b"0\r\n\r\n"), 5)
    assert status_of(answer) in (413, 415, 400)
    assert server.worker.memory_info().rss - before < 50 << 20
    alive(server)


@pytest.mark.parametrize("pause", [0.05, 0.4])
def test_d04_slow_head_ends_at_its_limit_however_it_drips(server: Server, pause: float) -> None:
    with server.connect(10) as line:
        start, answer = time.monotonic(), b""
        line.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
        line.settimeout(pause)
        while time.monotonic() - start < 9:
            try:
                piece = line.recv(4096)
                if not piece:
                    break
                answer += piece
            except TimeoutError:
                line.sendall(b"a")
            except OSError:
                break
    assert status_of(answer) == 408
    alive(server)


def test_d04_slow_heads_by_the_dozen_leave_room_for_others(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(server.connect(10)) for _ in range(35)]
        for line in lines:
            line.sendall(b"POST /create_mask HTTP/1.1\r\n")
        alive(server)
        assert {status_of(listen(line)) for line in lines} == {408}
    alive(server)


def test_d05_slow_body_is_408_and_holds_no_slot(server: Server) -> None:
    with server.connect(10) as line:
        line.sendall(post(b"Content-Type: image/png\r\nContent-Length: 1000\r\n", body=b"x"))
        alive(server)
        line.settimeout(0.2)
        answer = b""
        for _ in range(50):
            try:
                piece = line.recv(4096)
            except TimeoutError:
                line.sendall(b"x")
                continue
            answer += piece
            if b"slow_request" in answer or not piece:
                break
    assert status_of(answer) == 408
    assert b"slow_request" in answer
    alive(server)


def test_d06_slow_reader_is_dropped(server: Server) -> None:
    """Answers that nobody takes: schemas asked for one by one on a connection with a tiny window, until one is
    stuck.
    """
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert server.get("/openapi.json").status_code == 200  # makes the schema, which takes a busy machine long
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.connect(("127.0.0.1", server.port))
    with line:
        while _answered(server, lambda: line.sendall(ask)):
            pass
        end = time.monotonic() + 15
        while time.monotonic() < end and _connected(server, line.getsockname()[1]):
            time.sleep(0.1)
        assert not _connected(server, line.getsockname()[1]), "the server gave the connection up"
    assert "slow reader dropped" in server.logged()
    alive(server)


def _answered(server: Server, send: Callable[[], None]) -> bool:
    """Whether a schema that is asked for now is soon logged as answered."""
    before = server.logged().count("/openapi.json")
    send()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if server.logged().count("/openapi.json") > before:
            return True
        time.sleep(0.005)
    return False


def _connected(server: Server, port: int) -> bool:
    lines = server.worker.net_connections("tcp")
    return any(c.status == psutil.CONN_ESTABLISHED and c.raddr and c.raddr.port == port for c in lines)


def test_d07_connections_over_the_cap_get_503_and_idle_ones_are_closed(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(server.connect(8)) for _ in range(50)]
        time.sleep(0.2)
        answers = [listen(line) for line in lines]
    assert status_of(answers[-1]) == 503
    assert b"Retry-After" in answers[-1]
    assert sum(status_of(answer) == 503 for answer in answers) == 10, "one address may hold half of the 80"
    assert answers[0] == b"", "closed at the head limit without a word"
    alive(server)


def test_d04_d07_connections_by_the_thousand(tmp_path: Path) -> None:
    """As many as the cases ask for: 500 slow heads, then 5,000 connections that say nothing, from ten addresses. What
    is over the cap is told so, everything is closed in time, and a caller from elsewhere is served as soon as there is
    room."""
    most, ours = 1000, resource.getrlimit(resource.RLIMIT_NOFILE)
    if ours[1] < 8000:
        pytest.skip("this machine lets a process open too few sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (8000, ours[1]))
    try:
        with started("gunicorn", tmp_path, max_connections=most, head_seconds=4) as server:
            before = server.worker.num_fds()
            slow = many_connections(server, 500, b"POST /create_mask HTTP/1.1\r\nHost: local")
            alive(server)
            assert all_answers(slow) == Counter({408: 500})
            idle = many_connections(server, 5000, b"")
            bound, patience = before + most + WIRE.backlog + 20, time.monotonic() + 4 * WIRE.linger_seconds
            while server.worker.num_fds() > bound and time.monotonic() < patience:
                time.sleep(0.05)  # who was told that there are too many lingers so long; on a busy machine more at once
            assert server.worker.num_fds() <= bound
            answers = all_answers(idle)
            assert set(answers) == {0, 503} and sum(answers.values()) == 5000, (
                "closed without a word at the head limit, or told that there are too many"
            )
            alive(server)
            assert server.worker.num_fds() <= before + 20
            assert server.worker.memory_info().rss < 400 << 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)


def many_connections(server: Server, count: int, head: bytes) -> list[socket.socket]:
    """Connections from ten addresses of this machine, each with ``head`` sent."""
    lines = []
    for i in range(count):
        lines.append(line := socket.socket())
        line.bind((f"127.0.1.{i % 10 + 1}", 0))
        line.connect(("127.0.0.1", server.port))
        with contextlib.suppress(OSError):  # refused and closed already
            line.sendall(head)
    return lines


def all_answers(lines: list[socket.socket]) -> Counter[int]:
    """How often each status came back until all were closed; 0: closed without a word."""
    counts: Counter[int] = Counter()
    for line in lines:
        line.settimeout(20)
        with line:
            counts[status_of(listen(line))] += 1
    return counts


def test_d07_kept_connection_is_closed_when_idle(server: Server) -> None:
    with server.connect(12) as line:
        line.sendall(NEXT)
        start = time.monotonic()
        answer = listen(line)
        assert status_of(answer) == 200
        assert time.monotonic() - start < 11


def test_d07_other_address_is_served_while_one_holds_its_share(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(45):
            stack.enter_context(server.connect(8))
        with socket.create_connection(("127.0.0.1", server.port), 8, source_address=("127.0.0.2", 0)) as line:
            line.sendall(NEXT)
            line.settimeout(2)
            assert status_of(line.recv(4096)) == 200


def test_d09_pipelined_requests_are_answered_in_order_or_the_connection_is_closed(server: Server) -> None:
    few = b"".join(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: r%d\r\n\r\n" % i for i in range(10))
    with server.connect(2) as line:
        line.sendall(few)
        answer = listen(line)
    order = [part.split(b"\r\n")[0] for part in answer.split(b"x-request-id: ")[1:]]
    assert order == [b"r%d" % i for i in range(10)]
    answer = server.say(NEXT * 1000, 3)
    assert answer.count(b"HTTP/1.1 200") < 1000
    alive(server)


def test_d09_body_and_the_next_head_may_come_together(server: Server) -> None:
    """40 kB of body and the first half of another request in one piece: more than a head may have, and yet no long
    head.
    """
    body = b"x" * 40_000
    first = post(b"Content-Type: image/png\r\nContent-Length: %d\r\n" % len(body), body=body)
    with server.connect(3) as line:
        line.sendall(first + NEXT[:20])
        time.sleep(0.2)
        line.sendall(NEXT[20:])
        answer = listen(line)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 415" in answer and b"HTTP/1.1 200" in answer


def test_d10_wrong_key_ends_before_the_body_is_asked_for(server: Server) -> None:
    """Without a key here the same door is the host check: a final status, no 100, and the connection closed."""
    answer = server.say(post(JSON, b"Expect: 100-continue\r\nContent-Length: 20\r\n", host=b"Host: evil\r\n"), 3)
    assert status_of(answer) == 403
    assert b"100 Continue" not in answer


def test_d10_expected_body_is_asked_for_and_read(server: Server) -> None:
    png = picture()
    with server.connect(5) as line:
        line.sendall(post(b"Content-Type: image/png\r\nExpect: 100-continue\r\nContent-Length: %d\r\n" % len(png)))
        assert line.recv(4096).startswith(b"HTTP/1.1 100 Continue")
        line.sendall(png)
        assert status_of(line.recv(65536)) == 200


def test_d_body_after_an_early_answer_is_thrown_away_but_not_for_ever(server: Server) -> None:
    with server.connect(15) as line:
        line.sendall(post(b"Content-Type: text/plain\r\nContent-Length: 900000\r\n", body=b"x" * 1000))
        start, stop = time.monotonic(), threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.3):
                    line.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        answer = listen(line)
        stop.set()
        thread.join()
    assert status_of(answer) == 415
    assert time.monotonic() - start < 12
    alive(server)


def test_d_nothing_of_all_this_left_a_traceback(server: Server) -> None:
    assert "Traceback" not in server.logged()
