"""``/composite``: an edit put back into its original; outside of the mask bit for bit as it was."""

from __future__ import annotations

import numpy as np

from ..actions import composite, read_change
from ..actions.composite import composite_alpha, to_picture_size
from ..actions.params import CompositeParams
from ..geometry import RGB
from ..image import check_sides, decode, decode_mask, lifted, to_srgb
from ..mask import Alpha
from ..targets import Transform
from .finish import COLOURS
from .pictures import ENCODE_PICTURE, SAY_PICTURE, PictureWork
from .steps import DECODE, Limits, Step, always
from .task import ANY_PICTURE, File, Render, Task


class _Work(PictureWork):
    """``edit_alpha``: the edit's transparency, None where it is opaque."""

    edit: RGB
    edit_alpha: Alpha | None
    change: Alpha


def _most(limits: Limits) -> int:
    """Pixels of a canvas: a small picture is made larger for some targets, a large one is padded."""
    return max(20_000_000, limits.max_pixels * 5 // 4)


def _transform(work: _Work) -> Transform | None:
    params: CompositeParams = work.asked.params
    return None if params.transform is None else Transform.from_dict(params.transform, _most(work.tools.limits))


def _check(work: _Work) -> None:
    """Raises InvalidParameter for what contradicts itself, before any pixel is looked at."""
    _ = work.asked.params.mark
    _transform(work)


def _check_sides(work: _Work) -> None:
    """Raises InvalidParameter for a format that has no room for the result, before an edit is decoded."""
    check_sides(work.picture.width, work.picture.height, work.asked.params.format or "png")


def _decode_edit(work: _Work) -> None:
    decoding, files, check = work.tools.limits.decoding, work.asked.files, work.deadline.check
    edit = decode(files["edited"], check, **decoding)
    work.edit, work.edit_alpha = to_srgb(edit.rgb, edit.profile, check), edit.alpha
    work.change = read_change(decode_mask(files["mask"], check, **decoding), work.asked.params.mark)


def _composite(work: _Work) -> None:
    params: CompositeParams = work.asked.params
    rgb, transform = work.original.rgb, _transform(work)
    change = to_picture_size(work.change, rgb.shape[1], rgb.shape[0], transform)
    work.deadline.check()
    work.pixels = composite(rgb, work.edit, change, transform, params.match, work.deadline.check)
    work.kind, work.said = params.format or "png", {}
    _see_through(work, change, transform)


def _see_through(work: _Work, change: Alpha, transform: Transform | None) -> None:
    """The original's transparency, and inside the mask the edit's where it has any. Outside the mask every value is the
    original's, also a hidden one."""
    picture, check = work.original.picture, work.deadline.check
    if picture.rgba is None and work.edit_alpha is None:
        return
    if work.kind == "jpeg":
        work.flattened = True
        return
    own = work.original.rgb if picture.rgba is None else to_srgb(picture.rgba[:, :, :3], picture.profile, check)
    alpha = np.full(change.shape, 255, np.uint8) if picture.alpha is None else picture.alpha
    merged = alpha if work.edit_alpha is None else composite_alpha(alpha, work.edit_alpha, change, transform)
    work.pixels = lifted(work.pixels, merged, check)
    np.copyto(work.pixels[:, :, :3], own, where=(change == 0)[:, :, None])


COMPOSITE = Task(
    name="composite",
    path="/composite",
    about="The original with the edit inside the mask: multipart files `original` (or `image_id`), `edited` and "
    "`mask`.",
    params=CompositeParams,
    steps=(
        Step(_check),
        DECODE,
        Step(_check_sides, pixels=always),
        COLOURS,
        Step(_decode_edit, "decode_edit"),
        Step(_composite, "composite"),
        ENCODE_PICTURE,
        SAY_PICTURE,
    ),
    render=Render(bare="image", pictures=ANY_PICTURE, accept=ANY_PICTURE),
    comes="either",
    picture="original",
    files=(File("edited"), File("mask")),
    work=_Work,
)
