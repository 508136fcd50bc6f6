"""A zip or a tar with pictures, read where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...doors import members
from ...errors import UnsupportedMedia
from ..errors import BadInput
from ..line import Address, Found, Way
from . import Options, Source

_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True)
class Archive:
    """``path``: what is read: of a packed tar, that tar unpacked."""

    name: str
    path: Path
    way: Way
    changing: bool = False
    repeats: bool = True
    named: bool = False

    def found(self) -> Iterator[Found]:
        inside = members.zip_members if self.way == "zip" else members.tar_members
        try:
            for member in inside(self.path):
                what = "file" if member.regular else "special"
                yield Found(member.name, Address(self.way, str(self.path), member.inner), what, member.stamp)
        except UnsupportedMedia as error:
            raise BadInput(error.detail) from None

    def shown(self, name: str) -> str:
        return f"{self.name}/{name}"


def archive(text: str, options: Options) -> Source | None:
    """Raises BadInput for a damaged one, StorageFull."""
    path = Path(text)
    if not path.is_file() or not text.lower().endswith(_SUFFIXES):
        return None
    way: Way = "zip" if members.is_zip(path) else "tar"
    try:
        plain = path if way == "zip" else members.plain_tar(path, options.scratch / "unpacked.tar")
    except UnsupportedMedia as error:
        raise BadInput(error.detail) from None
    return Archive(text, plain.absolute(), way)
