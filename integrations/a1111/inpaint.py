"""Repaints the faces (or everything else) of a photo with A1111 / Forge: mask by the service, edit by img2img, put
back.

    python inpaint.py photo.jpg out.png --prompt "an old man" [--edit everything_else] [--strength 0.6]

Outside the mask the result equals the photo bit for bit. A1111 must run with ``--api``.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from pathlib import Path
from typing import Any

import httpx

from sam_mask_service.client import Client, Mask, SamMaskError

TARGET = "a1111"


def request_body(mask: Mask, photo: bytes, prompt: str, strength: float) -> dict[str, Any]:
    """The img2img request: the target's own fields filled in, then what is a matter of taste."""
    parts = {"mask_base64": mask.mask, "image_base64": mask.image or photo}
    body: dict[str, Any] = {
        "prompt": prompt,
        "denoising_strength": strength,
        "inpaint_full_res": True,
        "inpainting_fill": 1,
        **{side: (mask.transform or {})[side] for side in ("width", "height")},
    }
    for name, field in mask.raw["target"]["fields"].items():
        if "value" in field:
            body[name] = field["value"]
            continue
        text = base64.b64encode(parts[field["from"]] or b"").decode("ascii")
        body[name] = [text] if field["as"].startswith("list") else text
    return body


def inpaint(
    service: Client,
    webui: httpx.Client,
    photo: bytes,
    prompt: str,
    *,
    edit: str = "faces",
    strength: float = 0.6,
    feather: float = 8.0,
) -> bytes:
    """The finished picture as PNG. Raises SamMaskError and httpx.HTTPError."""
    mask = service.mask(photo, target=TARGET, edit=edit, mode="combined", feather_pixels=feather)
    answer = webui.post("/sdapi/v1/img2img", json=request_body(mask, photo, prompt, strength))
    answer.raise_for_status()
    edited = base64.b64decode(answer.json()["images"][0])
    if mask.mask is None:
        raise ValueError("the service gave no mask")
    return service.composite(photo, edited, mask.mask, target=TARGET, transform=mask.transform, match="seam").image


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Repaint faces with A1111 / Forge.")
    parser.add_argument("photo", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--edit", choices=("faces", "everything_else"), default="faces")
    parser.add_argument("--strength", type=float, default=0.6)
    parser.add_argument("--service", default="http://127.0.0.1:8739")
    parser.add_argument("--webui", default="http://127.0.0.1:7860")
    chosen = parser.parse_args(arguments)
    try:
        photo = chosen.photo.read_bytes()
        with (
            Client(chosen.service, os.environ.get("SAM_API_KEY")) as service,
            httpx.Client(base_url=chosen.webui, timeout=600) as webui,
        ):
            made = inpaint(service, webui, photo, chosen.prompt, edit=chosen.edit, strength=chosen.strength)
        chosen.output.write_bytes(made)
    except (SamMaskError, httpx.HTTPError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
