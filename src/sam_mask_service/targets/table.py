"""What each consumer of a mask wants: one row per endpoint, with the place where the rule is written. A pure table.

``change`` names what marks the part to repaint; the rest is kept. Sides and pixels are those of the picture and its
mask (always of one size); bytes are of the encoded files. "Read" names the consumer's own text that the row follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import InvalidParameter
from .row import MB, MIB, Change, Edit, Target


def _mask(kind: str = "file") -> dict[str, str]:
    return {"from": "mask_base64", "as": kind}


def _image(kind: str = "file") -> dict[str, str]:
    return {"from": "image_base64", "as": kind}


def _value(value: Any) -> dict[str, Any]:
    return {"value": value}


def _nova(name: str, task: str, params: str, change: Change) -> Target:
    """Read: Amazon Nova user guide, Image generation and editing: pure black and white only; in-painting changes black,
    out-painting white. Supported resolutions: sides 320 to 4096, multiples of 16, 1:4 to 4:1, under 4,194,304 pixels.
    """
    return Target(
        name,
        f"Amazon Nova Canvas {task}",
        f"InvokeModel amazon.nova-canvas-v1:0, taskType {task}",
        change=change,
        soft=False,
        multiple=16,
        min_side=320,
        max_side=4096,
        max_pixels=4_194_303,
        max_aspect=4,
        fields={
            "taskType": _value(task),
            f"{params}.image": _image("base64"),
            f"{params}.maskImage": _mask("base64"),
        },
    )


_ROWS = (
    # Read: AUTOMATIC1111 modules/processing.py, create_binary_mask: L is taken as it is; RGBA by its alpha, so L it
    # must be. Latents are an eighth of the size: sides that 8 does not divide would be rounded and the picture scaled.
    Target(
        "a1111",
        "A1111 / Forge img2img (inpaint)",
        "POST /sdapi/v1/img2img",
        change="white",
        multiple=8,
        fields={
            "init_images": _image("list of base64"),
            "mask": _mask("base64"),
            "inpainting_mask_invert": _value(0),
            "mask_blur": _value(0),
        },
    ),
    # Read: ComfyUI nodes.py, LoadImage: mask = 1 - alpha; without alpha an empty 64 x 64 mask.
    Target(
        "comfyui",
        "ComfyUI LoadImage (its MASK output)",
        "POST /upload/image",
        change="transparent",
        carrier="alpha",
        mask_is_picture=True,
        fields={"image": _mask(), "type": _value("input")},
    ),
    # Read: ComfyUI nodes.py, LoadImageMask: a colour channel is the mask itself; only "alpha" is turned over.
    Target(
        "comfyui-mask",
        "ComfyUI LoadImageMask (channel red)",
        "POST /upload/image",
        change="white",
        fields={"image": _mask(), "type": _value("input"), "channel": _value("red")},
    ),
    # Read: diffusers VaeImageProcessor: sides are cut down to multiples of the VAE's factor 8, white is repainted.
    Target(
        "diffusers",
        "diffusers inpaint pipelines",
        "pipe(image=, mask_image=)",
        change="white",
        multiple=8,
        fields={"image": _image("PIL.Image"), "mask_image": _mask("PIL.Image")},
    ),
    # Read: OpenAI images/edits for GPT image models: mask PNG with alpha, under 4 MB, the picture's size; picture under
    # 50 MB; gpt-image-2: sides multiples of 16, at most 3840, 3:1, 655,360 to 8,294,400 pixels. Half transparency is
    # not defined. The guide to image generation also wants picture and mask of one format, which can only be PNG.
    Target(
        "openai",
        "OpenAI images/edits, GPT image models",
        "POST /v1/images/edits",
        change="transparent",
        carrier="alpha",
        soft=False,
        multiple=16,
        max_side=3840,
        min_pixels=655_360,
        max_pixels=8_294_400,
        max_aspect=3,
        max_mask_bytes=4 * MB - 1,
        max_image_bytes=50 * MB - 1,
        image_formats=("png",),
        fields={"image": _image(), "mask": _mask()},
    ),
    # Read: OpenAI images/edits for dall-e-2: square PNG under 4 MB; no output is larger than 1024.
    Target(
        "openai-dalle2",
        "OpenAI images/edits, dall-e-2",
        "POST /v1/images/edits",
        change="transparent",
        carrier="alpha",
        soft=False,
        max_side=1024,
        max_aspect=1,
        max_mask_bytes=4 * MB - 1,
        max_image_bytes=4 * MB - 1,
        image_formats=("png",),
        fields={"image": _image(), "mask": _mask(), "model": _value("dall-e-2")},
    ),
    # Read: developer.ideogram.ai, Edit One Region with a Mask: black = repaint for Inpaint 3.0 and Precise Edit 4.5,
    # in-between values rounded, both must occur, one size; 25 MB and 50 MB. Remove Objects and the GPT Image ones:
    # white = change. API reference, Edit with Ideogram 3.0: 10 MB for each file; the stricter of the two is kept.
    Target(
        "ideogram-edit",
        "Ideogram Inpaint v3",
        "POST /v1/ideogram-v3/edit",
        change="black",
        soft=False,
        both=True,
        max_image_bytes=10 * MB,
        max_mask_bytes=10 * MB,
        fields={"image": _image(), "mask": _mask()},
    ),
    Target(
        "ideogram-precise",
        "Ideogram Precise Edit / Generate 4.5",
        "Precise Edit with Ideogram 4.5",
        change="black",
        soft=False,
        both=True,
        fields={"image": _image(), "mask": _mask()},
    ),
    Target(
        "ideogram-remove",
        "Ideogram Remove Objects",
        "Remove Objects",
        change="white",
        soft=False,
        both=True,
        max_image_bytes=25 * MB,
        max_mask_bytes=25 * MB,
        fields={"image": _image(), "mask": _mask()},
    ),
    Target(
        "ideogram-gpt",
        "Ideogram via GPT Image",
        "GPT Image 2 through Ideogram",
        change="white",
        soft=False,
        both=True,
        fields={"image": _image(), "mask": _mask()},
    ),
    # Read: docs.bfl.ai, FLUX.1 Fill: white is inpainted, black kept, the mask has the picture's size.
    Target(
        "flux-fill",
        "BFL FLUX.1 Fill [pro]",
        "POST /v1/flux-pro-1.0-fill",
        change="white",
        fields={"image": _image("base64"), "mask": _mask("base64")},
    ),
    # Read: Replicate flux-fill-dev: two-valued mask, sides multiples of 32, at most 1440 x 1440 pixels. Unless
    # megapixels says otherwise the result has about one megapixel, whatever came in.
    Target(
        "flux-fill-dev",
        "FLUX.1 Fill [dev] (Replicate)",
        "POST /v1/models/black-forest-labs/flux-fill-dev/predictions",
        change="white",
        soft=False,
        multiple=32,
        max_side=1440,
        max_pixels=1440 * 1440,
        fields={"image": _image("data URL"), "mask": _mask("data URL"), "megapixels": _value("match_input")},
    ),
    # Read: Stability v2beta inpaint: each side from 64, 4,096 to 9,437,184 pixels; white = full strength, greys
    # between. On Bedrock the same service also asks for 1:2.5 to 2.5:1; the stricter of the two is kept.
    Target(
        "stability",
        "Stability v2beta inpaint",
        "POST /v2beta/stable-image/edit/inpaint",
        change="white",
        min_side=64,
        min_pixels=4_096,
        max_pixels=9_437_184,
        max_aspect=2.5,
        max_mask_bytes=10 * MIB,
        max_image_bytes=10 * MIB,
        fields={"image": _image(), "mask": _mask(), "grow_mask": _value(0)},
    ),
    # Read: recraft.ai, API, Inpainting: grey, exactly 0 or 255, the picture's size; under 10 MB, 16 MP, sides 256 to
    # 4096.
    Target(
        "recraft",
        "Recraft inpaint",
        "POST /v1/images/inpaint",
        change="white",
        soft=False,
        min_side=256,
        max_side=4096,
        max_pixels=16_000_000,
        max_mask_bytes=10 * MB - 1,
        max_image_bytes=10 * MB - 1,
        fields={"image": _image(), "mask": _mask()},
    ),
    _nova("nova-inpaint", "INPAINTING", "inPaintingParams", "black"),
    _nova("nova-outpaint", "OUTPAINTING", "outPaintingParams", "white"),
    # Read: Google Imagen editing, mask mode user provided: every pixel that is not black is edited, so a soft edge
    # would grow the edited part; pictures up to 10 MB, outputs at most 4096 a side.
    Target(
        "imagen",
        "Google Imagen, user-provided mask",
        "POST …/publishers/google/models/imagen-3.0-capability-001:predict",
        change="white",
        soft=False,
        max_side=4096,
        max_mask_bytes=10 * MIB,
        max_image_bytes=10 * MIB,
        fields={
            "referenceImages[0].referenceType": _value("REFERENCE_TYPE_RAW"),
            "referenceImages[0].referenceImage.bytesBase64Encoded": _image("base64"),
            "referenceImages[1].referenceType": _value("REFERENCE_TYPE_MASK"),
            "referenceImages[1].referenceImage.bytesBase64Encoded": _mask("base64"),
            "referenceImages[1].maskImageConfig.maskMode": _value("MASK_MODE_USER_PROVIDED"),
        },
    ),
    # Read: IOPaint api.py, api_inpaint: threshold 127, answers 400 when picture and mask differ in size.
    Target(
        "iopaint",
        "IOPaint",
        "POST /api/v1/inpaint",
        change="white",
        soft=False,
        fields={"image": _image("base64"), "mask": _mask("base64")},
    ),
)

TARGETS: Mapping[str, Target] = MappingProxyType({row.name: row for row in _ROWS})


def find(name: str) -> Target:
    """The row of that name. Raises InvalidParameter that lists the known ones."""
    try:
        return TARGETS[name]
    except KeyError:
        raise InvalidParameter(f"target: there is no such target; known are {', '.join(TARGETS)}.") from None


def resolve_invert(row: Target, edit: Edit, invert: bool | None) -> bool:
    """The ``invert`` that ``row`` asks for. ``invert`` is what the caller sent, None for nothing.

    Raises InvalidParameter when the caller's word contradicts the target's rule.
    """
    black = row.face_is_black(edit)
    if invert is not None and invert != black:
        raise InvalidParameter(
            f"invert: {str(invert).lower()} contradicts target {row.name} with edit={edit} ({row.polarity(edit)}); "
            f"leave it out."
        )
    return black
