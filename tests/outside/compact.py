"""JSON with every object and list on one line where it fits."""

from __future__ import annotations

import json
from typing import Any

WIDTH = 132


def dumped(value: Any, indent: int = 0) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{json.dumps(k)}: {dumped(v, indent + 2)}" for k, v in value.items()]
        return "{\n" + ",\n".join(pad + row for row in rows) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + dumped(v, indent + 2) for v in value) + "\n" + " " * indent + "]"
