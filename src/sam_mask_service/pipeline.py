"""A picture's way: bytes → pixels → faces → chosen faces → masks → result. Each step asks the deadline first.

Runs in a worker thread. Knows the detector and the segmenter by their protocols only; no settings, no network, no files.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .cache import ByteCache
from .deadline import Deadline
from .errors import NoFace
from .faces.detector import DetectOptions, FaceDetector
from .faces.sanitise import sane_faces
from .geometry import Box, Face, PixelBox, at_point, by_indices, ordered
from .image import Picture, crop, decode, to_srgb
from .mask import Alpha, Placed, bounds, compose, finish, intersection, union
from .params import DetectParams, MaskParams
from .segment.matte import matte
from .segment.regions import terms_for
from .segment.segmenter import Embedding, FaceMask, Patch, Segmenter

TINY_FACE = 24
"""Below this side in pixels a face is too small for the mesh to see its outline."""
LOW_CONFIDENCE = 0.8
"""Below it one face in three or four is none (docs/quality.md, Confidence)."""
SHARP = 2.0
"""Width in pixels of a matte's edge where there is no hair: what lies next to the outline is ¾ and ¼."""
NEAR = 1.0
"""Box sizes around a face within which another head may touch its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one picture."""

    max_bytes: int
    max_pixels: int
    max_faces: int


@dataclass(slots=True)
class Timer:
    """Seconds by step, in the order of the steps."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str, deadline: Deadline) -> Iterator[None]:
        deadline.check()
        start = time.perf_counter()
        try:
            yield
        finally:
            self.steps[name] = self.steps.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a look at a picture told: its size and its faces, in detection order."""

    width: int
    height: int
    faces: tuple[Face, ...]

    @property
    def nbytes(self) -> int:
        return 256 + sum(512 + (0 if f.landmarks is None else f.landmarks.nbytes) for f in self.faces)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The masks of some faces as the segmenter drew them: growth, smoothing and feather come after, per request."""

    masks: tuple[FaceMask, ...]
    detail: str

    @property
    def nbytes(self) -> int:
        return 256 + sum(256 + m.patch.bits.nbytes for m in self.masks)


@dataclass(frozen=True, slots=True, eq=False)
class MaskedFace:
    """A chosen face with its number, its mask as drawn (before growth), and the finished alpha window."""

    face_id: int
    face: Face
    box: PixelBox
    mask: FaceMask
    x: int
    y: int
    alpha: Alpha
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """``alpha``: (H, W) uint8, 255 = face, of all chosen faces together. ``crops``: (box, RGB pixels) per chosen face."""

    seen: Seen
    faces: tuple[MaskedFace, ...]
    alpha: Alpha
    engine: str
    model: str
    detail: str
    timings: dict[str, float]
    crops: tuple[tuple[PixelBox, np.ndarray], ...] = ()
    original: Original | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """The picture that was masked, for answers that hold more than its mask. ``rgb``: (H, W, 3) uint8 in sRGB;
    ``nbytes`` of the caller's own file."""

    picture: Picture
    rgb: np.ndarray
    nbytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """What the pipeline works with. ``cache`` holds faces, embeddings and drawn masks by content."""

    detector: FaceDetector
    limits: Limits
    cache: ByteCache[Seen | Drawn | Embedding]


