"""What nginx itself costs: ``python -m bench.reliability.balancer``. nginx as deploy/ has it, before a server that
reads the picture and answers at once; printed is nginx's own CPU time for a request, for small and large pictures, and
what that makes of one core. Its rate here would say little: clients and server share the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil

from tests.support.nginx import balanced

ANSWER = bytes(20_000)
"""Bytes of a mask."""


class Reader(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def reader() -> Iterator[int]:
    """Its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reader)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spent() -> float:
    """CPU seconds of every nginx that this process has started."""
    times = [each.cpu_times() for each in psutil.Process().children(recursive=True) if each.name() == "nginx"]
    return sum(each.user + each.system for each in times)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1500)
    options.add_argument("--kilobytes", type=int, nargs="+", default=[50, 300, 3000])
    asked = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        reader() as port,
        balanced(Path(name) / "nginx", [port]) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        for size in asked.kilobytes:
            each = seconds(client, bytes(1000 * size), max(100, asked.count * 50 // max(50, size)))
            print(f"{size:5} KB: {1000 * each:.2f} ms of nginx a request, {1 / max(each, 1e-6):.0f} a second and core")


def seconds(client: httpx.Client, body: bytes, count: int) -> float:
    """CPU of nginx for one request."""
    before = spent()
    for _ in range(count):
        client.post("/create_mask", content=body).raise_for_status()
    return (spent() - before) / count


if __name__ == "__main__":
    main()
