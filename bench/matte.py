"""The matte beside the hard mask on sets with head labels: IoU of region=head, alpha cut at one half. ``python -m bench.matte``.

Labels are two-valued, so that an alpha can only be judged where it crosses a half; the sets and their folder are those of
``bench/quality.py``. Writes the table into docs/quality.md.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench.quality import SHARED
from bench.quality_report import PAGE, number, table
from bench.started import started

BEGIN, END = "<!-- matte: begin -->", "<!-- matte: end -->"
FIELDS = {"mode": "combined", "region": "head", "invert": "false", "expand_pixels": "0", "blur_iterations": "0"}


def ask(client: httpx.Client, picture: bytes, matte: bool) -> np.ndarray | None:
    data = {**FIELDS, "matte": str(matte).lower()}
    answer = client.post("/create_mask", files={"image": picture}, data=data, headers={"Accept": "image/png"})
    return np.asarray(Image.open(io.BytesIO(answer.content))) if answer.status_code == 200 else None


def iou(mask: np.ndarray, label: np.ndarray) -> float:
    bits = mask > 127
    return float((bits & label).sum() / max(1, (bits | label).sum()))


def scored(client: httpx.Client, folder: Path, ids: list[int]) -> list[tuple[float, float]]:
    rows = []
    for path in sorted((folder / "images").iterdir()):
        masks = [ask(client, path.read_bytes(), matte) for matte in (False, True)]
        if any(m is None for m in masks):
            continue
        label = Image.open(folder / "labels" / f"{path.stem}.png")
        pair = [m for m in masks if m is not None]
        height, width = pair[0].shape
        truth = np.isin(np.asarray(label.resize((width, height), Image.Resampling.NEAREST)), ids)
        rows.append((iou(pair[0], truth), iou(pair[1], truth)))
    return rows


def main() -> None:
    lines: list[list[str]] = []
    with started(engine="mesh") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for folder in sorted((SHARED / "eval" / "data").glob("seg_*")):
            meta: dict[str, Any] = json.loads((folder / "meta.json").read_text())
            whole = meta.get("head_ids") and not (folder / "regions.json").exists() and not meta.get("fill_holes")
            if whole and (rows := scored(client, folder, meta["head_ids"])):
                hard, soft = np.mean(rows, axis=0)
                lines.append([folder.name, str(len(rows)), number(hard), number(soft)])
    text = table(["set", "pictures", "hard", "matte"], lines)
    page = PAGE.read_text()
    PAGE.write_text(page.split(BEGIN)[0] + f"{BEGIN}\n{text}\n{END}" + page.split(END)[1])
    print(text)


if __name__ == "__main__":
    main()
