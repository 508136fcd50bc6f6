"""The way of a request: a list of steps over one ``Work``. Between them the deadline is asked and the time kept.

Runs in a worker thread. Knows the detector and the segmenter by their protocols only; no settings and no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..cache import ByteCache
from ..deadline import Deadline
from ..faces.detector import FaceDetector
from ..geometry import Face
from ..image import OutputFormat, Picture, decode
from ..mask import Alpha
from ..params import MaskParams
from ..segment.segmenter import Embedding, Segmenter
from ..sessions import ImageStore
from ..wire import Json
from .answer import Answer
from .notices import Notice
from .values import Crop, Detection, MaskedFace, MaskSet, Numbered, Original

T = TypeVar("T")
W = TypeVar("W", bound="Work", contravariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one picture."""

    max_bytes: int
    max_pixels: int
    max_faces: int
    """Faces that one request draws."""
    output_bytes: int = 2**50
    """What the folder of saved results may come to hold."""

    @property
    def decoding(self) -> dict[str, int]:
        """What ``image.decode`` is to hold to."""
        return {"max_bytes": self.max_bytes, "max_pixels": self.max_pixels}


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """What every request works with. ``cache`` holds faces, embeddings and drawn masks by content; ``images`` the
    uploads; ``output_root`` is the folder that results are saved in."""

    detector: FaceDetector
    limits: Limits
    cache: ByteCache[Detection | MaskSet | Embedding]
    images: ImageStore
    output_root: Path


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What one caller sent. ``data``: the picture's file; ``files``: further ones by field; ``owner``: who keeps
    uploads; ``caller``: whom alone the cache tells that this picture was here before; ``start``:
    ``time.perf_counter()`` when it came."""

    data: bytes
    params: Any
    segmenter: Segmenter
    deadline: Deadline
    files: Mapping[str, bytes] = field(default_factory=dict)
    owner: bytes = b""
    caller: bytes = b""
    start: float = field(default_factory=time.perf_counter)


class Work:
    """One request on its way. What was asked never changes; each step writes what it found into a place of its own.

    ``wanted``: the mask that the task needs, in the words of ``/create_mask``. ``groups``: the faces that are drawn,
    those of one group in one go; ``among``: those that they are embedded with. ``notices``: what is amiss with the
    answer.
    """

    seen: Detection
    chosen: list[Numbered]
    groups: list[tuple[Face, ...]]
    among: Sequence[Face]
    drawn: list[MaskSet | None]
    embedding: Embedding
    masked: tuple[MaskedFace, ...]
    alpha: Alpha
    original: Original
    crops: tuple[Crop, ...] = ()
    parts: Json
    pictures: tuple[bytes, ...] = ()
    kind: OutputFormat = "png"
    answer: Answer

    def __init__(self, asked: Asked, wanted: MaskParams, tools: Tools) -> None:
        self.asked, self.wanted, self.tools = asked, wanted, tools
        self.segmenter, self.deadline = asked.segmenter, asked.deadline
        self.timings: dict[str, float] = {}
        self.notices: list[Notice] = []
        self.key = _key(asked) if tools.cache.max_bytes else b""
        self._picture: Picture | None = None

    @property
    def picture(self) -> Picture:
        """The picture, decoded when it is first asked for, and not at all when everything about it is cached."""
        if self._picture is None:
            with self.step(DECODE.name):
                self._picture = decode(self.asked.data, self.deadline.check, **self.tools.limits.decoding)
        return self._picture

    @property
    def done(self) -> list[MaskSet]:
        """The groups that are drawn: all of them, once the steps of drawing are over."""
        return [one for one in self.drawn if one is not None]

    @contextlib.contextmanager
    def step(self, name: str | None) -> Iterator[None]:
        """Asks the deadline, then counts the seconds until the end as those of the step ``name``."""
        self.deadline.check()
        start = time.perf_counter()
        try:
            yield
        finally:
            if name is not None:
                self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - start

    def watched(self, items: Iterable[T]) -> Iterator[T]:
        """``items``, with the deadline asked before each."""
        for item in items:
            self.deadline.check()
            yield item

    def times(self) -> Json:
        """``processing_time`` until now and ``timings``, in seconds, for an answer."""
        spent = round(time.perf_counter() - self.asked.start, 6)
        return {"processing_time": spent, "timings": {k: round(v, 6) for k, v in self.timings.items()}}

    def cached(self, key: Hashable) -> Any:
        """What an earlier request kept under ``key``; None when it is not there (any more)."""
        return self.tools.cache.get(key)

    def keep(self, key: Hashable, value: Detection | MaskSet | Embedding) -> None:
        """For later requests. The ``key`` holds ``self.key``, so that it means this picture alone."""
        self.tools.cache.put(key, value, value.nbytes)


def _key(asked: Asked) -> bytes:
    """Of this picture from this caller: another one cannot learn from an answer's times that somebody sent it
    before.
    """
    made = hashlib.sha256(hashlib.sha256(asked.owner + b"\0" + asked.caller).digest())
    made.update(asked.data)
    return made.digest()


def never(_: Any) -> bool:
    return False


def always(_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step(Generic[W]):
    """One step. ``name`` in the answer's timings; None where there is nothing to time. ``needless``: whether its result
    is here already or nobody wants it. ``pixels``: whether it looks at the decoded picture."""

    do: Callable[[W], None]
    name: str | None = None
    needless: Callable[[W], bool] = never
    pixels: Callable[[W], bool] = never


def run(steps: Sequence[Step[W]], work: W) -> Answer:
    """The answer after all ``steps``, in their order. Raises DeadlinePassed, ClientLeft, and what the steps raise."""
    for step in steps:
        take(step, work)
    return work.answer


def take(step: Step[W], work: W) -> None:
    """One step, unless it is needless. Raises DeadlinePassed, ClientLeft, and what the step raises."""
    if step.needless(work):
        return
    if step.pixels(work):
        _ = work.picture
    with work.step(step.name):
        step.do(work)


def _decode(work: Work) -> None:
    _ = work.picture


DECODE: Step[Work] = Step(_decode, "decode", needless=always)
"""Stands first in every list and is put off until a later step wants pixels: of a picture that is cached none does."""
