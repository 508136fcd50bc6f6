"""A TFLite file taken apart: its operators, and its tensors as they lie there. Field numbers follow
``tensorflow/lite/schema/schema.fbs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flatbuffers import number_types as fb  # type: ignore[import-untyped]
from flatbuffers.table import Table  # type: ignore[import-untyped]
from numpy.typing import NDArray

Array = NDArray[Any]
Node = Any
"""A node of the graph that is built (its package has no types)."""

_DTYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 2: np.int32}
_BUILTIN = {
    0: "add",
    1: "average_pool",
    2: "concatenation",
    3: "convolution",
    4: "depthwise_convolution",
    6: "dequantize",
    14: "logistic",
    18: "multiply",
    19: "relu",
    23: "resize_bilinear",
    54: "prelu",
    117: "hard_swish",
}


class Fields:
    """A flatbuffer table whose fields are read by their number in the schema."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def _at(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def number(self, field: int, flags: Any = fb.Int32Flags, default: int = 0) -> int:
        at = self._at(field)
        return int(self._table.Get(flags, self._table.Pos + at)) if at else default

    def child(self, field: int) -> Fields:
        at = self._at(field)
        return Fields(Table(self._table.Bytes, self._table.Indirect(self._table.Pos + at)))

    def children(self, field: int) -> list[Fields]:
        at = self._at(field)
        if not at:
            return []
        start, n = self._table.Vector(at), self._table.VectorLen(at)
        return [Fields(Table(self._table.Bytes, self._table.Indirect(start + 4 * i))) for i in range(n)]

    def vector(self, field: int, flags: Any = fb.Int32Flags) -> Array:
        at = self._at(field)
        return self._table.GetVectorAsNumpy(flags, at) if at else np.zeros(0, np.int32)

    def text(self, field: int) -> str:
        at = self._at(field)
        return self._table.String(self._table.Pos + at).decode() if at else ""


@dataclass(frozen=True, slots=True)
class Operator:
    kind: str
    inputs: list[int]
    outputs: list[int]
    fields: Fields

    @property
    def options(self) -> Fields:
        return self.fields.child(4)

    @property
    def custom(self) -> Array:
        """The int32 words of a custom operator's options."""
        return self.fields.vector(5, fb.Uint8Flags).view(np.int32)


class Graph:
    """The tensors of one network: constants as arrays, activations as nodes, filled while it is built."""

    def __init__(self, data: bytes) -> None:
        root = Fields(Table(bytearray(data), int.from_bytes(data[:4], "little")))
        self.subgraph = root.children(2)[0]
        self.tensors = self.subgraph.children(0)
        self.buffers = root.children(4)
        self.codes = root.children(1)
        self.nodes: dict[int, Node] = {}
        self.constants: dict[int, Array] = {}

    def shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self.tensors[tensor].vector(0)]

    def constant(self, tensor: int) -> Array:
        """The values of a constant tensor, float32 where it holds floats."""
        if tensor not in self.constants:
            fields = self.tensors[tensor]
            raw = self.buffers[fields.number(2, fb.Uint32Flags)].vector(0, fb.Uint8Flags)
            values = raw.view(_DTYPES[fields.number(1, fb.Int8Flags)]).reshape(self.shape(tensor))
            self.constants[tensor] = values.astype(np.float32) if values.dtype == np.float16 else values
        return self.constants[tensor]

    def operators(self) -> list[Operator]:
        return [self._operator(fields) for fields in self.subgraph.children(3)]

    def _operator(self, fields: Fields) -> Operator:
        code = self.codes[fields.number(0, fb.Uint32Flags)]
        builtin = max(code.number(0, fb.Int8Flags), code.number(3))
        kind = code.text(1) or _BUILTIN.get(builtin, f"builtin {builtin}")
        return Operator(kind, [int(i) for i in fields.vector(1)], [int(i) for i in fields.vector(2)], fields)
