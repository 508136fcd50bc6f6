"""Writes ``tests/integrations/recorded.json``: what ``make test`` holds the recipes against without the programs.

    .venv/bin/python -m tests.outside.record     after make test-integrations has installed them

Names of parameters and fields, their kinds and their choices, as the programs of the versions named there have them."""

from __future__ import annotations

import json
import operator
import subprocess
from pathlib import Path
from typing import Any

from . import environments
from .compact import dumped

REPO = Path(__file__).parents[2]
PLACE = REPO / "tests" / "integrations" / "recorded.json"
FLOWS = REPO / "integrations" / "n8n"
CLIENT = """
import inspect, json, webuiapi
from openai.types.image_edit_params import ImageEditParamsBase
api = webuiapi.WebUIApi(baseurl="http://127.0.0.1:9")
sent = {}
api.post_and_get_api_result = lambda url, payload, asynchronous: sent.update(payload)
api.img2img(images=[], steps=4)
kinds = {k: type(v).__name__ for k, v in sent.items()} | {"mask": "str"}
print(json.dumps({"a1111": kinds, "openai": sorted(ImageEditParamsBase.__annotations__)}))
"""


COMPARE = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt, "eq": operator.eq}


def recorded() -> dict[str, Any]:
    """Raises ``environments.Missing``."""
    clients = environments.clients()
    command = [str(environments.python(clients)), "-c", CLIENT]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        "n8n": {"from": environments.N8N, "nodes": n8n_nodes(environments.n8n())},
        "a1111": {"from": environments.CLIENTS[1], "fields": said["a1111"]},
        "openai": {"from": environments.CLIENTS[0], "parts": said["openai"]},
    }


def n8n_nodes(folder: Path) -> dict[str, Any]:
    """``type@version`` of every node in the shipped workflows: its parameters there."""
    path = folder / "node_modules" / "n8n-nodes-base" / "dist" / "types" / "nodes.json"
    described = json.loads(path.read_text())
    used = {
        (node["type"].removeprefix("n8n-nodes-base."), node["typeVersion"])
        for flow in FLOWS.glob("*.json")
        for node in json.loads(flow.read_text())["nodes"]
    }
    return {f"{kind}@{version}": _parameters(described, kind, version) for kind, version in sorted(used)}


def _parameters(described: list[Any], kind: str, version: float) -> dict[str, Any]:
    for node in described:
        versions = node["version"] if isinstance(node["version"], list) else [node["version"]]
        if node["name"] in (kind, f"n8n-nodes-base.{kind}") and version in versions:
            return _rows(node["properties"], version)
    raise LookupError(f"{kind}@{version} is not a node of this n8n")


def _rows(properties: list[Any], version: float) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for each in properties:
        if _shown(each.get("displayOptions", {}), version):
            row = rows.setdefault(each["name"], {})
            _add(row, each, version)
    return dict(sorted(rows.items()))


def _add(row: dict[str, Any], each: dict[str, Any], version: float) -> None:
    """``choices`` of a choice, ``inner`` of a collection; a name that stands there twice is one row."""
    options = each.get("options", [])
    if each["type"] == "options":
        row["choices"] = sorted({*row.get("choices", ()), *(str(option["value"]) for option in options)})
    elif each["type"] == "collection":
        row.setdefault("inner", {}).update(_rows(options, version))
    elif each["type"] == "fixedCollection":
        for group in options:
            inner = row.setdefault("inner", {}).setdefault(group["name"], {"inner": {}})
            inner["inner"].update(_rows(group["values"], version))


def _shown(display: dict[str, Any], version: float) -> bool:
    """Whether a parameter exists in this version of its node; what else it depends on is not asked."""
    show, hide = (display.get(word, {}).get("@version") for word in ("show", "hide"))
    return (show is None or any(_meets(c, version) for c in show)) and not any(_meets(c, version) for c in hide or ())


def _meets(condition: Any, version: float) -> bool:
    if not isinstance(condition, dict):
        return bool(condition == version)
    ((how, limit),) = condition["_cnd"].items()
    return bool(COMPARE[how](version, limit))


if __name__ == "__main__":
    PLACE.write_text(dumped(recorded()) + "\n")
