"""The recipes against what the other programs know, as it was taken from them (tests/outside/record.py): no program is
needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.targets import TARGETS

FOLDER = Path(__file__).parents[2] / "integrations"
RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())
FLOWS = sorted((FOLDER / "n8n").glob("*.json"))
NODES = [
    pytest.param(node, id=f"{flow.stem}: {node['name']}")
    for flow in FLOWS
    for node in json.loads(flow.read_text())["nodes"]
]


def faults(given: Any, rows: dict[str, Any], where: str = "") -> Iterator[str]:
    """What n8n would pass over or refuse in a node's parameters."""
    for name, value in given.items():
        row, place = rows.get(name), f"{where}.{name}"
        if row is None:
            yield f"{place} is not a parameter"
            continue
        choices = row.get("choices")
        if choices and isinstance(value, str) and not value.startswith("=") and value not in choices:
            yield f"{place}: {value} is not a choice"
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "inner" in row:
                yield from faults(one, row["inner"], place)


@pytest.mark.parametrize("node", NODES)
def test_n8n_knows_every_parameter_and_choice(node: dict[str, Any]) -> None:
    kind = f"{node['type'].removeprefix('n8n-nodes-base.')}@{node['typeVersion']}"
    assert kind in RECORDED["n8n"]["nodes"], "record it: python -m tests.outside.record"
    assert list(faults(node["parameters"], RECORDED["n8n"]["nodes"][kind])) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"metod": "POST"}, "not a parameter"),
        ({"contentType": "multipart"}, "not a choice"),
        ({"options": {"timeOut": 1}}, "options"),
    ],
)
def test_a_slip_of_the_pen_is_found(change: dict[str, Any], word: str) -> None:
    [fault] = faults(change, RECORDED["n8n"]["nodes"]["httpRequest@4.2"])
    assert word in fault


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_a_flow_can_be_imported_and_holds_together(flow: Path) -> None:
    text = flow.read_text()
    made = json.loads(text)
    assert re.fullmatch(r"\w{16}", made["id"]), "n8n's import:workflow refuses a file without"
    assert "$env" not in text, "n8n 2 blocks it"
    names = [node["name"] for node in made["nodes"]]
    reached = {link["node"] for row in made["connections"].values() for out in row["main"] for link in out}
    assert len(set(names)) == len(names) == len({node["id"] for node in made["nodes"]})
    assert reached | {"Webhook"} == set(names)
    assert set(re.findall(r"\$\('([^']+)'\)", text)) <= set(names)


def test_a1111_knows_every_field_of_the_target() -> None:
    fields = RECORDED["a1111"]["fields"]
    assert set(TARGETS["a1111"].fields) | {"width", "height", "denoising_strength", "inpaint_full_res"} <= set(fields)
    assert (fields["init_images"], fields["mask"], fields["inpainting_mask_invert"]) == ("list", "str", "int")


def test_openai_knows_every_part_of_the_target() -> None:
    for name in ("openai", "openai-dalle2"):
        assert set(TARGETS[name].fields) <= set(RECORDED["openai"]["parts"])
