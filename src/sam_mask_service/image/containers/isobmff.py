"""HEIF and AVIF: the main picture is found, all that is none of it (thumbnails, depth maps, films, metadata) is renamed
so that decoders pass it over, and what is left is counted before anything is decoded. Pure.

A file's stated size binds nobody: the coded units may announce other sizes, a grid may repeat its tiles, an item may
hold a thousand pictures. So each unit is looked at.
"""

from __future__ import annotations

from ...errors import ImageUnreadable, UnsupportedMedia
from ...limits import PICTURE
from ..cicp import profile_of
from . import av1, hevc
from .boxes import Items, Span, boxes, items
from .clean import Clean, big, enough

_HEVC, _AV1, _GRID = b"hvc1", b"av01", b"grid"
_SLACK = 1 << 20
"""Pixels that tiles and alignment may add to a small picture."""
_LAYERS = 4
"""Pictures that an AV1 item may hold for one: its layers."""
_PASSED_OVER = b"skip"
_OTHER_BRANDS = (b"avis", b"msf1", b"hevc", b"hevx", b"tmap")
"""Brands that promise what is renamed: films and gain maps."""


def walk(data: bytes) -> Clean:
    """Raises ImageUnreadable and UnsupportedMedia."""
    top = list(boxes(data, 0, len(data), lenient=True))
    found = dict(reversed(top))
    if b"meta" not in found:
        raise UnsupportedMedia("A film without a still picture is not read here.")
    said = items(data, found[b"meta"])
    width, height = _sides(data, said, said.primary)
    wanted = _wanted(said)
    kind = _coding(said)
    _tiles_fit(data, said, wanted)
    _count(data, said, wanted, kind)
    body = _renamed(data, top, said, wanted, kind)
    profile = _profile(data, said)
    name = "AVIF" if kind == _AV1 else "HEIF"
    alpha = any(said.refers.get((b"auxl", item)) for item in wanted)
    return Clean(name, width, height, body, profile=profile, cost=14.0 if kind == _AV1 else 11.0, alpha=alpha)


def _sides(data: bytes, said: Items, item: int) -> tuple[int, int]:
    """Width and height that the file states."""
    spans = said.owns(item, b"ispe")
    if not spans:
        raise ImageUnreadable
    return big(data, spans[0][0] + 4, 4), big(data, spans[0][0] + 8, 4)


def _wanted(said: Items) -> list[int]:
    """The main picture, its alpha channel, and the tiles of both. An item that refers to the main picture and is no
    alpha channel (a depth map, a gain map) is left out by the decoder itself; it is counted all the same."""
    alpha = [i for i in said.kinds if said.primary in said.refers.get((b"auxl", i), ())]
    mains = [said.primary, *alpha]
    return list(dict.fromkeys([*mains, *(tile for main in mains for tile in said.refers.get((b"dimg", main), ()))]))


def _coding(said: Items) -> bytes:
    """How the main picture, or the first of its tiles, is coded."""
    kind = said.kinds.get(said.primary, (b"", 0))[0]
    if kind == _GRID:
        tiles = said.refers.get((b"dimg", said.primary), [0])
        kind = said.kinds.get(tiles[0], (b"", 0))[0]
    if kind not in (_HEVC, _AV1):
        raise UnsupportedMedia("Of HEIF pictures those in HEVC and AV1 are read here.")
    return kind


def _count(data: bytes, said: Items, wanted: list[int], coding: bytes) -> None:
    """Raises ImageUnreadable when a coded item holds more than its stated size, or all together more than there may
    be.
    """
    size = units = 0
    known: set[tuple[tuple[int, int, int], ...]] = set()
    for item in wanted:
        kind, extents = said.kinds.get(item, (b"", 0))[0], tuple(said.extents.get(item, ()))
        if kind == _GRID or extents in known:
            continue
        if kind != coding:
            raise ImageUnreadable
        known.add(extents)
        size += sum(length for _, _, length in extents)
        enough(size, 2 * len(data), "bytes")
        units += _counted(data, said, item, kind)
        enough(units, PICTURE.units, "coded units")


