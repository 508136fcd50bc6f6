"""Repaints the faces (or everything else) of a photo with OpenAI: mask by the service, edit by images.edit, put back.

    python edit.py photo.jpg out.png --prompt "an old man" [--edit everything_else] [--model gpt-image-2]

Outside the mask the result equals the photo bit for bit. Wants ``pip install openai`` and OPENAI_API_KEY.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from pathlib import Path
from typing import Any

from sam_mask_service.client import Client, Mask, SamMaskError

TARGET = "openai"
MODEL = "gpt-image-2"


def parts(mask: Mask, photo: bytes) -> dict[str, tuple[str, bytes, str]]:
    """``image`` and ``mask`` of images.edit: PNGs of one size, as the service made them; the photo where it fits as it
    is.
    """
    files = {"mask_base64": mask.mask, "image_base64": mask.image or photo}
    fields = mask.raw["target"]["fields"].items()
    return {name: (f"{name}.png", files[row["from"]] or b"", "image/png") for name, row in fields if "from" in row}


def edit(service: Client, openai: Any, photo: bytes, prompt: str, *, edit: str = "faces", model: str = MODEL) -> bytes:
    """The finished picture as PNG. Raises SamMaskError, openai.OpenAIError, and ValueError where no picture came
    back.
    """
    mask = service.mask(photo, target=TARGET, edit=edit, mode="combined")
    answer = openai.images.edit(**parts(mask, photo), prompt=prompt, model=model)
    text = answer.data[0].b64_json if answer.data else None
    if mask.mask is None or text is None:
        raise ValueError("no mask or no picture came back")
    edited = base64.b64decode(text)
    return service.composite(photo, edited, mask.mask, target=TARGET, transform=mask.transform, match="seam").image


def main(arguments: list[str]) -> int:
    from openai import OpenAI, OpenAIError

    parser = argparse.ArgumentParser(description="Repaint faces with OpenAI's image editor.")
    parser.add_argument("photo", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--edit", choices=("faces", "everything_else"), default="faces")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--service", default="http://127.0.0.1:8739")
    chosen = parser.parse_args(arguments)
    try:
        photo = chosen.photo.read_bytes()
        with Client(chosen.service, os.environ.get("SAM_API_KEY")) as service, OpenAI() as openai:
            made = edit(service, openai, photo, chosen.prompt, edit=chosen.edit, model=chosen.model)
        chosen.output.write_bytes(made)
    except (SamMaskError, OpenAIError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
