"""A loaded SAM: picture → embedding, embedding + prompts → mask logits, by sessions of a runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import cv2
import numpy as np

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB
from ..runtime.machine import EXACT, Arithmetic
from ..runtime.session import Runtime, Session
from . import decoder
from .architectures import family_of
from .checkpoint import State
from .config import F32, Architecture
from .prompt import Prompt, PromptEncoder


class Features(Protocol):
    """What an encoder says of a picture: opaque to all but the backend that gave it, and never changed."""

    @property
    def nbytes(self) -> int: ...


class SamBackend(Protocol):
    """What the segmenter needs of a network. Thread-safe; arrays in, arrays out."""

    @property
    def name(self) -> str:
        """The model: ``vit_b``, ``mobile_sam`` …"""
        ...

    @property
    def image_size(self) -> int: ...

    @property
    def precision(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def lost(self) -> str | None:
        """Why this network cannot answer any more, in words fit for the public; None while it can."""
        ...

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> Features:
        """What the encoder sees in a picture, scaled so that its longer side is ``image_size``. Raises
        DeadlinePassed.
        """
        ...

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        """B prompts (one at least, of any lengths) → mask logits (B, M, 4g, 4g) and predicted IoU (B, M); mask 0 is the
        single one, 1… the candidates. Coordinates are pixels of the model's square. Raises DeadlinePassed."""
        ...


TOKENS = (12, 72)


class _Decoders:
    """The mask decoder for prompts of up to so many tokens as TOKENS says: the small one, for what the mesh engine
    proposes (at most 12), at once; the large one, for a user's 64 points and their anchors, when it is first needed."""

    def __init__(self, make: Callable[[int], Session]) -> None:
        self._make = make
        self._made = {TOKENS[0]: make(TOKENS[0])}
        self._lock = threading.Lock()

    def __call__(self, source: F32, prompt: F32, deadline: Deadline) -> list[F32]:
        """``source`` (1, g², C), ``prompt`` (N, C) → logits (1, M, 4g, 4g) and predicted IoU (1, M)."""
        size = room_for([prompt])
        with self._lock:
            if size not in self._made:
                self._made[size] = self._make(size)
        return self._made[size].run([source, *filled([prompt], size)], deadline)[:2]


def room_for(prompts: Sequence[F32]) -> int:
    """For how many tokens the decoder is made that takes these prompts. Raises ValueError where there is none."""
    count = max(len(prompt) for prompt in prompts)
    size = next((size for size in TOKENS if size >= count), 0)
    if not size:
        raise ValueError(f"a prompt of {count} tokens; at most {TOKENS[-1]}")
    return size


def filled(prompts: Sequence[F32], size: int) -> tuple[F32, F32]:
    """Prompts of any lengths as a decoder takes them: ``sparse`` (B, size, C) and ``absent`` (B, size)."""
    sparse = np.zeros((len(prompts), size, prompts[0].shape[1]), np.float32)
    absent = np.full((len(prompts), size), decoder.ABSENT)
    for i, prompt in enumerate(prompts):
        sparse[i, : len(prompt)] = prompt
        absent[i, : len(prompt)] = 0
    return sparse, absent


class Sam:
    """SamBackend of any architecture, in a runtime that takes and gives arrays; its features are one array, (1, C, g,
    g) float32. Encoder and decoder run in the chosen precision (a decoder has no int8), mask prompts in float32."""

    def __init__(
        self,
        state: State,
        architecture: Architecture,
        arithmetic: Arithmetic,
        threads: int,
        runtime: Runtime | None = None,
    ) -> None:
        runtime = runtime or _openvino()
        self.device = runtime.device
        self.lost: str | None = None
        self.architecture = architecture
        self.precision: str = arithmetic.precision
        self.name = architecture.name
        self.image_size = architecture.image_size
        self._prompts = PromptEncoder(state, architecture)
        family = family_of(architecture)
        encoder = family.build(state, architecture, family.own(architecture), arithmetic.precision == "int8")
        self._encoder = runtime.session(encoder, arithmetic, threads)
        self._mask_prompt = runtime.session(decoder.build_mask_prompt(state, architecture), EXACT, threads)
        kept = decoder.weights(state)
        positions = self._prompts.grid_positions()
        rest = Arithmetic(arithmetic.rest, arithmetic.rest)
        self._decoders = _Decoders(
            lambda size: runtime.session(decoder.build(kept, architecture, positions, size), rest, threads)
        )

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> F32:
        picture = family_of(self.architecture).input(image, self.architecture)
        return self._encoder.run([picture], deadline)[0]

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        if not isinstance(embedding, np.ndarray):
            raise TypeError("features of another backend")
        sources = self._sources(embedding, prompts, deadline)
        tokens = [self._prompts.tokens(prompt) for prompt in prompts]
        answers = [self._decoders(source, one, deadline) for source, one in zip(sources, tokens, strict=True)]
        return np.concatenate([a[0] for a in answers]), np.concatenate([a[1] for a in answers])

    def _sources(self, embedding: F32, prompts: Sequence[Prompt], deadline: Deadline) -> Iterator[F32]:
        """What the decoder looks at for each prompt: without a mask prompt one and the same."""
        plain = self._source(embedding, self._prompts.no_mask)
        for prompt in prompts:
            if prompt.mask is None:
                yield plain
            else:
                mask = np.ascontiguousarray(prompt.mask, np.float32)[None, None]
                yield self._source(embedding, self._mask_prompt.run([mask], deadline)[0])

    def _source(self, embedding: F32, dense: F32) -> F32:
        """(1, g², C), ``dense`` added."""
        cells = self.architecture.grid**2
        return np.asarray(cv2.transpose((embedding + dense).reshape(-1, cells)), np.float32)[None]


def _openvino() -> Runtime:
    """The CPU's; not loaded where a card computes."""
    from ..runtime.openvino import OPENVINO

    return OPENVINO