def _counted(data: bytes, said: Items, item: int, kind: bytes) -> int:
    width, height = _sides(data, said, item)
    content = _content(data, said, item)
    areas, pictures = _hevc(data, said, item, content) if kind == _HEVC else _av1(content)
    if max(areas, default=0) > 2 * width * height + _SLACK or pictures > (1 if kind == _HEVC else _LAYERS):
        raise ImageUnreadable
    return len(areas)


def _hevc(data: bytes, said: Items, item: int, content: bytes) -> tuple[list[int], int]:
    spans = said.owns(item, b"hvcC")
    if not spans:
        raise ImageUnreadable
    size, known = hevc.configured(data[slice(*spans[0])])
    areas, pictures = [hevc.area(unit) for unit in known], 0
    for unit in hevc.in_band(content, size):
        enough(len(areas), PICTURE.units, "coded units")
        areas.append(hevc.area(unit))
        pictures += hevc.begins_picture(unit)
    return areas, pictures


def _av1(content: bytes) -> tuple[list[int], int]:
    areas: list[int] = []
    pictures = 0
    for kind, unit in av1.units(content):
        enough(len(areas), PICTURE.units, "coded units")
        areas.append(av1.area(kind, unit))
        pictures += av1.begins_picture(kind)
    return areas, pictures


def _content(data: bytes, said: Items, item: int) -> bytes:
    """An item's bytes. Raises ImageUnreadable; no length, which stands for "to the end", is nobody's."""
    parts = []
    for method, offset, length in said.extents.get(item, ()):
        start, end = said.data if method == 1 else (0, len(data))
        if method > 1 or not length or start + offset + length > end:
            raise ImageUnreadable
        parts.append(data[start + offset : start + offset + length])
    return b"".join(parts)


def _tiles_fit(data: bytes, said: Items, wanted: list[int]) -> None:
    """Raises ImageUnreadable when tiles are more than their picture."""
    for main in wanted:
        tiles = said.refers.get((b"dimg", main), [])
        width, height = _sides(data, said, main)
        total = sum(w * h for w, h in (_sides(data, said, tile) for tile in tiles))
        if total > 2 * width * height + _SLACK:
            raise ImageUnreadable


def _renamed(data: bytes, top: list[tuple[bytes, Span]], said: Items, wanted: list[int], coding: bytes) -> bytes:
    """The file up to its last box, with everything out of sight that is not wanted."""
    out = bytearray(data[: max(end for _, (_, end) in top)])
    for kind, (start, _) in top:
        if kind in (b"moov", b"uuid"):
            at = start - 4 if data[start - 4 : start] == kind else start - 12
            out[at : at + 4] = _PASSED_OVER
    for item, (_, at) in said.kinds.items():
        if item not in wanted:
            out[at : at + 4] = _PASSED_OVER
    for at in range(16, top[0][1][1], 4):
        if out[at : at + 4] in _OTHER_BRANDS:
            out[at : at + 4] = b"mif1"
    out[8:12] = b"avif" if coding == _AV1 else b"heic"
    return bytes(out)


def _profile(data: bytes, said: Items) -> bytes | None:
    """The main picture's own, or that of its first tile; an ICC profile before numbers."""
    tiles = said.refers.get((b"dimg", said.primary), [])[:1]
    spans = [span for item in (said.primary, *tiles) for span in said.owns(item, b"colr")]
    colours = {data[start : start + 4]: data[start + 4 : end] for start, end in reversed(spans)}
    for kind in (b"prof", b"rICC"):
        if kind in colours:
            return colours[kind] if len(colours[kind]) <= PICTURE.profile else None
    code = colours.get(b"nclx", b"")
    return profile_of(big(code, 0, 2), big(code, 2, 2)) if len(code) >= 4 else None
