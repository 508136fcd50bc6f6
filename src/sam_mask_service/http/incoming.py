"""What a request sends, sorted into a task's terms: its picture, further files, parameters, and whose it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request

from ..errors import InvalidParameter
from ..params import Params, Source, parse
from ..tasks import Task
from .auth import Head, shown_keys
from .request import Incoming, Rules, check_size, one_source


@dataclass(frozen=True, slots=True)
class Sent:
    """What ``Service.run`` is called with."""

    source: Source
    params: Params
    files: Mapping[str, bytes]


def rules_of(task: Task, rules: Rules) -> Rules:
    """``rules`` with the file fields of a task."""
    fields = (task.picture, *(file.name for file in task.files))
    return replace(rules, limits=replace(rules.limits, files=len(fields)), file_fields=fields)


def owner_of(request: Request, keyed: bool) -> bytes:
    """Who asks, as a digest of his key; without keys everybody is the same."""
    shown = shown_keys(Head(request.scope["headers"])) if keyed else []
    return hashlib.sha256(shown[0]).digest() if shown else b""


def sort(task: Task, incoming: Incoming, rules: Rules, image_id: str, owner: bytes) -> Sent:
    """Raises InvalidParameter for what is missing, doubled or unknown, TooLarge for a file over the limit."""
    for _, data in incoming.files:
        check_size(Source("bytes", data), rules.limits)
    return _BY_WAY[task.comes](task, incoming, rules, Source("kept", image_id, owner))


def _sent(task: Task, incoming: Incoming, rules: Rules, _: Source) -> Sent:
    files = _files(task, incoming)
    pictures = tuple(file for file in incoming.files if file[0] == task.picture)
    source, values = one_source(replace(incoming, files=pictures))
    check_size(source, rules.limits)
    return Sent(source, parse(task.params, values, textual=incoming.textual), files)


def _kept(task: Task, incoming: Incoming, _: Rules, source: Source) -> Sent:
    if incoming.files:
        raise InvalidParameter("The picture is here already; send the parameters as JSON.")
    return Sent(source, parse(task.params, incoming.values, textual=incoming.textual), {})


def _either(task: Task, incoming: Incoming, _: Rules, kept: Source) -> Sent:
    params = parse(task.params, incoming.values, textual=incoming.textual)
    picture, image_id = _file(incoming, task.picture), str(getattr(params, "image_id", None) or "")
    if (picture is None) == (not image_id):
        raise InvalidParameter(f"Send the original either as the file {task.picture} or as image_id.")
    source = replace(kept, value=image_id) if picture is None else Source("bytes", picture)
    return Sent(source, params, _files(task, incoming))


_BY_WAY: dict[str, Callable[[Task, Incoming, Rules, Source], Sent]] = {"sent": _sent, "kept": _kept, "either": _either}


def _files(task: Task, incoming: Incoming) -> dict[str, bytes]:
    found = {file.name: _file(incoming, file.name) for file in task.files}
    missing = next((file.name for file in task.files if file.needed and found[file.name] is None), None)
    if missing is not None:
        raise InvalidParameter(f"The file {missing} is missing: send it as a multipart field.")
    return {name: data for name, data in found.items() if data is not None}


def _file(incoming: Incoming, name: str) -> bytes | None:
    found = [data for field, data in incoming.files if field == name]
    if len(found) > 1:
        raise InvalidParameter(f"{name}: exactly one file.")
    return found[0] if found else None
