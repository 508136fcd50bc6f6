"""A host of model files on the loopback, well or badly behaved, and a toy model."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sam_mask_service.models.row import Download, ModelRow

DATA = bytes(range(256)) * 12_000  # 3 MB, so that a transfer takes several chunks


def row_of(data: bytes = DATA, **changes: Any) -> ModelRow:
    values: dict[str, Any] = {
        "name": "toy",
        "file": "toy.pth",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "Apache-2.0",
        "kind": "sam",
        "what": "a toy",
        "architecture": "vit",
        "sources": (Download("http://127.0.0.1:9/toy.pth"),),
    }
    return ModelRow(**{**values, **changes})


ROW = row_of()


@dataclass
class Host:
    """A server on the loopback. ``answers``: one behaviour per request in turn; then what ``files`` has at the path,
    ``toy.pth`` in any folder but ``none``, else 404."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def serve(handler: BaseHTTPRequestHandler, body: bytes = DATA) -> None:
    """The file, or the part of it that is asked for."""
    wanted = handler.headers.get("Range")
    kind = "application/vnd.pypi.simple.v1+json" if body.startswith(b"{") else "text/html"
    if wanted is None:
        return send(handler, 200, body, Content_Type=kind)
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    return send(handler, 206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")


def whole_again(handler: BaseHTTPRequestHandler) -> None:
    """Ranges are not known here."""
    send(handler, 200, DATA)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, DATA[: 2 << 20], Content_Length=str(len(DATA)))
    handler.close_connection = True


def html(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"<html>please log in</html>", Content_Type="text/html")


def wrong(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"x" * len(DATA))


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(bytes(1 << 20))
    except OSError:
        pass


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, code, b"no")


def redirect(to: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, 302, b"", Location=to)


@contextmanager
def hosting() -> Iterator[Host]:
    """A started one."""
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Range")))
            if state.answers:
                state.answers.pop(0)(self)
            elif self.path in state.files or (self.path.endswith("/toy.pth") and "/none/" not in self.path):
                serve(self, state.files.get(self.path, DATA))
            else:
                status(404)(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
