"""The TypeScript client's types are those of today's OpenAPI document, and its version is the service's."""

from __future__ import annotations

import json

from sam_mask_service import __version__
from scripts.client_types import CLIENT, TYPES, document, mark


def test_the_types_are_todays() -> None:
    with TYPES.open() as file:
        first = file.readline().rstrip("\n")
    assert first == mark(document()), "the API has changed: make client-types"


def test_the_version_is_the_services() -> None:
    assert json.loads((CLIENT / "package.json").read_text())["version"] == __version__
