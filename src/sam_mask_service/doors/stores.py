"""The only file that talks to object stores, and to whatever else fsspec knows, at addresses that the user of the
command line named: ``s3://bucket/photos``, ``gs://…``, ``az://…``, ``memory://…``. Credentials are those of the store's
own tools (environment, their files, the machine's role); none are read or kept here.

fsspec and the library of each store come with the extra ``remote`` and are loaded when an address wants them.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import (
    FileExists,
    FileMissing,
    InvalidParameter,
    ServiceError,
    StorageFull,
    StoreRefused,
    StoreUnreachable,
    TooLarge,
)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z0-9+.-]+)*://")
_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory", "oss", "oci"})
"""Stores where an object appears with its last byte; elsewhere it is written under another name first."""
_LIBRARIES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_REFUSED = ("NoCredentials", "PermissionError", "ClientAuthentication", "PartialCredentials", "TokenRetrieval")
_REFUSED_WORDS = (
    "AccessDenied",
    "Forbidden",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "401",
    "403",
)


class Thing(NamedTuple):
    """An object in a store. ``stamp``: changes whenever it does, as far as the store tells."""

    name: str
    address: str
    stamp: str


def is_address(text: str) -> bool:
    """Of a store, not of the web, nor a path (a drive of one letter included)."""
    return _ADDRESS.match(text) is not None and not text.lower().startswith(("http://", "https://"))


def read(address: str, max_bytes: int) -> bytes:
    """Raises FileMissing, TooLarge, StoreUnreachable, StoreRefused, InvalidParameter."""
    with _told(address):
        system, path = _opened(address)
        data = _start(system, path, max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge
    return data


def things(address: str) -> Iterator[Thing]:
    """All objects below ``address``, a folder of them at a time. Raises as ``read``; FileMissing where there is
    nothing."""
    with _told(address):
        system, root = _opened(address)
        if not system.exists(root):
            raise FileMissing(f"There is nothing at {address}.")
        if system.isfile(root):
            yield _thing(system, root, root.rpartition("/")[0], system.info(root))
            return
        for _, _, files in system.walk(root, detail=True, on_error="raise"):
            for name in sorted(files):
                yield _thing(system, files[name]["name"], root, files[name])


class Store:
    """Where results go. ``root``: an address; names are below it. All methods raise StoreUnreachable, StoreRefused,
    StorageFull and InvalidParameter (no such kind of store, or its library is missing)."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        with _told(root):
            self._system, self._path = _opened(self.root)

    def __reduce__(self) -> Any:
        return Store, (self.root,)

    def present(self, name: str) -> bool:
        with _told(self.root):
            return bool(self._system.exists(self._at(name)))

    def read(self, name: str, max_bytes: int) -> bytes:
        return read(f"{self.root}/{name}", max_bytes)

    def write(self, name: str, data: bytes, *, overwrite: bool = False) -> None:
        """Whole or not at all. Raises FileExists."""
        if not overwrite and self.present(name):
            raise FileExists
        with _told(self.root), self._appearing(name) as path:
            self._system.pipe_file(path, data)

    def put(self, name: str, path: str) -> None:
        """A file of this machine, in pieces, whole or not at all; in the place of what is there."""
        with _told(self.root), self._appearing(name) as target:
            self._system.put_file(path, target)

    def get(self, name: str, path: str) -> None:
        """To a file of this machine. Raises FileMissing."""
        with _told(f"{self.root}/{name}"):
            self._system.get_file(self._at(name), path)

    def names(self, folder: str) -> list[str]:
        """What lies right below ``folder``, sorted; none where there is no such folder."""
        with _told(self.root):
            self._system.invalidate_cache()
            if not self._system.exists(self._at(folder)):
                return []
            return sorted(path.rpartition("/")[2] for path in self._system.ls(self._at(folder), detail=False))

    def remove(self, name: str) -> None:
        with _told(self.root):
            self._system.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path

    @contextlib.contextmanager
    def _appearing(self, name: str) -> Iterator[str]:
        path = self._at(name)
        if _is_atomic(self._system):
            yield path
            return
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        part = f"{path.rpartition('/')[0]}/.{secrets.token_hex(8)}.part"
        try:
            yield part
            self._system.mv(part, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._system.rm_file(part)
            raise


def _opened(address: str) -> tuple[Any, str]:
    """The file system, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise _missing("An address of a store", "") from None
    protocol = address.partition(":")[0].lower()
    try:
        system, path = url_to_fs(address, use_listings_cache=False)
    except ImportError:
        raise _missing(f"{protocol}://", _LIBRARIES.get(protocol, "")) from None
    except ValueError as error:
        raise InvalidParameter(f"{address}: {error}") from None
    return system, path.rstrip("/")


def _missing(what: str, library: str) -> InvalidParameter:
    extra = "pip install 'sam-mask-api[remote]'"
    more = f" (and {library})" if library not in ("", "s3fs") else ""
    return InvalidParameter(f"{what} needs a library that is not installed: {extra}{more}")


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _is_atomic(system: Any) -> bool:
    return not _ATOMIC.isdisjoint(_protocols(system))


def _start(system: Any, path: str, length: int) -> bytes:
    """In one request. An empty object has no first byte to ask for."""
    try:
        return bytes(system.cat_file(path, start=0, end=length))
    except Exception as error:
        if "range is not satisfiable" in str(error) or "InvalidRange" in str(error):
            return b""
        raise


def _thing(system: Any, path: str, root: str, info: dict[str, Any]) -> Thing:
    told = (info.get("size"), info.get("ETag") or info.get("etag") or info.get("md5Hash") or info.get("mtime"))
    changed = info.get("LastModified") or info.get("last_modified") or info.get("created")
    stamp = "-".join(str(value).strip('"') for value in (*told, changed) if value is not None)
    return Thing(path.removeprefix(root).lstrip("/"), system.unstrip_protocol(path), stamp)


@contextlib.contextmanager
def _told(address: str) -> Iterator[None]:
    """What stores raise, in our words: theirs may hold keys and hosts."""
    try:
        yield
    except (ServiceError, GeneratorExit):
        raise
    except FileNotFoundError:
        raise FileMissing(f"There is nothing at {address}.") from None
    except FileExistsError:
        raise FileExists from None
    except Exception as error:
        raise _in_words(error, address) from error


def _in_words(error: Exception, address: str) -> Exception:
    kind, words = type(error).__name__, str(error)
    if kind.startswith(_REFUSED) or any(word in words for word in _REFUSED_WORDS):
        return StoreRefused(f"{_place(address)} does not accept these credentials, or they allow too little.")
    if isinstance(error, OSError) and error.errno == 28:
        return StorageFull()
    return StoreUnreachable(f"{_place(address)} does not answer ({kind}).")


def _place(address: str) -> str:
    """``s3://bucket``: neither a name nor a password."""
    return "/".join(address.split("/")[:3]).rpartition("@")[2]
