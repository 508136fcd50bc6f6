"""Writes what is in an installation as CycloneDX 1.5: the packages of the lock, as uv exports them, and the model files
that set-up and the image bring along.

    .venv/bin/python -m scripts.sbom UV OUT.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sam_mask_service import __version__
from sam_mask_service.models.registry import NEEDED, ROWS
from sam_mask_service.models.row import Download, ModelRow, Source

ROOT = Path(__file__).resolve().parents[1]
EXPORT = ("export", "-q", "--frozen", "--no-dev", "--format", "cyclonedx1.5", "--preview-features", "sbom-export")
SPDX = ("Apache-2.0", "MIT")
BESIDE = ("mobile_sam",)
"""Brought along, though the mesh engine serves without it."""


def packages(uv: str) -> dict[str, Any]:
    """uv's document of the runtime lock. Raises CalledProcessError."""
    done = subprocess.run([uv, *EXPORT], cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def completed(document: dict[str, Any], rows: Iterable[ModelRow]) -> dict[str, Any]:
    """With this version of the service, which the lock leaves open, and the model files of ``rows``."""
    service = {**document["metadata"]["component"], "version": __version__, "licenses": [_licence("Apache-2.0")]}
    models = [model(row) for row in rows]
    return {
        **document,
        "metadata": {**document["metadata"], "component": service},
        "components": [*document["components"], *models],
    }


def model(row: ModelRow) -> dict[str, Any]:
    """A model file as a component."""
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{row.name}",
        "name": row.name,
        "description": row.what,
        "hashes": [{"alg": "SHA-256", "content": row.sha256}],
        "licenses": [_licence(row.licence)],
        "externalReferences": [_reference(source) for source in row.sources],
    }


def _licence(words: str) -> dict[str, Any]:
    return {"license": {"id": words} if words in SPDX else {"name": words}}


def _reference(source: Source) -> dict[str, Any]:
    if isinstance(source, Download):
        return {"type": "distribution", "url": source.url}
    archive = source.archive
    url = f"https://pypi.org/project/{archive.project}/"
    hashes = [{"alg": "SHA-256", "content": archive.sha256}]
    return {"type": "distribution", "url": url, "comment": f"{source.name} of {archive.file}", "hashes": hashes}


def brought() -> list[ModelRow]:
    """The rows of the files that set-up and the image bring along."""
    return [*NEEDED, *(row for row in ROWS if row.name in BESIDE)]


def main() -> None:
    uv, out = sys.argv[1:]
    document = completed(packages(uv), brought())
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{target}: {len(document['components'])} components")


if __name__ == "__main__":
    main()
