"""Where results go: a folder of this machine, or an address of a store. Names are relative, with ``/``; a result is
there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..doors import files, folder, stores
from ..errors import StorageFull
from .naming import meant


class Place(Protocol):
    """``local``: the folder, where it is one. All raise StorageFull; of a store, StoreUnreachable and StoreRefused."""

    @property
    def local(self) -> Path | None: ...

    def shown(self, name: str) -> str:
        """How messages call a result."""
        ...

    def there(self, names: Sequence[str]) -> list[str]:
        """Those of a row's results that are there, as they are called there."""
        ...

    def present(self, name: str) -> bool: ...

    def beside(self, name: str) -> list[str]:
        """What lies in the folder that ``name`` would lie in."""
        ...

    def read(self, name: str, max_bytes: int) -> bytes:
        """Raises FileMissing, TooLarge."""
        ...

    def write(self, name: str, data: bytes, *, overwrite: bool) -> None:
        """Makes the folders that it needs. Raises FileExists."""
        ...

    def put(self, name: str, path: Path) -> None:
        """The file ``path`` of this machine, in the place of what is there."""
        ...


@dataclass(frozen=True)
class FolderPlace:
    local: Path

    def shown(self, name: str) -> str:
        return str(self.local / name)

    def there(self, names: Sequence[str]) -> list[str]:
        """A name that is not UTF-8 stands in its row with escapes."""
        root = self._root
        found = [name if os.path.lexists(root + name) else _unescaped(root, name) for name in names]
        return [name for name in found if name is not None]

    @cached_property
    def _root(self) -> str:
        """With its slash: asked a million times."""
        return os.path.join(self.local, "")  # noqa: PTH118

    def present(self, name: str) -> bool:
        return os.path.lexists(self.local / name)

    def beside(self, name: str) -> list[str]:
        around = (self.local / name).parent
        return sorted(os.listdir(around)) if around.is_dir() else []  # noqa: PTH208 - names are wanted

    def read(self, name: str, max_bytes: int) -> bytes:
        return files.read_file(self.local / name, max_bytes)

    def write(self, name: str, data: bytes, *, overwrite: bool) -> None:
        path = self.local / name
        folder.make(path.parent)
        files.write_file(path, data, overwrite=overwrite)

    def put(self, name: str, path: Path) -> None:
        part = self.local / f".{name}.part"
        try:
            shutil.copyfile(path, part)
            part.replace(self.local / name)
        except OSError as error:
            raise StorageFull(f"{self.local / name} cannot be written ({error.strerror}).") from error


def _unescaped(root: str, name: str) -> str | None:
    other = meant(name)
    return other if other != name and os.path.lexists(root + other) else None


class StorePlace:
    """What a row says of its results is believed: to ask for each would cost as much as to read the picture."""

    def __init__(self, address: str) -> None:
        self.store, self.local = stores.Store(address), None

    def shown(self, name: str) -> str:
        return f"{self.store.root}/{name}"

    def there(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def present(self, name: str) -> bool:
        return self.store.present(name)

    def beside(self, name: str) -> list[str]:
        return self.store.names(name.rpartition("/")[0])

    def read(self, name: str, max_bytes: int) -> bytes:
        return self.store.read(name, max_bytes)

    def write(self, name: str, data: bytes, *, overwrite: bool) -> None:
        self.store.write(name, data, overwrite=overwrite)

    def put(self, name: str, path: Path) -> None:
        self.store.put(name, str(path))


def open_place(text: str) -> Place:
    """Raises InvalidParameter, StoreUnreachable, StoreRefused."""
    return StorePlace(text) if stores.is_address(text) else FolderPlace(Path(text))
