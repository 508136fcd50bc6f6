"""What ``/openapi.json`` says of a request is true of the examples that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sam_mask_service.http.schema import JSON, request_of
from sam_mask_service.tasks import TASKS


def shown() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Path, name, value and schema of each example."""
    for task in TASKS:
        body = request_of(task)["requestBody"]["content"].get(JSON, {})
        for name, example in body.get("examples", {}).items():
            yield task.path, name, example["value"], body["schema"]


@pytest.mark.parametrize(("path", "name", "value", "schema"), list(shown()))
def test_an_example_names_only_parameters_that_there_are(
    path: str, name: str, value: dict[str, Any], schema: dict[str, Any]
) -> None:
    assert schema["additionalProperties"] is False and value.keys() <= schema["properties"].keys()


def test_a_mask_is_shown_with_all_examples_and_every_picture_with_one() -> None:
    names: dict[str, set[str]] = {}
    for path, name, *_ in shown():
        names.setdefault(path, set()).add(name)
    assert names["/create_mask"] == {"url", "all_faces"}
    assert names["/detect_faces"] == {"url"} and all("url" in found for found in names.values())
