"""Torch zip checkpoints (``torch.save`` since 1.6) read with numpy alone; nothing in the file is ever executed.

A checkpoint is a zip archive of stored (never compressed) entries: ``NAME/data.pkl`` describes the tensors,
``NAME/data/KEY`` holds their bytes. The description goes through the tiny stack machine of ``pickle_machine``. The
archive's table (``archive``), every storage and every tensor are checked against the file's size before anything is
mapped; then each tensor is a view into one private memory map, so that reading costs milliseconds and the pages stay
the kernel's to reclaim.

Followed: PyTorch ``torch/serialization.py`` and ``caffe2/serialize/inline_container.cc``.
"""

from __future__ import annotations

import mmap
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .archive import Extent, entries, quoted
from .checkpoint_errors import DamagedCheckpoint, HostileCheckpoint, NotACheckpoint, WrongArchitecture
from .pickle_machine import run
from .pickle_values import Storage, Tensor, UnsafePickle

State = dict[str, NDArray[Any]]
"""Tensor name → array. Floating tensors are float32 (float32 ones are views of the file), whole ones keep their
type.
"""

MAX_BYTES = 8 << 30
MAX_PICKLE_BYTES = 2 << 20
MAX_TENSORS = 4096
MAX_DIMS = 6

_WRAPPERS = ("model", "state_dict")  # what training scripts put a state dict under
_DTYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


def read_state(file: IO[bytes]) -> State:
    """All tensors of a checkpoint, by name. ``file`` is an opened regular file; it may be closed afterwards.

    Raises a CheckpointError that names what is wrong. The file must not be truncated while the arrays live
    (replace it by a rename).
    """
    size = file.seek(0, 2)
    if not 0 < size <= MAX_BYTES:
        raise NotACheckpoint("The file is empty." if not size else "The file is larger than any known checkpoint.")
    extents = entries(file, size)
    root, description = _description(extents)
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # private: OpenVINO shares only writable arrays
    order = extents.get(f"{root}byteorder")
    if order is not None and mapped[order.start : order.start + min(order.size, 16)] != b"little":
        raise NotACheckpoint("The checkpoint's numbers are not little-endian.")
    try:
        value = run(mapped[description.start : description.start + description.size])
    except UnsafePickle as e:
        raise HostileCheckpoint(str(e)) from None
    except ValueError as e:
        raise DamagedCheckpoint(f"The checkpoint's description is damaged: {e}") from None
    return {name: _array(name, tensor, root, extents, mapped) for name, tensor in _tensors(value).items()}


def _description(extents: dict[str, Extent]) -> tuple[str, Extent]:
    names = [name for name in extents if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(names) != 1:
        raise NotACheckpoint("This zip archive is no torch checkpoint of weights: it has no single data.pkl.")
    extent = extents[names[0]]
    if extent.size > MAX_PICKLE_BYTES:
        raise HostileCheckpoint(
            f"The checkpoint's description has {extent.size} bytes; at most {MAX_PICKLE_BYTES} are read."
        )
    return names[0][: -len("data.pkl")], extent


def _tensors(value: object) -> dict[str, Tensor]:
    """The state dict in what the pickle holds: itself, or under one of the usual wrappers; ``module.`` prefixes
    dropped.
    """
    if type(value) is dict:
        for key in _WRAPPERS:
            if type(value.get(key)) is dict:
                value = value[key]
                break
    if type(value) is not dict:
        raise WrongArchitecture("The checkpoint holds no state dict.")
    if len(value) > MAX_TENSORS:
        raise HostileCheckpoint(f"The checkpoint names {len(value)} tensors; at most {MAX_TENSORS} are read.")
    tensors = {key: item for key, item in value.items() if type(item) is Tensor}
    if all(key.startswith("module.") for key in tensors):
        return {key[len("module.") :]: item for key, item in tensors.items()}
    return tensors


def _array(name: str, tensor: Tensor, root: str, extents: dict[str, Extent], mapped: mmap.mmap) -> NDArray[Any]:
    """The tensor as a view of the map, after everything about it has been checked."""
    shown = quoted(name)
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    dtype = _dtype(shown, storage)
    extent = extents.get(f"{root}data/{storage.key}")
    if extent is None:
        raise DamagedCheckpoint(f"The storage of {shown} is missing.")
    if storage.count * dtype.itemsize > extent.size:
        raise DamagedCheckpoint(f"The storage of {shown} claims {storage.count} values, but holds {extent.size} bytes.")
    _check_layout(shown, tensor)
    flat = np.frombuffer(mapped, dtype, storage.count, extent.start)
    view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], shape, [s * dtype.itemsize for s in strides])
    return _as_float32(view, storage)


def _dtype(shown: str, storage: Storage) -> np.dtype[Any]:
    if storage.kind not in _DTYPES:
        raise HostileCheckpoint(f"The tensor {shown} is of a type that no SAM checkpoint uses.")
    return _DTYPES[storage.kind]


def _check_layout(shown: str, tensor: Tensor) -> None:
    """Whole numbers, as many strides as sizes, no value twice (so that no shape is larger than its storage), all
    inside.
    """
    shape, strides, count = tensor.shape, tensor.strides, tensor.storage.count
    if len(shape) != len(strides) or len(shape) > MAX_DIMS:
        raise HostileCheckpoint(f"The tensor {shown} has {len(shape)} sizes and {len(strides)} strides.")
    if tensor.offset < 0 or any(n < 1 for n in shape) or any(s < 0 for s in strides):
        raise HostileCheckpoint(f"The tensor {shown} has an empty or negative size, stride or offset.")
    values, last = 1, tensor.offset
    for n, stride in zip(shape, strides, strict=True):
        values *= n
        last += (n - 1) * stride
    if values > count or last >= count:
        raise HostileCheckpoint(f"The tensor {shown} claims {values} values of a storage of {count}.")


def _as_float32(view: NDArray[Any], storage: Storage) -> NDArray[Any]:
    if storage.kind == "BFloat16Storage":
        return (view.astype(np.uint32) << 16).view(np.float32)
    if storage.kind in ("HalfStorage", "DoubleStorage"):
        return view.astype(np.float32)
    return view
