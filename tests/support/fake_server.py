"""The application on fakes for started servers: ``python -m tests.support.fake_server PORT``, or gunicorn's ``…:app``.

``FAKE_SECONDS`` is how long a picture takes, ``FAKE_FAULT`` what goes wrong with it: ``raise`` or ``hang``.
``FAKE_POISON`` is what a picture of 66 × 66 pixels does to the process: ``abort``, ``memory`` (MemoryError) or
``swallow`` (all memory that it gets). ``FAKE_LEASE`` is for how many seconds a picture of a job in Redis is left to a
worker that is not heard of.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.engines import Engines
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.http import logs
from sam_mask_service.http.app import build_app
from sam_mask_service.http.server import serve_app
from sam_mask_service.jobs import runner
from sam_mask_service.page import files
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.service import Service
from sam_mask_service.settings import load

ANY = DetectOptions()


class Middle:
    """Finds one face in the middle of any picture."""

    name = "middle"

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        deadline.check()
        height, width = image.shape[:2]
        if (height, width) == (66, 66):
            _poison(os.environ.get("FAKE_POISON"))
        return [Face(Box(width / 4, height / 4, width / 2, height / 2), 0.9)]


def _poison(kind: str | None) -> None:
    if kind == "abort":
        os.abort()
    if kind == "memory":
        raise MemoryError
    held = []
    while kind == "swallow":
        held.append(b"x" * (16 << 20))


def _fault() -> None:
    kind = os.environ.get("FAKE_FAULT")
    if kind == "raise":
        raise RuntimeError("secret of the inside")
    if kind == "hang":
        time.sleep(3600)


def make() -> Any:
    settings = load(_env_file=None)
    logs.configure(settings)
    segmenter = FakeSegmenter(seconds=float(os.environ.get("FAKE_SECONDS", "0")) / 2, fault=_fault)
    app = build_app(Service(settings, Middle(), Engines("mesh", segmenter, None)), files())
    if lease := float(os.environ.get("FAKE_LEASE", "0")):
        app.state.jobs.jobs.store.lease = lease
        runner._TIDY = lease / 4
    return app


def __getattr__(name: str) -> Any:
    if name == "app":
        return make()
    raise AttributeError(name)


if __name__ == "__main__":
    serve_app(make(), "127.0.0.1", int(sys.argv[1]))
