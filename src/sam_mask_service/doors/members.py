"""Pictures inside archives that the user of the command line named: what lies in a zip or a tar, and any one of it,
without unpacking. Members are found by their place in the file, so that each can be read by itself, by any process.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from ..errors import FileMissing, ImageUnreadable, StorageFull, UnsupportedMedia

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    struct.error,
)
_LOCAL_HEADER = 30
_ENCRYPTED = 1
_OPENERS: dict[bytes, Callable[[Path], BinaryIO]] = {
    b"\x1f\x8b": lambda path: cast("BinaryIO", gzip.GzipFile(path)),
    b"BZh": lambda path: cast("BinaryIO", bz2.BZ2File(path)),
    b"\xfd7zXZ": lambda path: cast("BinaryIO", lzma.LZMAFile(path)),  # noqa: SIM115
}
"""How a packed tar begins → what unpacks it."""


class Member(NamedTuple):
    """``inner``: its place in the archive, for ``zip_part`` or ``tar_part``. ``regular``: a file, no link or device."""

    name: str
    inner: str
    stamp: str
    regular: bool = True


def is_zip(path: Path) -> bool:
    return zipfile.is_zipfile(path)


def is_tar(path: Path) -> bool:
    """Also a packed one."""
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False


def plain_tar(path: Path, scratch: Path) -> Path:
    """A packed tar unpacked to the file ``scratch``, since only a plain one can be read from its middle; a plain one as
    it is. Raises UnsupportedMedia, StorageFull."""
    with path.open("rb") as file:
        start = file.read(8)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    if opener is None:
        return path
    try:
        with opener(path) as packed, scratch.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
    except _BROKEN:
        raise UnsupportedMedia(f"{path} is a damaged archive.") from None
    except OSError as error:
        raise StorageFull(f"There is no room to unpack {path}.") from error
    return scratch


def zip_members(path: Path) -> Iterator[Member]:
    """In their order. Raises UnsupportedMedia."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    place = (info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC)
                    inner = "" if info.flag_bits & _ENCRYPTED else ":".join(map(str, place))
                    yield Member(info.filename, inner, f"{info.file_size}-{info.CRC:08x}")
    except _BROKEN:
        raise UnsupportedMedia(f"{path} is a damaged archive.") from None


def tar_members(path: Path) -> Iterator[Member]:
    """In their order; of a plain tar. Raises UnsupportedMedia."""
    whole = path.stat()
    try:
        with tarfile.open(path, "r:") as opened:
            archive: Any = opened  # its list of members is emptied on the way: there may be millions
            for info in archive:
                if not info.isdir():
                    stamp = f"{info.size}-{info.mtime}-{whole.st_size}-{whole.st_mtime_ns}"
                    yield Member(info.name, f"{info.offset_data}:{info.size}", stamp, info.isreg())
                archive.members.clear()
    except _BROKEN:
        raise UnsupportedMedia(f"{path} is a damaged archive.") from None


def zip_part(path: Path, inner: str, length: int) -> bytes:
    """At most the first ``length`` bytes. Raises FileMissing, ImageUnreadable."""
    if not inner:
        raise ImageUnreadable("This file of the archive is encrypted.")
    offset, packed, size, method, crc = map(int, inner.split(":"))
    info = zipfile.ZipInfo()
    info.compress_size, info.file_size, info.compress_type, info.CRC = packed, size, method, crc
    try:
        with path.open("rb") as file:
            file.seek(offset)
            name, extra = struct.unpack("<4s22xHH", file.read(_LOCAL_HEADER))[1:]
            file.seek(name + extra, 1)
            with zipfile.ZipExtFile(file, "r", info) as member:
                return member.read(length)
    except _BROKEN:
        raise ImageUnreadable("This file of the archive is damaged.") from None
    except OSError:
        raise FileMissing(f"There is no file {path}.") from None


def tar_part(path: Path, inner: str, length: int) -> bytes:
    """At most the first ``length`` bytes. Raises FileMissing."""
    offset, size = map(int, inner.split(":"))
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(min(size, length))
    except OSError:
        raise FileMissing(f"There is no file {path}.") from None
