"""The web page at ``/``: static files without a build step, and the rule under which a browser may run them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from types import MappingProxyType
from typing import get_args

from ..targets import TARGETS, Edit

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: nothing inline, no other host."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
_NAMES = (
    "album.js",
    "api.js",
    "apipage.js",
    "app.js",
    "asking.js",
    "box.js",
    "brush.js",
    "curl.js",
    "downloads.js",
    "engine.js",
    "export.js",
    "faces.js",
    "form.js",
    "gesture.js",
    "history.js",
    "icon.svg",
    "inputs.js",
    "keys.js",
    "open.js",
    "paint.js",
    "patterns.js",
    "png.js",
    "retouch.js",
    "shape.js",
    "snapshot.js",
    "state.js",
    "style.css",
    "tools.js",
    "view.js",
    "words.js",
    "workspace.js",
    "zip.js",
    "sample.jpg",
)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """``body``, its ``Content-Type`` and its ``Content-Security-Policy``, which belongs to every answer about it, 304
    included. Serve with ``Cache-Control: no-cache`` and an ETag: names carry no hash."""

    body: bytes
    content_type: str
    policy: str = CSP


@cache
def files() -> Mapping[str, StaticFile]:
    """URL path → file: ``/`` and everything under ``/static/``. All public: they hold no picture, no key and no
    setting.
    """
    found = {"/": _read("index.html"), **{f"/static/{name}": _read(name) for name in _NAMES}}
    return MappingProxyType({**found, "/static/targets.json": StaticFile(_targets(), "application/json")})


def _read(name: str) -> StaticFile:
    return StaticFile((resources(__package__) / name).read_bytes(), _TYPES[name[name.rindex(".") :]])


def _targets() -> bytes:
    rows = [
        {
            "name": t.name,
            "consumer": t.consumer,
            "polarity": {e: t.polarity(e) for e in get_args(Edit)},
            "change": t.change,
            "soft": t.soft,
            "one_file": t.mask_is_picture,
        }
        for t in TARGETS.values()
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
