"""Requests of every endpoint, good and bad."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from sam_mask_service.image import encode
from sam_mask_service.targets import TARGETS

Case = tuple[str, str, str, dict[str, Any]]
"""(name, method, path, options of httpx); ``{id}`` in a path is the id of an upload."""
PLAIN = {"mode": "combined", "invert": False}


def files(**parts: bytes) -> dict[str, Any]:
    return {name: (name, data) for name, data in parts.items()}


def _masks(data: bytes) -> Iterator[Case]:
    rows: tuple[dict[str, str], ...] = (
        {},
        {"mode": "combined", "invert": "false", "feather_pixels": "6.5"},
        {"mode": "separate"},
        {"mode": "crop", "expand_pixels": "12"},
        {"mode": "crop", "invert": "0"},
        {"matte": "true", "expand_pixels": "0"},
        {"matte": "true", "expand_pixels": "-3", "mode": "combined"},
        {"region": "head"},
        {"region": "hat"},
        {"engine": "sam"},
        {"detail": "face", "output": "png"},
        {"mode": "separate", "output": "png"},
        {"faces": "1", "order": "left"},
        {"faces": "9"},
        {"point_x": "3", "point_y": "3"},
        {"max_faces": "1", "mode": "combined", "min_confidence": "0.3"},
        {"nonsense": "1"},
        *({"target": name} for name in TARGETS),
        {"target": "openai", "edit": "everything_else", "mode": "combined"},
    )
    for number, row in enumerate(rows):
        yield f"mask {number} {row}", "POST", "/create_mask", {"files": files(image=data), "data": row}
    for accept in ("image/png", "image/*;q=0.5, application/json", "image/jpeg"):
        yield f"mask {accept}", "POST", "/create_mask", {"files": files(image=data), "headers": {"Accept": accept}}
    text = base64.b64encode(data).decode()
    head = {"Content-Type": "image/png"}
    yield "mask raw", "POST", "/create_mask?mode=combined&output=png", {"content": data, "headers": head}
    yield "mask json", "POST", "/create_mask", {"json": {"image_base64": text, **PLAIN}}
    yield "mask two sources", "POST", "/create_mask", {"json": {"image_base64": text, "image_path": "a.png"}}
    yield "mask path", "POST", "/create_mask", {"json": {"image_path": "a.png"}}
    yield "mask no path", "POST", "/create_mask", {"json": {"image_path": "../b.png"}}
    yield "mask url", "POST", "/create_mask", {"json": {"image_url": "http://127.0.0.1/a.png"}}
    yield "mask no source", "POST", "/create_mask", {"json": {}}
    yield "mask nothing", "POST", "/create_mask", {}
    yield "mask no picture", "POST", "/create_mask", {"content": b"no picture", "headers": head}
    yield "mask wrong file", "POST", "/create_mask", {"files": files(picture=data)}


def _files(data: bytes) -> Iterator[Case]:
    rows: tuple[dict[str, str], ...] = (
        {"output_name": "m.png"},
        {"output_name": "m.png"},
        {"output_name": "m.png", "overwrite": "true", "mode": "combined", "output": "png"},
        {"output_name": "s.png", "mode": "separate"},
        {"output_name": "c.PNG", "mode": "crop"},
        {"output_name": "t.png", "target": "openai"},
        {"output_name": "m.exe"},
        {"output_name": "../m.png"},
    )
    for number, row in enumerate(rows):
        yield f"file {number} {row}", "POST", "/create_mask_file", {"files": files(image=data), "data": row}


def _detect(data: bytes) -> Iterator[Case]:
    for row in (
        {},
        {"order": "left"},
        {"recall": "high", "detector": "blazeface"},
        {"faces": "1,0"},
        {"mode": "first"},
    ):
        yield f"detect {row}", "POST", "/detect_faces", {"files": files(image=data), "data": row}


def _hide(data: bytes) -> Iterator[Case]:
    rows: tuple[dict[str, str], ...] = (
        *({"method": method} for method in ("blur", "pixelate", "solid", "mosaic")),
        {"except": "0", "strength": "1", "method": "solid", "colour": "#fff"},
        {"except": "7"},
        {"except_points": "[[3, 3]]"},
        {"region": "head", "faces": "0"},
        {"output": "image"},
        {"output": "base64"},
        {"engine": "sam"},
    )
    for number, row in enumerate(rows):
        yield f"anonymize {number} {row}", "POST", "/anonymize", {"files": files(image=data), "data": row}
    accept = {"headers": {"Accept": "image/webp"}}
    yield "anonymize accept", "POST", "/anonymize", {"files": files(image=data), **accept}
    yield (
        "anonymize url and file",
        "POST",
        "/anonymize",
        {"files": files(image=data), "data": {"image_url": "http://x"}},
    )


def _cut(data: bytes) -> Iterator[Case]:
    back = encode(np.full((30, 50, 3), (0, 255, 0), np.uint8))
    rows: tuple[dict[str, str], ...] = (
        {},
        {"mode": "first", "aspect": "1:1", "background": "#102030", "format": "webp"},
        {"aspect": "35x45mm", "padding": "0.2", "output": "image"},
        {"matte": "true", "region": "head"},
        {"background": "url(x)"},
    )
    for number, row in enumerate(rows):
        yield f"cutout {number} {row}", "POST", "/cutout", {"files": files(image=data), "data": row}
    yield "cutout backdrop", "POST", "/cutout", {"files": files(image=data, background_image=back)}
    yield "cutout bad backdrop", "POST", "/cutout", {"files": files(image=data, background_image=b"none")}
    text = base64.b64encode(data).decode()
    yield "cutout json", "POST", "/cutout", {"json": {"image_base64": text, "padding": 0.5}}


def _composite(data: bytes) -> Iterator[Case]:
    size = Image.open(io.BytesIO(data)).size
    edit = encode(np.full((size[1], size[0], 3), 255, np.uint8))
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[40:100, 60:120] = 255
    parts = files(original=data, edited=edit, mask=encode(mask))
    rows: tuple[dict[str, str], ...] = (
        {},
        {"match": "seam", "format": "webp"},
        {"change": "black", "format": "jpeg", "output": "image"},
    )
    for row in rows:
        yield f"composite {row}", "POST", "/composite", {"files": parts, "data": row}
    kept = {name: part for name, part in parts.items() if name != "original"}
    yield "composite id", "POST", "/composite", {"files": kept, "data": {"image_id": "{id}"}}
    yield "composite wrong id", "POST", "/composite", {"files": kept, "data": {"image_id": "gone"}}
    yield "composite neither", "POST", "/composite", {"files": kept}
    yield "composite both", "POST", "/composite", {"files": parts, "data": {"image_id": "{id}"}}
    yield "composite no mask", "POST", "/composite", {"files": files(original=data, edited=edit)}
    yield "composite photo as mask", "POST", "/composite", {"files": files(original=data, edited=edit, mask=data)}
    yield (
        "composite contradiction",
        "POST",
        "/composite",
        {"files": parts, "data": {"target": "openai", "change": "white"}},
    )
    yield "composite transform", "POST", "/composite", {"files": parts, "data": {"transform": '{"width": -1}'}}
    yield "composite json", "POST", "/composite", {"json": {"image_id": "{id}"}}


def _kept(data: bytes) -> Iterator[Case]:
    path = "/images/{id}/masks"
    yield "upload", "POST", "/images", {"files": files(image=data)}
    yield "upload order", "POST", "/images", {"files": files(image=data), "data": {"order": "left", "max_faces": "1"}}
    rows: tuple[dict[str, Any], ...] = (
        {},
        PLAIN,
        {**PLAIN, "faces": [0]},
        {**PLAIN, "points": [[110, 75, 1], [150, 75, 0]]},
        {**PLAIN, "points": [[30, 40, 1]], "expand_pixels": 0},
        {**PLAIN, "box": [60, 60, 50, 40]},
        {**PLAIN, "box": [120, 60, 50, 40], "region": "head"},
        {**PLAIN, "box": [60, 60, 50, 40], "points": [[100, 80, 1]], "output": "png"},
        {"mode": "separate"},
        {"mode": "crop"},
        {"target": "diffusers", "matte": True},
        {"points": [[5000, 75, 1]]},
        {"box": [5000, 500, 10, 10]},
        {"points": []},
        {"faces": [5]},
        {"image_url": "http://example.com"},
    )
    for number, row in enumerate(rows):
        yield f"again {number} {row}", "POST", path, {"json": row}
    yield "again png", "POST", path, {"json": PLAIN, "headers": {"Accept": "image/jpeg"}}
    yield "again file", "POST", path, {"files": files(image=data)}
    yield "again form", "POST", path, {"files": files(other=b""), "data": {"mode": "combined"}}
    yield "again gone", "POST", "/images/gone/masks", {"json": {}}


def _many(data: bytes) -> Iterator[Case]:
    text = base64.b64encode(data).decode()
    images: list[Any] = [
        {"image_base64": text, "id": "a"},
        {"image_base64": "bm8gcGljdHVyZQ==", "id": 7},
        {"image_path": "missing.png"},
        {"image_base64": text, "image_path": "x"},
        {"image_base64": text, "mode": "first"},
        5,
        {"image_base64": text, "id": "last"},
    ]
    yield "many", "POST", "/create_masks", {"json": {"images": images, **PLAIN}}
    parts = [("image", (str(i), data)) for i in range(3)]
    yield "many files", "POST", "/create_masks", {"files": parts, "data": {"mode": "crop"}}
    bad: tuple[dict[str, Any], ...] = ({}, {"images": []}, {"images": [{"image_base64": "x"}], "output": "png"})
    for body in bad:
        yield f"many {body}", "POST", "/create_masks", {"json": body}


def _house() -> Iterator[Case]:
    for path in ("/health", "/ready", "/openapi.json", "/docs", "/nowhere"):
        yield f"get {path}", "GET", path, {}
    yield "get mask", "GET", "/create_mask", {}
    yield "delete", "DELETE", "/images/{id}", {}
    yield "delete again", "DELETE", "/images/{id}", {}


def cases(data: bytes) -> Iterator[Case]:
    """All of them for one picture. The upload that ``{id}`` means comes before, and is deleted last."""
    for part in (_masks, _files, _detect, _hide, _cut, _composite, _kept, _many):
        yield from part(data)
    yield from _house()
