"""Makes ``clients/typescript/src/api.ts`` from the service's OpenAPI document: ``make client-types`` (Node 20, ``npm ci``).

Its first line holds the document's hash, so that a test can tell, without Node, whether it is that of today's service.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from sam_mask_service.engines import Engines
from sam_mask_service.faces.fake import FakeDetector
from sam_mask_service.http.app import build_app
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.service import Service
from sam_mask_service.settings import load

CLIENT = Path(__file__).resolve().parents[1] / "clients" / "typescript"
TYPES = CLIENT / "src" / "api.ts"
MARK = "// OpenAPI document sha256 "


async def _asked() -> dict[str, Any]:
    service = Service(load(), FakeDetector(), Engines("mesh", FakeSegmenter()))
    transport = httpx.ASGITransport(app=build_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return dict((await client.get("/openapi.json")).json())


def document() -> bytes:
    """The OpenAPI document as every service of this version answers it, without what names the server."""
    whole = asyncio.run(_asked())
    whole.pop("servers", None)
    return json.dumps(whole, sort_keys=True).encode()


def mark(data: bytes) -> str:
    return MARK + hashlib.sha256(data).hexdigest()


def main() -> None:
    data = document()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "openapi.json")
        file.write_bytes(data)
        line = [
            "npx",
            "--no-install",
            "openapi-typescript",
            str(file),
            "--default-non-nullable=false",
            "-o",
            str(TYPES),
        ]
        subprocess.run(line, cwd=CLIENT, check=True)
    TYPES.write_text(f"{mark(data)}\n{TYPES.read_text()}")


if __name__ == "__main__":
    main()
