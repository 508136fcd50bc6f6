"""The pictures of README.md and of the recipes, made by the service itself from the public-domain portrait that
scikit-image carries.

.venv/bin/python -m bench.doc_pictures [--out docs/images] [NAME…]

In those of the recipes a stand-in, which paints everything red, is in the place of the editor.
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from bench.started import ROOT, started
from sam_mask_service.client import Client

Pixels = NDArray[np.uint8]
HEIGHT, GAP = 320, 6
RED = (225, 40, 50)


class Api:
    """The started service: pictures in, pixels out."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def json(self, path: str, picture: Pixels, **form: str) -> dict[str, Any]:
        """The JSON answer for ``picture``."""
        answer = self._client.post(path, files={"image": ("p.png", png(picture))}, data=form)
        return dict(answer.raise_for_status().json())

    def picture(self, path: str, picture: Pixels, **form: str) -> Pixels:
        """The answer as a picture."""
        headers = {"Accept": "image/png", "Content-Type": "image/png"}
        answer = self._client.post(path, content=png(picture), params=form, headers=headers)
        return pixels(answer.raise_for_status().content)


def png(picture: Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def pixels(encoded: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(encoded)))


def overlay(picture: Pixels, face: Pixels) -> Pixels:
    """``picture`` with the pixels under ``face`` (255 = face) in red, half transparent."""
    alpha = face[..., None].astype(np.float32) / 255 * 0.5
    return np.asarray(np.rint(picture * (1 - alpha) + np.array(RED) * alpha), np.uint8)


def on_checks(rgba: Pixels) -> Pixels:
    """An RGBA picture on the checkerboard that stands for transparency."""
    y, x = np.mgrid[: rgba.shape[0], : rgba.shape[1]]
    board = np.where((x // 12 + y // 12) % 2, 255, 205)[..., None].repeat(3, 2)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.asarray(np.rint(rgba[..., :3] * alpha + board * (1 - alpha)), np.uint8)


def strip(*pictures: Pixels) -> Pixels:
    """The pictures side by side at one height."""
    parts: list[Pixels] = []
    for picture in pictures:
        rgb = Image.fromarray(picture).convert("RGB")
        small = rgb.resize((max(1, rgb.width * HEIGHT // rgb.height), HEIGHT), Image.Resampling.LANCZOS)
        parts += [np.asarray(small), np.full((HEIGHT, GAP, 3), 128, np.uint8)]
    return np.hstack(parts[:-1])


def portrait() -> Pixels:
    return np.asarray(data.astronaut()[:300, 70:370])


def group() -> Pixels:
    """Two people: the portrait, and its mirror image half a head lower."""
    one = np.asarray(data.astronaut())
    return np.hstack([one[20:290, 95:345], one[:270, 95:345][:, ::-1]])


def first(api: Api) -> Pixels:
    photo = portrait()
    black = api.picture("/create_mask", photo)
    face = api.picture("/create_mask", photo, invert="false", expand_pixels="0")
    return strip(photo, black, overlay(photo, face))


def inpaint(api: Api) -> Pixels:
    photo = portrait()
    edits = [
        api.picture("/create_mask", photo, target="ideogram-edit", edit=edit) for edit in ("faces", "everything_else")
    ]
    return strip(photo, *edits)


def cutout(api: Api) -> Pixels:
    photo = portrait()
    head = pixels(base64.b64decode(api.json("/cutout", photo, region="head")["image_base64"]))
    white = api.picture("/cutout", photo, region="person", background="#ffffff", aspect="35x45mm", dpi="300")
    return strip(photo, on_checks(head), white)


def anonymize(api: Api) -> Pixels:
    photo = group()
    return strip(photo, *(api.picture("/anonymize", photo, method=method) for method in ("pixelate", "blur")))


def faces(api: Api) -> Pixels:
    photo = group()
    rows = api.json("/create_mask", photo, mode="separate", order="left")["masks"]
    both = api.picture("/create_mask", photo, mode="combined")
    return strip(photo, *(pixels(base64.b64decode(row["mask_base64"])) for row in rows), both)


def sam(api: Api) -> Pixels:
    """Face and head, each as the mesh engine draws it alone and with SAM's evidence."""
    photo = portrait()
    asked = [(region, engine) for region in ("face", "head") for engine in ("mesh", "sam")]
    plain = {"invert": "false", "expand_pixels": "0", "blur_iterations": "0"}
    return strip(
        *(
            overlay(photo, api.picture("/create_mask", photo, region=region, engine=engine, **plain))
            for region, engine in asked
        )
    )


# --- the recipes ------------------------------------------------------------------------------------------------------


def recipe(path: str) -> ModuleType:
    """A script of integrations/."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "integrations" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def red(like: bytes) -> str:
    """A red picture of the size of ``like``, in base64."""
    height, width = pixels(like).shape[:2]
    return base64.b64encode(png(np.full((height, width, 3), RED, np.uint8))).decode("ascii")


def with_openai(api: Api) -> Pixels:
    photo = portrait()

    def edit(image: Any, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(data=[SimpleNamespace(b64_json=red(image[1]))])

    stand_in = SimpleNamespace(images=SimpleNamespace(edit=edit))
    with Client(api.url) as service:
        made = recipe("openai/edit.py").edit(service, stand_in, png(photo), "a robot")
        mask = service.mask(png(photo), target="openai", mode="combined").mask
    return strip(photo, on_checks(pixels(mask or b"")), pixels(made))


def with_a1111(api: Api) -> Pixels:
    photo, sent = portrait(), []

    def img2img(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"images": [red(base64.b64decode(sent[-1]["init_images"][0]))]})

    webui = httpx.Client(transport=httpx.MockTransport(img2img), base_url="http://webui")
    with Client(api.url) as service, webui:
        made = recipe("a1111/inpaint.py").inpaint(service, webui, png(photo), "a robot")
    return strip(photo, pixels(base64.b64decode(sent[-1]["mask"])), pixels(made))


PICTURES: dict[str, Callable[[Api], Pixels]] = {
    "first": first,
    "inpaint": inpaint,
    "cutout": cutout,
    "anonymize": anonymize,
    "faces": faces,
    "sam": sam,
    "integration-openai": with_openai,
    "integration-a1111": with_a1111,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("names", nargs="*", default=list(PICTURES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with started(engine="sam", model="mobile_sam") as server:
        for name in arguments.names:
            path = arguments.out / f"{name}.jpg"
            Image.fromarray(PICTURES[name](Api(server.url))).save(path, quality=85, optimize=True)
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
