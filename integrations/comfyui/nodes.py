"""The nodes. Shapes as ComfyUI documents them: IMAGE [B, H, W, C] float 0…1, MASK [B, H, W] float 0…1, 1 = masked."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
from typing import Any

import numpy as np
import requests
import torch
from PIL import Image

TIMEOUT = 120
_URL = ("STRING", {"default": "http://127.0.0.1:8739"})


def _png(image: Any) -> bytes:
    """One [H, W, C] image as PNG; a fourth channel is left out."""
    pixels = np.clip(np.rint(image.cpu().numpy()[..., :3] * 255), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _ask(url: str, path: str, png: bytes, values: dict[str, Any]) -> dict[str, Any]:
    """The service's JSON answer. Raises RuntimeError with the service's own words."""
    key = os.environ.get("SAM_API_KEY", "")
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    try:
        answer = requests.post(
            url.rstrip("/") + path,
            files={"image": ("image.png", png)},
            data=fields,
            headers={"X-API-Key": key} if key else {},
            timeout=TIMEOUT,
        )
    except requests.RequestException as error:
        raise RuntimeError(f"No mask service answers at {url} ({type(error).__name__}).") from error
    body: dict[str, Any] = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
    if answer.status_code != 200:
        raise RuntimeError(str(body.get("error") or f"The mask service answered {answer.status_code}."))
    return body


def _warned(number: int, stats: dict[str, Any]) -> list[str]:
    """A line for each thing that is amiss with image ``number`` or one of its faces; also in ComfyUI's log."""
    lines = [f"image {number}: {row['detail']}" for row in stats.get("warnings") or ()]
    for face in stats.get("faces") or ():
        told = ", ".join(face.get("warnings") or ())
        lines += [f"image {number}, face {face['face_id']}: {told}"] if told else []
    for line in lines:
        logging.warning("SAM Mask: %s", line)
    return lines


def _opened(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))), np.float32) / 255


class SamMaskFaces:
    """A mask for each face of each image, and all faces of each image in one."""

    CATEGORY = "mask"
    RETURN_TYPES = ("MASK", "MASK", "INT", "STRING")
    RETURN_NAMES = ("face_masks", "combined", "faces", "warnings")
    FUNCTION = "run"
    DESCRIPTION = "face_masks: one per face of the whole batch; combined: one per image; empty where there is no face."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's own name
        return {
            "required": {
                "image": ("IMAGE",),
                "url": _URL,
                "region": ("STRING", {"default": "face"}),
                "expand": ("INT", {"default": 5, "min": -256, "max": 256}),
                "smooth": ("INT", {"default": 10, "min": 0, "max": 100}),
                "feather": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 256.0, "step": 0.5}),
            }
        }

    def run(self, image: Any, url: str, region: str, expand: int, smooth: int, feather: float) -> tuple[Any, ...]:
        """([N, H, W], [B, H, W], N, text): N faces in the B images together; N of the first is 1 and all zero when
        there is none. ``text``: a line for each warning, numbered by image and by face in it.
        """
        values = {
            "mode": "separate",
            "invert": False,
            "on_no_face": "empty",
            "region": region,
            "expand_pixels": expand,
            "blur_iterations": smooth,
            "feather_pixels": feather,
        }
        single, whole, warned = [], [], []
        for number, one in enumerate(image):
            answer = _ask(url, "/create_mask", _png(one), values)
            warned += _warned(number, answer["stats"])
            masks = [_opened(row["mask_base64"]) for row in answer["masks"]]
            single += masks
            empty = np.zeros(tuple(one.shape[:2]), np.float32)
            whole.append(np.maximum.reduce([empty, *masks]))
        count = len(single)
        return self._batch(single or [np.zeros_like(whole[0])]), self._batch(whole), count, "\n".join(warned)

    @staticmethod
    def _batch(masks: list[np.ndarray]) -> Any:
        return torch.from_numpy(np.ascontiguousarray(np.stack(masks), np.float32))


class SamMaskAnonymize:
    """Every image with its faces hidden."""

    CATEGORY = "image"
    RETURN_TYPES = ("IMAGE", "INT", "STRING")
    RETURN_NAMES = ("image", "residual_faces", "warnings")
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's own name
        methods = (["blur", "pixelate", "solid", "mosaic"],)
        strength = ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.05})
        return {"required": {"image": ("IMAGE",), "url": _URL, "method": methods, "strength": strength}}

    def run(self, image: Any, url: str, method: str, strength: float) -> tuple[Any, int, str]:
        """([B, H, W, 3], faces that a second look still sees, in all images together, a line for each warning)."""
        values = {"method": method, "strength": strength, "on_no_face": "empty"}
        answers = [_ask(url, "/anonymize", _png(one), values) for one in image]
        pictures = np.stack([_opened(answer["image_base64"])[..., :3] for answer in answers])
        left = sum(int(answer["residual_faces"]) for answer in answers)
        warned = [line for number, answer in enumerate(answers) for line in _warned(number, answer["stats"])]
        return torch.from_numpy(np.ascontiguousarray(pictures, np.float32)), left, "\n".join(warned)
