"""Long runs against a started server: ``make soak``. What must stay flat is measured and compared with its bound.

Good requests of mixed sizes, broken pictures, early disconnects and bodies over the limit, thousands each; then ten
times the capacity for a while (``bench.reliability.overload``); then every slot with the largest legal pictures. Prints
a table and ends with 1 when a bound is broken. Takes about a quarter of an hour; ``--count 2500 --seconds 30`` about
five minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from skimage import data as pictures

from bench.reliability.ballast import ballast
from bench.reliability.heaviest import peaks
from bench.reliability.overload import measure, percentile
from bench.report import MIB, Row, worker_of
from bench.started import Server, started

GROWTH = 50 * MIB
"""Resident bytes that thousands of requests may add (attacks.md L01)."""
PARTS = ("long", "overload", "peak")


@dataclass(frozen=True)
class State:
    """What a process holds."""

    resident: int
    threads: int
    descriptors: int
    children: int


def state_of(server: Server) -> State:
    worker = worker_of(server)
    return State(worker.memory_info().rss, worker.num_threads(), worker.num_fds(), len(worker.children()))


def settled(server: Server, before: State) -> State:
    """The state once the server has worked off what was sent, waited for up to 15 s: it may be starved on a busy
    machine.
    """
    for _ in range(10):
        time.sleep(1.5)
        if state_of(server).descriptors <= before.descriptors + 2:
            break
    return state_of(server)


class Line:
    """A kept connection; one per thread. The standard library's client is the cheapest that is right."""

    def __init__(self, url: str) -> None:
        self._address = url.removeprefix("http://")
        self._open: http.client.HTTPConnection | None = None

    def post(self, body: bytes, kind: str = "image/jpeg", query: str = "") -> int:
        for attempt in (1, 2):
            if self._open is None:
                self._open = http.client.HTTPConnection(self._address, timeout=120)
            try:
                self._open.request("POST", f"/create_mask{query}", body, {"Content-Type": kind})
                answer = self._open.getresponse()
                answer.read()
            except (http.client.HTTPException, OSError):
                self._open = None
                if attempt == 2:
                    return 0
            else:
                return answer.status
        return 0


def portraits() -> list[bytes]:
    """Mixed sizes and formats of the public-domain portrait."""
    base = Image.fromarray(pictures.astronaut())
    made = []
    for side in (96, 128, 256, 512, 1024):
        for kind in ("JPEG", "PNG", "WEBP"):
            out = io.BytesIO()
            base.resize((side, side)).save(out, kind)
            made.append(out.getvalue())
    return made


def broken(good: list[bytes], count: int) -> list[bytes]:
    """Cut, flipped and made-up pictures, and one in a hundred of which nearly nothing is the picture; the same for the
    same count."""
    chance = random.Random(count)  # noqa: S311
    made = []
    for number in range(count):
        if number % 100 == 0:
            made.append(ballast(chance))
            continue
        data = bytearray(chance.choice(good))
        if chance.random() < 0.5:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randint(1, 20)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        made.append(bytes(data))
    return made


def many(server: Server, count: int, clients: int, one: Callable[[Line, int], int]) -> Counter[int]:
    """``count`` requests by ``clients`` threads; statuses counted (0: no answer)."""
    lines = threading.local()

    def run(i: int) -> int:
        if not hasattr(lines, "line"):
            lines.line = Line(server.url)
        return one(lines.line, i)

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(run, range(count)))


def hang_up(server: Server) -> Callable[[Line, int], int]:
    """Half of a request, then nothing."""
    host, port = server.url.removeprefix("http://").split(":")
    head = b"POST /create_mask HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n"

    def one(_: Line, i: int) -> int:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 10) as line:
            line.sendall(head + b"x" * (i % 3000))
        return 0

    return one


