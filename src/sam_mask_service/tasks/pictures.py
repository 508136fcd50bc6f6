"""Answers that are one picture: encoded, with its size and what is said of it."""

from __future__ import annotations

import numpy as np

from ..image import WHITE, OutputFormat, encode, unasked
from ..wire import Json
from .answer import Answer
from .notices import as_stats
from .steps import Step, Work


class PictureWork(Work):
    """Work that ends in one picture: ``pixels``, to be written as ``kind`` with ``quality`` and ``dpi``. ``said`` goes
    into the answer. See-through pixels are already in ``pixels``, or laid on white where ``flattened``."""

    pixels: np.ndarray
    kind: OutputFormat
    quality: int | None = None
    dpi: int | None = None
    said: Json
    flattened: bool = False


def _encode(work: PictureWork) -> None:
    work.deadline.check(unasked(work.pixels, work.kind))
    work.pictures = (encode(work.pixels, work.kind, work.quality, work.deadline.check, work.dpi),)


def _say(work: PictureWork) -> None:
    size = {"image_width": int(work.pixels.shape[1]), "image_height": int(work.pixels.shape[0])}
    said = {name: value for name, value in work.said.items() if name != "stats"}
    body = {
        "success": True,
        "image_base64": work.pictures[0],
        "image_format": work.kind,
        **({"flattened_on": WHITE} if work.flattened else {}),
        **said,
        "parameters": work.asked.params.model_dump() | {"format": work.kind},
        "stats": {**size, **work.said.get("stats", {}), **as_stats(work.notices)},
        **work.times(),
    }
    work.answer = Answer(body, work.pictures, work.kind)


ENCODE_PICTURE: Step[PictureWork] = Step(_encode, "encode")
SAY_PICTURE: Step[PictureWork] = Step(_say)
