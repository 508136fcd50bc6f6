"""Code blocks of a document, run as they are printed against a started service."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .wire import Server, started

PICTURES = ("portrait.jpg", "photo.jpg", "group.jpg", "group-photo.jpg")


@dataclass(frozen=True)
class Block:
    """A fenced code block: under which heading, in which language."""

    heading: str
    language: str
    code: str


def blocks(document: str) -> list[Block]:
    """All fenced code blocks of a Markdown text, in order."""
    found, heading = [], ""
    for match in re.finditer(
        r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<code>.*?)^```$", document, re.M | re.S
    ):
        heading = match["heading"] or heading
        if match["code"] is not None:
            found.append(Block(heading, match["language"], match["code"]))
    return found


@dataclass(frozen=True)
class Stage:
    """A started service, a picture server, and a folder with the pictures in which the examples run."""

    server: Server
    pictures: str
    folder: Path

    def placed(self, code: str) -> str:
        """The code with its hosts and its placeholder path pointing at what is here; not another character changed."""
        places = {
            "http://localhost:8739": self.server.url,
            "https://example.com": self.pictures,
            "/path/to/your/photo.jpg": str(self.folder / "photo.jpg"),
        }
        for name, place in places.items():
            code = code.replace(name, place)
        return code

    def bash(self, code: str, **more: str) -> str:
        """stdout of a shell block, with ``more`` in its environment. curl is told to be silent, not to use a proxy,
        and to fail on nothing.
        """
        line = f'curl() {{ command curl --noproxy "*" -s "$@"; }}\n{self.placed(code)}'
        return self._run(["bash", "-euc", line], **more)

    def module(self, code: str) -> str:
        """stdout of a JavaScript block that stands as printed in a file of its own (``.mjs``)."""
        if shutil.which("node") is None:
            pytest.skip("node is absent")
        (self.folder / "example.mjs").write_text(self.placed(code), encoding="utf-8")
        return self._run(["node", "example.mjs"])

    def node(self, code: str) -> Any:
        """``result`` of a JavaScript block, which uses ``require`` and ``await`` as in node's prompt."""
        if shutil.which("node") is None:
            pytest.skip("node is absent")
        text = f"(async () => {{\n{self.placed(code)}\nconsole.log(JSON.stringify(result));\n}})();"
        (self.folder / "example.js").write_text(text, encoding="utf-8")
        return json.loads(self._run(["node", "example.js"]))

    def python(self, code: str) -> str:
        """stdout of a Python block."""
        return self._run([sys.executable, "-c", self.placed(code)])

    def _run(self, command: list[str], **more: str) -> str:
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        environment = {"PATH": path, "no_proxy": "*", "HOME": str(self.folder), **more}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        return done.stdout


def answers(text: str) -> list[dict[str, Any]]:
    """The JSON objects that follow one another in ``text``."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The real service with the documented gunicorn line, and a picture server that it may reach."""
    data = pytest.importorskip("skimage.data")
    portrait = np.asarray(data.astronaut())
    for name in PICTURES:
        pixels = np.hstack([portrait, portrait[:, ::-1]]) if name.startswith("group") else portrait
        Image.fromarray(pixels).save(folder / name, quality=92)
    with (
        picture_server(folder) as pictures,
        started("gunicorn", folder, "sam_mask_service:app", url_allow_networks="127.0.0.0/8") as server,
    ):
        yield Stage(server, pictures, folder)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """The test's output is no place for an access log."""


@contextlib.contextmanager
def picture_server(folder: Path) -> Iterator[str]:
    """Serves ``folder`` on the loopback and yields its address: what stands in for https://example.com."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