def too_long(server: Server) -> Callable[[Line, int], int]:
    address = server.url.removeprefix("http://")

    def one(_: Line, __: int) -> int:
        connection = http.client.HTTPConnection(address, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest("POST", "/create_mask")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Content-Length", "999999999")
            connection.endheaders()
            return connection.getresponse().status

    return one


def flat(name: str, before: State, after: State, statuses: Counter[int]) -> list[Row]:
    grown = after.resident - before.resident
    counts = " ".join(f"{status or 'none'}:{n}" for status, n in sorted(statuses.items()))
    same = (after.threads - before.threads, after.descriptors - before.descriptors, after.children - before.children)
    return [
        Row(f"{name}: answers", counts, "no 5xx", not any(status >= 500 for status in statuses)),
        Row(f"{name}: memory", f"{grown / MIB:+.1f} MiB", f"< {GROWTH // MIB} MiB", grown < GROWTH),
        Row(f"{name}: threads, descriptors, children", f"{same}", "≤ 2 each", all(n <= 2 for n in same)),
    ]


def long_runs(server: Server, count: int) -> list[Row]:
    good = portraits()
    bad = broken([picture for picture in good if len(picture) < 40_000], 500)
    kinds: dict[str, Callable[[Line, int], int]] = {
        "good": lambda line, i: line.post(good[i % len(good)], query=f"?expand_pixels={i % 251}"),
        "broken": lambda line, i: line.post(bad[i % len(bad)]),
        "disconnect": hang_up(server),
        "over the limit": too_long(server),
    }
    rows: list[Row] = []
    for name, one in kinds.items():
        many(server, max(50, count // 10), 4, one)  # what a path needs once, its buffers and threads, is no growth
        time.sleep(1.5)
        before, start = state_of(server), time.monotonic()
        statuses = many(server, count, 4, one)
        rows += flat(f"{count} × {name}", before, settled(server, before), statuses)
        print(f"     {name}: {time.monotonic() - start:.0f} s", flush=True)
    return rows


def overload(server: Server, seconds: float, capacity: int) -> list[Row]:
    """Throughput at capacity, then with ten times as many clients; latencies of the accepted, the refused and of
    /health.
    """
    calm, storm = measure(server, worker_of(server), seconds, capacity, [p for p in portraits() if len(p) < 200_000])
    print(f"     calm:  {calm.describe()}\n     storm: {storm.describe()}", flush=True)
    share = storm.rate / max(1e-9, calm.rate)
    others = {status: n for status, n in (calm.statuses + storm.statuses).items() if status not in (200, 503)}
    answers = f"200:{storm.statuses[200]} 503:{storm.statuses[503]}"
    return [
        Row("overload: answers", answers, "nothing else", not others and not calm.statuses[503]),
        Row("overload: throughput", f"{100 * share:.0f} % of {calm.rate:.1f} masks/s", "≥ 90 %", share >= 0.9),
        Row(
            "overload: CPU a mask",
            f"{100 * storm.per_mask / calm.per_mask:.0f} % of {1000 * calm.per_mask:.0f} ms",
            "–",
            True,
        ),
        Row("overload: accepted p99", f"{percentile(storm.served):.2f} s", "≤ 60 s", percentile(storm.served) <= 60),
        Row(
            "overload: refused p99",
            f"{1000 * percentile(storm.refused):.0f} ms",
            "< 100 ms",
            percentile(storm.refused) < 0.1,
        ),
        Row(
            "overload: /health p99",
            f"{1000 * percentile(storm.health):.0f} ms",
            "< 100 ms",
            percentile(storm.health) < 0.1,
        ),
    ]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--count", type=int, default=10_000, help="requests of each kind")
    options.add_argument(
        "--seconds", type=float, default=60.0, help="length of the overload, and of the calm beside it"
    )
    options.add_argument(
        "--only", choices=PARTS, action="append", help="a part (may stand several times); without: all"
    )
    options.add_argument("--json", type=Path, help="also write the rows there")
    chosen = options.parse_args()
    settings = {
        "engine": "mesh",
        "workers": "2",
        "queue": "4",
        "log_level": "warning",
        "cache_bytes": "0",
        "deadline_seconds": "120",
    }
    parts: dict[str, Callable[[Server], list[Row]]] = {
        "long": lambda server: long_runs(server, chosen.count),
        "overload": lambda server: overload(server, chosen.seconds, 6),
        "peak": lambda server: peaks(server, 2),
    }
    rows: list[Row] = []
    with started(**settings) as server:
        for name in chosen.only or PARTS:
            rows += parts[name](server)
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.name:<{width}}  {row.value:<34} {row.bound}")
    if chosen.json:
        chosen.json.write_text(json.dumps([row.__dict__ for row in rows], indent=1))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
