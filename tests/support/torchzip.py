"""Official-format torch checkpoints written without torch, right ones and wrong ones: the pickle is put together byte
by byte.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {"float32": "FloatStorage", "float16": "HalfStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def numbers(values: Iterable[int]) -> bytes:
    return b"(" + b"".join(number(v) for v in values) + b"t"


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def storage(key: str, kind: str, count: int) -> bytes:
    return b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(
    key: str, kind: str, count: int, shape: Iterable[int], strides: Iterable[int] | None = None, offset: int = 0
) -> bytes:
    """The bytes that rebuild a tensor; nothing here checks that they make sense."""
    shape = tuple(shape)
    strides = contiguous(shape) if strides is None else tuple(strides)
    arguments = storage(key, kind, count) + number(offset) + numbers(shape) + numbers(strides)
    hooks = named("collections", "OrderedDict") + b")R"
    return named("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"\x89" + hooks + b"tR"


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for n in reversed(shape[1:]):
        strides.insert(0, strides[0] * n)
    return tuple(strides[: len(shape)])


def mapping(items: Mapping[str, bytes]) -> bytes:
    """An OrderedDict whose values are already pickled, with the ``_metadata`` attribute that real state dicts carry."""
    body = b"".join(text(key) + value for key, value in items.items())
    metadata = b"}" + text("_metadata") + named("collections", "OrderedDict") + b")Rs"
    return named("collections", "OrderedDict") + b")R(" + body + b"u" + metadata + b"b"


def pickled(value: bytes) -> bytes:
    return b"\x80\x02" + value + b"."


def write_archive(path: Path, description: bytes, storages: Mapping[str, bytes], **options: Any) -> Path:
    """``options``: ``compress`` (all entries deflated), ``byteorder``."""
    how = zipfile.ZIP_DEFLATED if options.get("compress") else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("archive/data.pkl", description)
        archive.writestr("archive/byteorder", options.get("byteorder", "little"))
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", "3\n")
    return path


def write(path: Path, state: Mapping[str, NDArray[Any]]) -> Path:
    """A checkpoint as ``torch.save(model.state_dict(), path)`` writes it."""
    items, storages = {}, {}
    for i, (name, array) in enumerate(state.items()):
        items[name] = tensor(str(i), KINDS[array.dtype.name], array.size, array.shape)
        storages[str(i)] = np.ascontiguousarray(array).tobytes()
    return write_archive(path, pickled(mapping(items)), storages)
