"""What a checkpoint's pickle may build: storages and tensors, by the three names that it may call. They are looked up
here and never imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class UnsafePickle(Exception):
    """The pickle asks for something that no state dict needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Storage:
    """``kind`` is torch's class name (``FloatStorage``), ``key`` the entry's name, ``count`` the number of values."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """``offset`` and ``strides`` in values, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if arguments not in ((), ([],)):
        raise UnsafePickle("The checkpoint's description fills a dict in an unusual way.")
    return {}


def _whole(values: Any) -> tuple[int, ...]:
    if type(values) is not tuple or any(type(v) is not int for v in values):
        raise ValueError("a tensor's sizes are no whole numbers")
    return values


def _tensor(arguments: tuple[Any, ...]) -> Tensor:
    """``torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])``."""
    storage, offset, shape, strides, *_ = arguments if len(arguments) >= 4 else (None,) * 4
    if type(storage) is not Storage or type(offset) is not int:
        raise UnsafePickle("The checkpoint's description builds a tensor out of something that is no storage.")
    return Tensor(storage, offset, _whole(shape), _whole(strides))


def _parameter(arguments: tuple[Any, ...]) -> Tensor:
    if not arguments or type(arguments[0]) is not Tensor:
        raise UnsafePickle("The checkpoint's description builds a parameter out of something that is no tensor.")
    return arguments[0]


CALLS: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
"""Name in the file → what builds it here."""
