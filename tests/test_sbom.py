"""The list of what is in an installation (``make sbom``) names what the lock and the registry name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service import __version__
from sam_mask_service.models.registry import BY_NAME, NEEDED
from scripts.sbom import BESIDE, brought, completed, packages

ROOT = Path(__file__).resolve().parent.parent
UV = next((path for path in (ROOT / ".venv-tools").glob("*/uv*") if path.stem == "uv"), None)


@pytest.fixture
def bare() -> dict[str, Any]:
    return {"metadata": {"component": {"name": "sam-mask-api"}}, "components": [{"name": "numpy"}]}


def test_the_models_that_come_along_are_components_by_hash_and_licence(bare: dict[str, Any]) -> None:
    made = completed(bare, brought())
    models = {each["name"]: each for each in made["components"] if each.get("type") == "machine-learning-model"}
    assert set(models) == {row.name for row in (*NEEDED, BY_NAME["mobile_sam"])}
    assert models["mobile_sam"]["hashes"] == [{"alg": "SHA-256", "content": BY_NAME["mobile_sam"].sha256}]
    assert models["mobile_sam"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert all(each["externalReferences"] for each in models.values())
    assert made["metadata"]["component"]["version"] == __version__ and made["components"][0] == {"name": "numpy"}


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_they_are_those_that_set_up_and_the_image_fetch(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "models pull --needed" in text
    assert re.findall(r"^(?:ARG )?WEIGHTS ?\??= ?(\S+)$", text, re.MULTILINE) == list(BESIDE)


@pytest.mark.skipif(UV is None, reason="uv is absent (INSTALLER=pip)")
def test_its_packages_are_those_of_the_lock() -> None:
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9.-]+)==([0-9][^ ;]*)", lock, re.MULTILINE))
    assert {(each["name"], each["version"]) for each in packages(str(UV))["components"]} == locked