class Look:
    """One picture on its way. The pixels are decoded when a step first needs them, and not at all when all is cached."""

    def __init__(self, data: bytes, tools: Tools, deadline: Deadline) -> None:
        self.data, self.tools, self.deadline = data, tools, deadline
        self.timer = Timer()
        self.key = hashlib.sha256(data).digest() if tools.cache.max_bytes else b""
        self._picture: Picture | None = None

    @property
    def picture(self) -> Picture:
        if self._picture is None:
            limits = self.tools.limits
            with self.timer.step("decode", self.deadline):
                self._picture = decode(
                    self.data, self.deadline.check, max_bytes=limits.max_bytes, max_pixels=limits.max_pixels
                )
        return self._picture

    def seen(self, params: DetectParams) -> Seen:
        options = _options(params, self.tools.limits)
        key: Hashable = (self.key, self.tools.detector.name, options)
        cached = self.tools.cache.get(key)
        if isinstance(cached, Seen):
            return cached
        picture = self.picture
        with self.timer.step("detect", self.deadline):
            found = self.tools.detector.detect(picture.rgb, options, self.deadline)
        faces = sane_faces(found, picture.width, picture.height)[: options.max_faces]
        seen = Seen(picture.width, picture.height, tuple(faces))
        self.tools.cache.put(key, seen, seen.nbytes)
        return seen

    def drawn(
        self,
        segmenter: Segmenter,
        faces: Sequence[Face],
        params: MaskParams,
        seen: Seen,
        among: Sequence[Face] | None = None,
    ) -> Drawn:
        """Masks of ``faces``, which were embedded together with all of ``among`` (default: alone)."""
        together = faces if among is None else among
        embedded = self._embedding_key(segmenter, together, params, seen)
        key: Hashable = (embedded, params.region, tuple(face.box for face in faces))
        cached = self.tools.cache.get(key)
        if isinstance(cached, Drawn):
            return cached
        embedding = self._embedding(embedded, segmenter, together, params)
        with self.timer.step("segment", self.deadline):
            masks = segmenter.masks(embedding, faces, params.region, self.deadline, lambda: self.picture.rgb)
        drawn = Drawn(tuple(masks), embedding.detail)
        self.tools.cache.put(key, drawn, drawn.nbytes)
        return drawn

    def embedding(self, segmenter: Segmenter, faces: Sequence[Face], params: MaskParams, seen: Seen) -> Embedding:
        """What the segmenter sees of ``faces`` together."""
        return self._embedding(self._embedding_key(segmenter, faces, params, seen), segmenter, faces, params)

    def _embedding_key(self, segmenter: Segmenter, faces: Sequence[Face], params: MaskParams, seen: Seen) -> Hashable:
        part = segmenter.embedding_key(seen.width, seen.height, faces, params.detail)
        return self.key, segmenter.name, segmenter.model, part

    def _embedding(self, key: Hashable, segmenter: Segmenter, faces: Sequence[Face], params: MaskParams) -> Embedding:
        cached = self.tools.cache.get(key)
        if cached is not None and not isinstance(cached, (Seen, Drawn)):
            return cached
        rgb = self.picture.rgb
        with self.timer.step("embed", self.deadline):
            embedding = segmenter.embed(rgb, faces, params.detail, self.deadline)
        self.tools.cache.put(key, embedding, embedding.nbytes)
        return embedding


def _options(params: DetectParams, limits: Limits) -> DetectOptions:
    return DetectOptions(
        min_confidence=params.min_confidence,
        max_faces=limits.max_faces,
        detector=params.detector,
        recall=params.recall,
    )


def choose(faces: Sequence[Face], params: DetectParams) -> list[int]:
    """Numbers of the faces asked for. Raises NoFace and FaceNotFound."""
    if not faces:
        if params.on_no_face == "error":
            raise NoFace
        return []
    if params.point_x is not None and params.point_y is not None:
        return [at_point(faces, params.point_x, params.point_y)]
    numbers = by_indices(faces, params.faces) if params.faces is not None else list(range(len(faces)))
    return numbers[: params.max_faces or len(numbers)]


def detect(look: Look, params: DetectParams) -> tuple[Seen, list[tuple[int, Face]]]:
    """The picture's faces, numbered in the asked order, and which of them are asked for."""
    seen = look.seen(params)
    faces = ordered(seen.faces, params.order)
    return seen, [(number, faces[number]) for number in choose(faces, params)]


def masks(look: Look, params: MaskParams, segmenter: Segmenter) -> Result:
    """Everything that ``/create_mask`` needs, up to encoding. A region that cannot be had is refused before any work."""
    terms_for(params.region, segmenter.regions)
    seen, chosen = chosen_for(look, params)
    faces = [face for _, face in chosen]
    among = [*faces, *_neighbours(faces, seen)] if segmenter.heeds_neighbours else faces
    drawn = look.drawn(segmenter, faces, params, seen, among) if faces else Drawn((), params.detail)
    return assemble(look, params, segmenter, seen, chosen, drawn)


def _neighbours(faces: Sequence[Face], seen: Seen) -> list[Face]:
    """Faces that were not chosen and are so near to a chosen one that their heads may touch."""
    boxes = [face.box for face in faces]
    near = [box.grown(NEAR) for box in boxes]
    return [f for f in seen.faces if f.box not in boxes and any(f.box.intersection(box) for box in near)]


