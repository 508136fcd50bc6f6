"""Sheets of the worst ten pictures of each set with the mask's outline, into ``out/quality/sheets`` (never committed).

They are for looking: what a figure cannot say. Asks a started service again for the masks of the pictures that scored
worst.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from bench.quality import OUT, SHARED
from bench.started import started

CELL = 320
SHEETS = OUT / "sheets"


def outlined(picture: bytes, mask: bytes | None) -> Image.Image:
    """The picture with the mask's outline in green, fitted into a cell."""
    rgb = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(picture))).convert("RGB"))
    if mask is not None:
        bits = np.asarray(Image.open(io.BytesIO(mask)).convert("L")) > 127
        width = max(1, round(max(bits.shape) / CELL * 1.5))
        found, _ = cv2.findContours(bits.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(rgb, list(found), -1, (0, 255, 60), width)
    return ImageOps.pad(Image.fromarray(rgb), (CELL, CELL), color="black")


def ask(client: httpx.Client, picture: bytes, region: str) -> bytes | None:
    fields = {"mode": "combined", "invert": "false", "expand_pixels": "0", "blur_iterations": "0", "region": region}
    answer = client.post("/create_mask", files={"image": picture}, data=fields, headers={"Accept": "image/png"})
    return answer.content if answer.status_code == 200 else None


def sheet(client: httpx.Client, folder: Path, rows: list[dict[str, Any]], region: str) -> Image.Image:
    out = Image.new("RGB", (CELL * 5, CELL * -(-len(rows) // 5)))
    for i, row in enumerate(rows):
        picture = (folder / "images" / row["file"]).read_bytes()
        cell = outlined(picture, ask(client, picture, region))
        ImageDraw.Draw(cell).text((6, 6), f"{row['file'][:34]}  IoU {row[region]['iou']:.2f}", fill="yellow")
        out.paste(cell, (CELL * (i % 5), CELL * (i // 5)))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mesh")
    parser.add_argument("--worst", type=int, default=10)
    options = parser.parse_args()
    SHEETS.mkdir(parents=True, exist_ok=True)
    with started(engine="mesh") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for region in ("face", "head"):
            scored = json.loads((OUT / f"{options.run}.{region}.json").read_text())["sets"]
            for name, entry in scored.items():
                rows = sorted((p for p in entry["pictures"] if region in p), key=lambda p: p[region]["iou"])
                if rows:
                    page = sheet(client, SHARED / "eval" / "data" / name, rows[: options.worst], region)
                    page.save(SHEETS / f"{name}.{region}.jpg", quality=88)


if __name__ == "__main__":
    main()
