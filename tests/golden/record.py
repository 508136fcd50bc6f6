"""The answers as short hashes: equal hashes mean equal bytes on the wire.

What changes from call to call is put aside first: seconds, request ids, image ids, waiting times.

``python -m tests.golden.record FILE`` records the answers on fakes, ``--mesh`` those of the real detector and the mesh
engine. The last bits of those are the processor's: compare two recordings of one machine, before and after a change.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from sam_mask_service import compose
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.image import encode
from sam_mask_service.patch import Patch
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import FaceMask
from sam_mask_service.service import Service

from ..support import drawn_face
from ..support.scene import ANY, TWO_FACES, picture, service, settings
from ..support.wire import Client
from .cases import Case, cases, files

Answers = dict[str, str]
PHOTO = picture()
_ID = re.compile(rb'"(request_id|image_id)":\s?"[^"]*"')
_SECONDS = re.compile(rb'"(processing_time)":\s?[0-9.e-]+')
_TIMINGS = re.compile(rb'"timings":\{([^}]*)\}')
_HEADERS = ("content-type", "x-mask-stats", "x-frame", "x-residual-faces", "x-faces-hidden", "cache-control", "allow")


# --- what is looked at ------------------------------------------------------------------------------------------------


@dataclass
class Unhidden:
    """Finds ``faces`` in a picture of its ``size`` as it was sent, each only while its middle is untouched."""

    original: RGB
    faces: tuple[Face, ...] = TWO_FACES
    name: str = "unhidden"
    asked: list[DetectOptions] = field(default_factory=list)

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        deadline.check()
        return [face for face in self.faces if self._same(image, face.box)]

    def _same(self, image: RGB, box: Box) -> bool:
        x, y = (int(v) for v in box.centre)
        where = slice(y - 5, y + 5), slice(x - 5, x + 5)
        return np.array_equal(image[where], self.original[where])


class Prompted(FakeSegmenter):
    """An engine that takes prompts: a square about the first point, or the box itself; shows what lies in the left
    half.
    """

    def prompted(
        self, embedding: Any, start: FaceMask | None, points: Any, box: Box | None, deadline: Any = None
    ) -> FaceMask:
        if box is not None:
            return FaceMask(Patch(int(box.x), int(box.y), np.ones((int(box.height), int(box.width)), bool)), 0.8, 1.0)
        x, y, _ = points[0]
        return FaceMask(Patch(int(x) - 5, int(y) - 5, np.ones((10, 10), bool)), 0.8, 1.0)

    def shows(self, embedding: Any, points: Any, box: Box | None) -> bool:
        return box is None or box.x < 100

    def embedding_key(self, width: int, height: int, faces: Any, detail: Any) -> Any:
        return tuple(face.box for face in faces)


def pixels_of(data: bytes) -> RGB:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def jpeg() -> bytes:
    """A drawn portrait with metadata, on its side."""
    image, _ = drawn_face.portrait((300, 260), (130.0, 150.0), 110.0, 140.0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "Maker"
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()


def drawn(data: bytes) -> Unhidden:
    """A face with its mesh, where ``jpeg`` has one."""
    return Unhidden(pixels_of(data), (drawn_face.face((130.0, 150.0), 110.0, 140.0),), "drawn")


# --- what is answered -------------------------------------------------------------------------------------------------


def settled(answer: httpx.Response) -> bytes:
    """The answer without what changes from call to call; the names of the timings stay."""
    body = _SECONDS.sub(rb'"\1":0', _ID.sub(rb'"\1":""', answer.content))
    body = _TIMINGS.sub(lambda m: re.sub(rb":[0-9.e-]+", b"", m[0]), body)
    body = re.sub(rb'"output_name":\s?"mask-[0-9a-f]+', b'"output_name":"', body)
    head = {name: answer.headers.get(name) for name in _HEADERS}
    return json.dumps([answer.status_code, head]).encode() + body


def digest(answer: httpx.Response) -> str:
    return f"{answer.status_code} {hashlib.sha256(settled(answer)).hexdigest()[:20]}"


def _with_id(value: Any, image_id: str) -> Any:
    return json.loads(json.dumps(value).replace("{id}", image_id)) if value is not None else None


def ask(client: Client, case: Case, image_id: str) -> str:
    _, method, path, options = case
    named: dict[str, Any] = {name: _with_id(options[name], image_id) for name in ("json", "data") if name in options}
    ready = {**options, **named}
    return digest(client.request(method, path.replace("{id}", image_id), **ready))


def answers_of(client: Client, data: bytes, prefix: str) -> Answers:
    """Case → status and hash."""
    (client.service.settings.image_root / "a.png").write_bytes(data)
    image_id = client.post("/images", files=files(image=data)).json()["image_id"]
    found = {f"{prefix}: {case[0]}": ask(client, case, image_id) for case in cases(data)}
    saved = sorted(client.service.settings.output_root.iterdir())
    return {**found, **{f"{prefix}: saved {p.name}": hashlib.sha256(p.read_bytes()).hexdigest()[:20] for p in saved}}


def opened(make: Callable[[], Service]) -> Client:
    """A client whose service was built inside its loop."""

    async def inside() -> Client:
        return Client(make())

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(inside())
    client.loop.close()
    client.loop = loop
    return client


Scene = tuple[str, bytes, Callable[[Path], Service]]


def fakes() -> Iterator[Scene]:
    seen = Unhidden(pixels_of(PHOTO))
    yield "fake", PHOTO, lambda folder: service(folder, seen)
    yield "no cache", PHOTO, lambda folder: service(folder, seen, cache_bytes=0)
    yield "prompts", PHOTO, lambda folder: service(folder, seen, Prompted())
    yield "nobody", PHOTO, lambda folder: service(folder, Unhidden(pixels_of(PHOTO), ()), Prompted())
    yield "drawn", jpeg(), lambda folder: service(folder, drawn(jpeg()))


def real() -> Iterator[Scene]:
    """The engine that everybody has, on a drawn face and on a photograph that scikit-image brings."""
    from skimage import data

    yield "mesh drawn", jpeg(), lambda folder: compose.build(settings(folder))
    yield "mesh photo", encode(data.astronaut()[:400, 50:400]), lambda folder: compose.build(settings(folder))


def record(scenes: Iterator[Scene]) -> Answers:
    found: Answers = {}
    for name, data, make in scenes:
        with tempfile.TemporaryDirectory() as folder:
            client = opened(lambda make=make, folder=folder: make(Path(folder)))  # type: ignore[misc]
            found |= answers_of(client, data, name)
            client.close()
    return found


if __name__ == "__main__":
    text = json.dumps(record(real() if "--mesh" in sys.argv else fakes()), indent=0, ensure_ascii=False)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
