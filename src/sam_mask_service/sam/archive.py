"""The zip archive that a checkpoint is: where the bytes of its entries lie, all of it checked before a byte is used.

Followed: APPNOTE.TXT 4.3.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from typing import IO

from .checkpoint_errors import DamagedCheckpoint, HostileCheckpoint, LegacyCheckpoint, NotACheckpoint

MAX_ENTRIES = 8192
MAX_TABLE_BYTES = 2 << 20
MAX_NAME = 200
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True, slots=True)
class Extent:
    start: int
    size: int


class _Frugal:
    """The file as zipfile sees it: reads beyond ``MAX_TABLE_BYTES`` are refused, so that a lying archive allocates
    nothing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = MAX_TABLE_BYTES + 1
        if size > MAX_TABLE_BYTES + 1:
            raise HostileCheckpoint("The archive's table of contents is larger than any checkpoint's.")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def entries(file: IO[bytes], size: int) -> dict[str, Extent]:
    """Name → where the entry's bytes lie, every entry checked: stored, unencrypted, inside the file, none over
    another.
    """
    _magic(file)
    try:
        infos = zipfile.ZipFile(_Frugal(file)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, EOFError, OSError, ValueError) as e:
        raise DamagedCheckpoint(
            "The zip archive has no readable table of contents: the file is cut off or damaged."
        ) from e
    if len(infos) > MAX_ENTRIES:
        raise HostileCheckpoint(f"The archive holds {len(infos)} entries; a checkpoint has at most {MAX_ENTRIES}.")
    extents: dict[str, Extent] = {}
    for info in infos:
        if info.filename in extents:
            raise HostileCheckpoint(f"The archive holds {quoted(info.filename)} twice.")
        extents[info.filename] = _extent(file, info, size)
    _disjoint(extents)
    return extents


def _magic(file: IO[bytes]) -> None:
    file.seek(0)
    head = file.read(512)
    if head[:4] == b"PK\x03\x04":
        return
    if head[257:262] == b"ustar" or b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" in head[:32]:
        raise LegacyCheckpoint(
            "This is a checkpoint in torch's format before version 1.6; save it again with a newer torch."
        )
    if head[:1] == b"\x80":
        raise LegacyCheckpoint(
            "This is a bare pickle (torch before 1.6), which is never read; save it again with a newer torch."
        )
    what = "an HTML page" if head.lstrip()[:1] == b"<" else "no torch checkpoint"
    raise NotACheckpoint(f"The file is {what}.")


def _extent(file: IO[bytes], info: zipfile.ZipInfo, size: int) -> Extent:
    name = quoted(info.filename)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise HostileCheckpoint(f"The entry {name} is compressed; torch stores its entries as they are.")
    if info.flag_bits & 0x1:
        raise HostileCheckpoint(f"The entry {name} is encrypted.")
    if not 0 <= info.header_offset <= size - _LOCAL_HEADER.size:
        raise DamagedCheckpoint(f"The entry {name} lies outside the file.")
    file.seek(info.header_offset)
    magic, _, _, _, _, _, _, _, _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    if magic != b"PK\x03\x04" or start + info.file_size > size:
        raise DamagedCheckpoint(f"The entry {name} lies outside the file: it is cut off or damaged.")
    return Extent(start, info.file_size)


def _disjoint(extents: dict[str, Extent]) -> None:
    end = 0
    for name, extent in sorted(extents.items(), key=lambda item: (item[1].start, item[1].size)):
        if extent.start < end:
            raise HostileCheckpoint(f"The entry {quoted(name)} lies over another one.")
        end = extent.start + extent.size


def quoted(text: str) -> str:
    """A name out of the file, fit for an error text."""
    return ascii(text[:MAX_NAME])
