"""The masks of chosen faces as the engine draws them: embedded once, drawn by region, both kept for later requests."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from ..geometry import Face
from ..params import DetectParams, MaskParams
from ..segment.regions import is_wide, terms_for
from ..segment.segmenter import Detail, Embedding
from .find import chosen, largest, within_limit
from .steps import Step, Work, always
from .values import Detection, MaskSet

NEAR = 1.0
"""Box sizes around a face within which another head may touch its own."""


def mask_of(params: DetectParams, **fixed: Any) -> MaskParams:
    """The mask that a task needs: the same words mean the same."""
    shared = {k: v for k, v in params.model_dump().items() if k in MaskParams.model_fields and k != "output"}
    return MaskParams.model_validate({**shared, **fixed})


def _check(work: Work) -> None:
    """Raises RegionUnavailable before any work is done for nothing."""
    terms_for(work.wanted.region, work.segmenter.regions)


CHECK_REGION: Step[Work] = Step(_check)


def first_or_all(work: Work) -> None:
    """The chosen faces; with mode=first the first one alone."""
    faces = chosen(work.seen, work.wanted)
    work.chosen = faces[:1] if work.wanted.mode == "first" else within_limit(work, faces)


def _choose(work: Work) -> None:
    """All chosen faces in one go, embedded with those whose heads may touch theirs."""
    first_or_all(work)
    faces = [face for _, face in work.chosen]
    near = _neighbours(faces, work.seen) if work.segmenter.heeds_neighbours else []
    near = largest(near, work.tools.limits.max_faces)
    work.groups, work.among = [tuple(faces)] if faces else [], [*faces, *near]


CHOOSE_TO_DRAW: Step[Work] = Step(_choose)


def _neighbours(faces: Sequence[Face], seen: Detection) -> list[Face]:
    """Faces that were not chosen and are so near to a chosen one that their heads may touch."""
    boxes = [face.box for face in faces]
    near = [box.grown(NEAR) for box in boxes]
    return [f for f in seen.faces if f.box not in boxes and any(f.box.intersection(box) for box in near)]


def _detail(work: Work) -> Detail:
    """How near the engine looks: what was asked for, and at all of the picture for a region that needs it."""
    wanted = work.wanted
    return "picture" if wanted.detail == "auto" and is_wide(wanted.region) else wanted.detail


def _embedding_key(work: Work) -> Hashable:
    seen, segmenter = work.seen, work.segmenter
    part = segmenter.embedding_key(seen.width, seen.height, work.among, _detail(work))
    return work.key, segmenter.name, segmenter.model, part


def _group_key(work: Work, faces: Sequence[Face]) -> Hashable:
    return _embedding_key(work), work.wanted.region, tuple(face.box for face in faces)


def _recall(work: Work) -> None:
    work.drawn = [work.cached(_group_key(work, group)) for group in work.groups]


RECALL: Step[Work] = Step(_recall)


def all_drawn(work: Work) -> bool:
    return len(work.done) == len(work.groups)


def embedded_before(work: Work) -> bool:
    found: Embedding | None = work.cached(_embedding_key(work))
    if found is not None:
        work.embedding = found
    return found is not None


def embed(work: Work) -> None:
    """The expensive step: all that the engine has to know of the picture, whatever is asked of it."""
    work.embedding = work.segmenter.embed(work.picture.rgb, work.among, _detail(work), work.deadline)
    work.keep(_embedding_key(work), work.embedding)


EMBED: Step[Work] = Step(embed, "embed", needless=lambda work: all_drawn(work) or embedded_before(work), pixels=always)


def _draw(work: Work) -> None:
    work.drawn = [known or _drawn(work, group) for known, group in zip(work.drawn, work.groups, strict=True)]


def _drawn(work: Work, faces: Sequence[Face]) -> MaskSet:
    work.deadline.check()
    masks = work.segmenter.masks(work.embedding, faces, work.wanted.region, work.deadline, lambda: work.picture.rgb)
    drawn = MaskSet(tuple(masks), work.embedding.detail)
    work.keep(_group_key(work, faces), drawn)
    return drawn


DRAW: Step[Work] = Step(_draw, "segment", needless=all_drawn)