def chosen_for(look: Look, params: MaskParams) -> tuple[Seen, list[tuple[int, Face]]]:
    """As ``detect``; with mode=first the first face alone."""
    seen, chosen = detect(look, params)
    return seen, chosen[:1] if params.mode == "first" else chosen


def assemble(
    look: Look,
    params: MaskParams,
    segmenter: Segmenter,
    seen: Seen,
    chosen: Sequence[tuple[int, Face]],
    drawn: Drawn,
) -> Result:
    """The result of ``chosen`` faces and their masks as drawn: smoothed, grown, feathered, put together."""
    if params.matte:
        _ = look.picture  # decoded as a step of its own
    with look.timer.step("compose", look.deadline):
        masked = tuple(_masked(look, *item, params, seen) for item in zip(chosen, drawn.masks, strict=True))
        alpha = compose(((m.x, m.y, m.alpha) for m in masked), seen.width, seen.height)
    result = Result(seen, masked, alpha, segmenter.name, segmenter.model, drawn.detail, look.timer.steps)
    if params.target is not None:
        return replace(result, original=original(look))
    return replace(result, crops=_crops(look, masked)) if params.mode == "crop" else result


def original(look: Look) -> Original:
    """The look's picture with its pixels in sRGB."""
    picture = look.picture
    with look.timer.step("colours", look.deadline):
        return Original(picture, to_srgb(picture.rgb, picture.profile), len(look.data))


def _finished(look: Look, face: Face, patch: Patch, params: MaskParams, seen: Seen) -> Placed:
    """The patch smoothed, grown and feathered; with ``matte``, soft at hair and sharp elsewhere: what was grown stays in, what was
    shrunk out."""

    def finished(grow: int, soft: float) -> Placed:
        return finish(
            patch.x, patch.y, patch.bits, seen.width, seen.height,
            grow=grow, passes=params.blur_iterations, soft=soft,
        )  # fmt: skip

    if not params.matte:
        return finished(params.expand_pixels, params.feather_pixels)
    soft = matte(look.picture.rgb, patch, finished(0, SHARP), face)
    if params.expand_pixels == 0:
        return soft
    moved = finished(params.expand_pixels, params.feather_pixels)
    return union(moved, soft) if params.expand_pixels > 0 else intersection(moved, soft)


def _masked(look: Look, chosen: tuple[int, Face], mask: FaceMask, params: MaskParams, seen: Seen) -> MaskedFace:
    number, face = chosen
    x, y, alpha = _finished(look, face, mask.patch, params, seen)
    box = face.box.pixels(seen.width, seen.height)
    warnings = _warnings(face, box, seen) + mask.warnings
    return MaskedFace(number, face, box, mask, x, y, alpha, tuple(dict.fromkeys(face.warnings + warnings)))


def _warnings(face: Face, box: PixelBox, seen: Seen) -> tuple[str, ...]:
    touches = box.x == 0 or box.y == 0 or box.x + box.width >= seen.width or box.y + box.height >= seen.height
    rules = (
        ("touches_border", touches),
        ("tiny_face", face.box.side < TINY_FACE),
        ("low_confidence", face.confidence < LOW_CONFIDENCE),
    )
    return tuple(name for name, holds in rules if holds)


def crop_box(face: Face, width: int, height: int) -> PixelBox:
    """The face with hair and chin: 30 % more at each side, 60 % above, 40 % below, clipped to the picture."""
    b = face.box
    return Box(b.x - 0.3 * b.width, b.y - 0.6 * b.height, 1.6 * b.width, 2 * b.height).pixels(width, height)


def _crops(look: Look, masked: Sequence[MaskedFace]) -> tuple[tuple[PixelBox, np.ndarray], ...]:
    picture = look.picture
    with look.timer.step("crop", look.deadline):
        boxes = [crop_box(m.face, picture.width, picture.height) for m in masked]
        return tuple((box, crop(picture, box)) for box in boxes)


def mask_bounds(masked: MaskedFace) -> PixelBox | None:
    """Where the finished mask of one face lies in the picture (alpha of a half or more)."""
    box = bounds(masked.alpha > 127)
    return None if box is None else PixelBox(box.x + masked.x, box.y + masked.y, box.width, box.height)
