"""SAM on a card: pictures scaled and encoded there, those that wait together; masks decoded there, all prompts at once.

Embeddings stay on the card, and only the mask logits come back. What runs is ``runtime/torch_card.py``; torch is not
named here, so that batching and faults are tested without it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..deadline import NO_DEADLINE, Deadline
from ..geometry import RGB
from ..runtime.machine import Precision
from ..runtime.ops import Model
from . import decoder
from .architectures import family_of
from .backend import Features, filled, room_for
from .batching import Batcher
from .checkpoint import State
from .config import F32, Architecture
from .frame import DEVIATION, MEAN, Frame
from .prompt import Prompt, PromptEncoder

OnCard = Any
"""A tensor of the card."""


class Network(Protocol):
    def __call__(self, *inputs: OnCard) -> list[OnCard]: ...


class Card(Protocol):
    """What a device that holds its own tensors can do (``runtime/torch_card.py`` says more). Its faults are DeviceFull
    and DeviceLost."""

    @property
    def name(self) -> str: ...

    @property
    def lost(self) -> str | None: ...

    def network(self, graph: Model, precision: Precision, form: str | None = None) -> Network: ...

    def picture(
        self, image: RGB, size: tuple[int, int], square: int, mean: NDArray[Any], deviation: NDArray[Any]
    ) -> OnCard: ...

    def tensor(self, values: NDArray[Any]) -> OnCard: ...

    def array(self, tensor: OnCard) -> F32: ...

    def together(self, tensors: Sequence[OnCard]) -> OnCard: ...

    def apart(self, tensor: OnCard) -> list[OnCard]: ...

    def wait(self) -> None: ...

    def room(self, use: Any) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class CardFeatures:
    """An embedding (1, C, g, g) float32 on the card."""

    tensor: OnCard
    nbytes: int


class CardSam:
    """SamBackend on a card. The encoder computes in ``precision``, the decoder, which is small, in float32.
    ``largest``: pictures at once; None: as many as there is room for."""

    def __init__(
        self,
        state: State,
        architecture: Architecture,
        precision: Precision,
        card: Card,
        *,
        form: str | None = None,
        largest: int | None = None,
    ) -> None:
        self.architecture = architecture
        self.precision: str = precision
        self.name, self.image_size, self.device = architecture.name, architecture.image_size, card.name
        self._card = card
        self._prompts = PromptEncoder(state, architecture)
        family = family_of(architecture)
        encoder = family.build(state, architecture, family.own(architecture), False)
        self._encoder = card.network(encoder, precision, form)
        self._source = card.network(decoder.build_source(architecture), "f32")
        self._mask_prompt = card.network(decoder.build_mask_prompt(state, architecture), "f32")
        self._no_mask = card.tensor(self._prompts.no_mask)
        self._weights = decoder.weights(state)
        self._decoders: dict[int, Network] = {}
        self._lock = threading.Lock()
        self.batches: Batcher[OnCard, CardFeatures] = Batcher(self._encode, largest or self._room())

    @property
    def lost(self) -> str | None:
        return self._card.lost

    def _room(self) -> int:
        """How many pictures the card takes at once, by one that is encoded."""
        blank = np.zeros((self.image_size, self.image_size, 3), np.uint8)
        return self._card.room(lambda: self._encode([self._taken(blank)]))

    def encode(self, image: RGB, deadline: Deadline = NO_DEADLINE) -> CardFeatures:
        """Beside others that wait. Raises DeadlinePassed, ClientLeft, DeviceFull, DeviceLost."""
        deadline.check()
        return self.batches(self._taken(image), deadline)

    def embedding(self, features: CardFeatures) -> F32:
        """What is on the card as an array, (1, C, g, g): to look at; nothing else needs it."""
        return self._card.array(features.tensor)

    def _taken(self, image: RGB) -> OnCard:
        """The picture as the encoder's input, on the card."""
        family, a = family_of(self.architecture), self.architecture
        if family.preprocess is not None:
            return self._card.tensor(family.input(image, a))
        square = family.square(a, family.own(a))
        size = Frame(image.shape[1], image.shape[0], square).scaled
        return self._card.picture(image, size, square, MEAN, DEVIATION)

    def _encode(self, pictures: Sequence[OnCard]) -> list[CardFeatures]:
        (embeddings,) = self._encoder(self._card.together(pictures))
        self._card.wait()
        nbytes = 4 * self.architecture.decoder.dim * self.architecture.grid**2
        return [CardFeatures(part, nbytes) for part in self._card.apart(embeddings)]

    def decode(
        self, embedding: Features, prompts: Sequence[Prompt], deadline: Deadline = NO_DEADLINE
    ) -> tuple[F32, F32]:
        """Raises DeadlinePassed, DeviceFull, DeviceLost."""
        if not isinstance(embedding, CardFeatures):
            raise TypeError("features of another backend")
        deadline.check()
        tokens = [self._prompts.tokens(prompt) for prompt in prompts]
        size = room_for(tokens)
        sparse, absent = (self._card.tensor(one) for one in filled(tokens, size))
        logits, iou, _ = self._decoder(size)(self._seen(embedding, prompts), sparse, absent)
        return self._card.array(logits), self._card.array(iou)

    def _decoder(self, size: int) -> Network:
        with self._lock:
            if size not in self._decoders:
                positions = self._prompts.grid_positions()
                graph = decoder.build(self._weights, self.architecture, positions, size)
                self._decoders[size] = self._card.network(graph, "f32")
            return self._decoders[size]

    def _seen(self, embedding: CardFeatures, prompts: Sequence[Prompt]) -> OnCard:
        """What the decoder looks at: (1, g², C) for all prompts, or where one has a mask (B, g², C)."""
        masks = [prompt.mask for prompt in prompts]
        if all(mask is None for mask in masks):
            return self._source(embedding.tensor, self._no_mask)[0]
        parts = [self._source(embedding.tensor, self._dense(mask))[0] for mask in masks]
        return self._card.together(parts)

    def _dense(self, mask: F32 | None) -> OnCard:
        if mask is None:
            return self._no_mask
        return self._mask_prompt(self._card.tensor(np.asarray(mask, np.float32)[None, None]))[0]
