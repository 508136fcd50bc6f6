"""``/create_mask_file``: as ``/create_mask``, with each picture saved under the output folder."""

from __future__ import annotations

import secrets
from dataclasses import replace

from ..doors import files
from ..doors.quota import check_room
from ..params import MaskFileParams
from ..wire import Json
from .answer import Answer
from .mask import MASK
from .models import MaskFileResponse
from .steps import Step, Work
from .task import Render

_LISTS = ("masks", "cropped_faces")


def _names(name: str, answer: Answer) -> list[str]:
    if len(answer.pictures) == 1:
        return [name]
    return [f"{name[:-4]}-{face}{name[-4:]}" for face in answer.names]


def _with_files(answer: Answer, names: list[str]) -> Json:
    """The answer with the names of the files in place of the masks; the matching picture of a target stays."""
    body = {name: value for name, value in answer.body.items() if name not in ("mask_base64", *_LISTS)}
    if "mask_base64" in answer.body:
        return {**body, "mask_file": names[0]}
    key = next(name for name in _LISTS if name in answer.body)
    rows = answer.bare()[key]
    return {**body, key: [{**row, "mask_file": name} for row, name in zip(rows, names, strict=True)]}


def _check_name(work: Work) -> None:
    """Raises what ``files.check_name`` raises, before any work is done for nothing."""
    name = work.asked.params.output_name
    if name is not None:
        files.check_name(name)


def _save(work: Work) -> None:
    params: MaskFileParams = work.asked.params
    names = _names(params.output_name or f"mask-{secrets.token_hex(8)}.png", work.answer)
    contents = dict(zip(names, work.answer.pictures, strict=True))
    check_room(work.tools.output_root, sum(map(len, contents.values())), work.tools.limits.output_bytes)
    files.write_all(work.tools.output_root, contents, params.overwrite)
    work.answer = replace(work.answer, body=_with_files(work.answer, names))


MASK_FILE = replace(
    MASK,
    name="mask_file",
    path="/create_mask_file",
    about="As `/create_mask`, saved in the server's output folder; the answer has `mask_file` in place of base64.",
    params=MaskFileParams,
    steps=(Step(_check_name), *MASK.steps, Step(_save)),
    render=Render(model=MaskFileResponse),
    command=None,
    operation="create_mask_file",
    later=False,
)
