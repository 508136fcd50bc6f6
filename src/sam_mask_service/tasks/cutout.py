"""``/cutout``: faces or heads on transparency, on a colour, or on another picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..actions import colour, cutout
from ..actions.anonymise import Colour
from ..actions.cutout import on_paper
from ..actions.params import CutoutParams
from ..deadline import Check
from ..geometry import RGB, PixelBox
from ..image import decode_srgb, lifted, on_white
from ..mask import Alpha
from ..params import MaskParams
from .draw import CHECK_REGION, CHOOSE_TO_DRAW, DRAW, EMBED, RECALL, mask_of
from .find import FIND
from .finish import COLOURS, FINISH
from .headers import frame_headers
from .notices import ENLARGED, FRAME_BEYOND, Notice
from .pictures import ENCODE_PICTURE, SAY_PICTURE, PictureWork
from .steps import DECODE, Step
from .task import ANY_PICTURE, File, Render, Task
from .values import Original


class _Work(PictureWork):
    background: Colour | RGB | None


def _white(params: CutoutParams) -> MaskParams:
    return mask_of(params, invert=False)


def _decode_background(work: _Work) -> None:
    backdrop, words = work.asked.files.get("background_image"), work.asked.params.background
    if backdrop is not None:
        work.background = decode_srgb(backdrop, work.deadline.check, **work.tools.limits.decoding)
    else:
        work.background = None if words == "transparent" else colour(words)


def _own(original: Original, alpha: Alpha, check: Check) -> tuple[RGB, Alpha]:
    """The colours without the white that they were laid on, and the mask no denser than the picture."""
    seen = original.picture.alpha
    if seen is None:
        return original.rgb, alpha
    rgb = lifted(original.rgb, seen, check)[:, :, :3]
    return rgb, np.asarray((alpha.astype(np.uint16) * seen + 127) // 255, np.uint8)


def _cut(work: _Work) -> None:
    params: CutoutParams = work.asked.params
    rgb, alpha = _own(work.original, work.alpha, work.deadline.check)
    work.pixels, frame = cutout(
        rgb,
        alpha,
        background=work.background,
        aspect=params.aspect,
        padding=params.padding,
        faces=[face for _, face in work.chosen],
        dpi=params.dpi,
        check=work.deadline.check,
    )
    work.notices += _about(frame, work)
    work.dpi = params.dpi
    work.kind = params.format or "png"
    if work.kind == "jpeg" and work.pixels.shape[2] == 4:
        work.pixels, work.flattened = on_white(work.pixels, work.deadline.check), True
    work.said = {"frame": frame.as_dict(), "stats": {"faces_detected": len(work.seen.faces)}}


def _about(frame: PixelBox, work: _Work) -> Iterator[Notice]:
    """What is amiss with a picture for paper; another frame may reach as far as was asked for."""
    if not on_paper(work.asked.params.aspect):
        return
    if frame.overlap(PixelBox(0, 0, work.seen.width, work.seen.height)) != frame:
        yield FRAME_BEYOND
    if work.pixels.shape[0] > frame.height:
        yield ENLARGED


CUTOUT = Task(
    name="cutout",
    path="/cutout",
    about="Faces or heads on transparency, on a colour, or on another picture (file field `background_image`).",
    params=CutoutParams,
    steps=(
        Step(_decode_background),
        CHECK_REGION,
        DECODE,
        FIND,
        CHOOSE_TO_DRAW,
        RECALL,
        EMBED,
        DRAW,
        FINISH,
        COLOURS,
        Step(_cut, "cutout"),
        ENCODE_PICTURE,
        SAY_PICTURE,
    ),
    render=Render(bare="image", pictures=ANY_PICTURE, accept=ANY_PICTURE, headers=frame_headers),
    files=(File("background_image", needed=False),),
    wanted=_white,
    work=_Work,
    command="Cut faces or heads out: on transparency, or on a colour.",
    later=True,
)
