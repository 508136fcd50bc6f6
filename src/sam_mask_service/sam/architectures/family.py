"""What there is to know of a family of image encoders: one row each, in a file of its own beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from ...geometry import RGB
from ...runtime.ops import Model
from ..checkpoint import State
from ..config import F32, Architecture
from ..frame import to_input
from ..tensors import Named

C = TypeVar("C")


class Found(NamedTuple, Generic[C]):
    """``name`` of the model, ``image_size``: side of the square in which it is prompted, ``encoder``: the family's own
    sizes.
    """

    name: str
    image_size: int
    encoder: C


def whole_square(a: Architecture, _: object) -> int:
    """SAM's own: the longer side as long as the square in which it is prompted."""
    return a.image_size


@dataclass(frozen=True, slots=True)
class Family(Generic[C]):
    """``title``: what it is called in public. ``mark``: a tensor that its checkpoints alone hold. ``sizes``: the type
    of what ``read`` finds in a checkpoint, for an image size that it need not hold. ``shapes``: every tensor that
    ``build`` reads, with its shape. ``build``: the graph of the encoder, its fully connected layers in 8 bits or not.
    ``preprocess``: a picture ((H, W, 3) uint8) as this graph's input, where that is not the picture in a square of side
    ``square``, scaled and normalised as SAM has it. ``norm_epsilon``: of the norms in the decoder's transformer.
    ``linear``: there are fully connected layers, which can be computed in 8 bits. ``f16``: nothing in it leaves f16's
    range.

    ``read`` raises WrongArchitecture.
    """

    title: str
    mark: str
    sizes: type[C]
    read: Callable[[State, int | None], Found[C]]
    shapes: Callable[[Architecture, C], Named]
    build: Callable[[State, Architecture, C, bool], Model]
    preprocess: Callable[[RGB, Architecture, C], F32] | None = None
    square: Callable[[Architecture, C], int] = whole_square
    norm_epsilon: float = 1e-5
    linear: bool = True
    f16: bool = True

    def own(self, a: Architecture) -> C:
        """The sizes of one of this family's encoders."""
        assert isinstance(a.encoder, self.sizes)  # noqa: S101 - who asks has chosen the row by this type
        return a.encoder

    def input(self, image: RGB, a: Architecture) -> F32:
        """A picture as the graph's input."""
        own = self.own(a)
        return to_input(image, self.square(a, own)) if self.preprocess is None else self.preprocess(image, a, own)
