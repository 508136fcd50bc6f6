"""A stack machine for the part of pickle that describes tensors. It can build tuples, lists, dicts and ``Tensor``
values, no more.

Python's own unpickler is not used: it calls what the file names, and allocates what the file claims. Here the opcodes
are decoded by ``pickletools`` (which never allocates more than the bytes that are there), and twenty-odd of them are
known; globals are looked up in a table of names and are never called. So nothing is executed, and memory is bounded by
the pickle's length.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .pickle_values import CALLS, Storage, UnsafePickle

MAX_STEPS = 400_000
MAX_INT_BYTES = 16
_MAX_LINE = 200
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


class _Mark:
    """The stack's MARK."""


@dataclass(frozen=True, slots=True)
class _Global:
    """A name out of the file; never imported."""

    name: str


_MARK = _Mark()
Stack = list[Any]


def run(data: bytes) -> object:
    """What the pickle describes. Raises UnsafePickle, or ValueError for a damaged one."""
    stack: Stack = []
    memo: dict[int, Any] = {}
    stream = io.BytesIO(data)
    for step in range(MAX_STEPS):
        name, code = _opcode(stream)
        if name == "STOP":
            break
        try:
            _HANDLERS[name](stack, memo, _argument(stream, code))
        except (IndexError, KeyError, TypeError, UnicodeError) as e:
            raise ValueError(f"instruction {name} at step {step} does not fit") from e
    else:
        raise UnsafePickle("The checkpoint's description is longer than any model's.")
    if len(stack) != 1:
        raise ValueError("it ends in the middle")
    return stack[0]


def _opcode(stream: io.BytesIO) -> tuple[str, str]:
    """(name, code) of the next instruction; unknown ones are refused before their argument is looked at."""
    code = stream.read(1).decode("latin-1")
    if not code:
        raise ValueError("it is cut off")
    name = _OPCODES[code].name if code in _OPCODES else f"0x{ord(code):02x}"
    if name != "STOP" and name not in _HANDLERS:
        raise UnsafePickle(f"The checkpoint's description uses the instruction {name}, which no state dict needs.")
    return name, code


def _argument(stream: io.BytesIO, code: str) -> Any:
    if code == "c":  # GLOBAL: two lines; pickletools would take backslashes in them for escapes
        return [stream.readline(_MAX_LINE).decode("ascii").removesuffix("\n") for _ in range(2)]
    argument = _OPCODES[code].arg
    return None if argument is None else argument.reader(stream)


def _push(stack: Stack, _memo: dict[int, Any], argument: Any) -> None:
    stack.append(argument)


def _push_number(stack: Stack, _memo: dict[int, Any], argument: int) -> None:
    if argument.bit_length() > 8 * MAX_INT_BYTES:
        raise UnsafePickle("The checkpoint's description holds an absurd number.")
    stack.append(argument)


def _constant(value: Any) -> Callable[[Stack, dict[int, Any], Any], None]:
    return lambda stack, _memo, _argument: stack.append(value)


def _put(stack: Stack, memo: dict[int, Any], argument: int) -> None:
    memo[argument] = stack[-1]


def _memoize(stack: Stack, memo: dict[int, Any], _argument: Any) -> None:
    memo[len(memo)] = stack[-1]


def _get(stack: Stack, memo: dict[int, Any], argument: int) -> None:
    stack.append(memo[argument])


def _since_mark(stack: Stack) -> list[Any]:
    """Pops everything down to the last MARK."""
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _tuple_of(count: int | None) -> Callable[[Stack, dict[int, Any], Any], None]:
    def handler(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
        items = _since_mark(stack) if count is None else [stack.pop() for _ in range(count)][::-1]
        stack.append(tuple(items))

    return handler


def _set_items(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    items = _since_mark(stack)
    for key, value in zip(items[::2], items[1::2], strict=True):
        _store(stack[-1], key, value)


def _set_item(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    value, key = stack.pop(), stack.pop()
    _store(stack[-1], key, value)


def _store(target: Any, key: Any, value: Any) -> None:
    if type(target) is not dict:
        raise ValueError("it stores into something that is no dict")
    if type(key) is str:  # other keys belong to no tensor, and a nested tuple could take for ever to hash
        target[key] = value


def _append(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    item = stack.pop()
    _list(stack).append(item)


def _appends(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    items = _since_mark(stack)
    _list(stack).extend(items)


def _list(stack: Stack) -> list[Any]:
    if type(stack[-1]) is not list:
        raise ValueError("it appends to something that is no list")
    return stack[-1]


def _global(stack: Stack, _memo: dict[int, Any], argument: list[str]) -> None:
    _push_global(stack, *argument)


def _stack_global(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    name, module = stack.pop(), stack.pop()
    if type(name) is not str or type(module) is not str:
        raise ValueError("a name is no text")
    _push_global(stack, module, name)


def _push_global(stack: Stack, module: str, name: str) -> None:
    full = f"{module}.{name}"
    if full not in CALLS and not (module == "torch" and name.endswith("Storage") and name.isalnum()):
        raise UnsafePickle(f"The checkpoint's description names {full[:80]!a}, which is refused; nothing was executed.")
    stack.append(_Global(full))


def _reduce(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    arguments, function = stack.pop(), stack.pop()
    if type(function) is not _Global or type(arguments) is not tuple or function.name not in CALLS:
        raise UnsafePickle("The checkpoint's description calls something that is no tensor; nothing was executed.")
    stack.append(CALLS[function.name](arguments))


def _build(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    """Attributes of the state dict (``_metadata``) are dropped."""
    stack.pop()
    if type(stack[-1]) is not dict:
        raise UnsafePickle("The checkpoint's description sets attributes of something that is no dict.")


def _persistent(stack: Stack, _memo: dict[int, Any], _argument: Any) -> None:
    match stack.pop():
        case ("storage", _Global(name), str(key), str(), int(count)) if type(count) is int and count >= 0:
            stack.append(Storage(name.rsplit(".", 1)[-1], key, count))
        case _:
            raise UnsafePickle("The checkpoint's description refers to something that is no storage.")


_HANDLERS: dict[str, Callable[[Stack, dict[int, Any], Any], None]] = {
    "PROTO": lambda *_: None,
    "FRAME": lambda *_: None,
    "MARK": _constant(_MARK),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_DICT": lambda stack, *_: stack.append({}),
    "EMPTY_LIST": lambda stack, *_: stack.append([]),
    "BININT": _push_number,
    "BININT1": _push_number,
    "BININT2": _push_number,
    "LONG1": _push_number,
    "BINFLOAT": _push,
    "BINUNICODE": _push,
    "SHORT_BINUNICODE": _push,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _memoize,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "TUPLE": _tuple_of(None),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "APPEND": _append,
    "APPENDS": _appends,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
