"""What files the results of a picture are, and what is in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TypeVar

from ..errors import InvalidParameter
from ..wire import Json
from .action import Product
from .naming import SUFFIXES_OF

P = TypeVar("P", bound=PurePath)


def outputs(target: P, faces: Sequence[str] | None) -> list[P]:
    """``target`` itself for the one result of a picture, or one file per face, named by the face's number."""
    if faces is None:
        return [target]
    return [target.with_name(f"{target.stem}-{face}{target.suffix}") for face in faces]


def is_of_face(name: str, target: PurePath) -> bool:
    """Whether ``name`` is what ``outputs`` calls the result of one face."""
    return re.fullmatch(re.escape(target.stem) + r"-\d+" + re.escape(target.suffix), name) is not None


def fitted(target: P, kind: str, *, named: bool = False, free: bool = True) -> P:
    """``target`` with a suffix that fits the result's format. ``named``: the user wrote the name himself, so that it
    must fit (InvalidParameter). ``free``: no other result can have the name that only differs in its suffix."""
    if target.suffix.lower() in SUFFIXES_OF[kind]:
        return target
    suffix = SUFFIXES_OF[kind][0]
    if named:
        raise InvalidParameter(f"The result is a {kind.upper()} file: name one that ends in {suffix}, or a folder.")
    return target.with_suffix(suffix) if free else target.with_name(f"{target.name}{suffix}")


def contents(ready: P, made: Product) -> dict[P, bytes]:
    """The files of a result whose fitted target is ``ready``."""
    pictures = zip(outputs(ready, made.faces), made.pictures, strict=True)
    return {**dict(pictures), **{ready.with_name(ready.stem + name): data for name, data in made.beside.items()}}


def digests(files: Mapping[P, bytes]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in files.values()]


def product_again(row: Json, data: Sequence[bytes], *, per_face: bool) -> Product:
    """The product whose files' bytes are ``data``, as ``row`` of a manifest tells of it."""
    paths = [PurePath(name) for name in row["output"]]
    stem = paths[0].stem.rpartition("-")[0] if per_face else paths[0].stem
    endings = [path.name.removeprefix(stem) for path in paths]
    own = [i for i, path in enumerate(paths) if (path.stem.removeprefix(stem)[1:].isdigit() if per_face else i == 0)]
    kind = next(kind for kind, those in SUFFIXES_OF.items() if paths[0].suffix.lower() in those)
    faces = tuple(paths[i].stem.removeprefix(stem)[1:] for i in own) if per_face else None
    beside = {endings[i]: data[i] for i in range(len(paths)) if i not in own}
    warning = row["error"] if row["code"] == "residual_faces" else None
    return Product(tuple(data[i] for i in own), kind, row["stats"], row["faces"], faces, warning, beside)
