"""Speed of the hand-over endpoints over HTTP: ``.venv/bin/python -m bench.speed.handover [--engine mesh|sam]``.

Interactive masks of an uploaded 1024-px picture (nothing is asked twice), ``/anonymize`` and ``/cutout`` of a
12-megapixel photo with ten faces, the masks of a 4-megapixel group of 30, ``/create_masks``, and the web page's first
paint and overlay.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

from bench.speed.service import portrait
from bench.started import ROOT, Server, started

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SHAPES: tuple[tuple[str, Callable[[int], dict[str, Any]]], ...] = (
    ("growth", lambda i: {"expand_pixels": i % 60}),
    ("feather", lambda i: {"feather_pixels": 1 + i % 40}),
    ("points", lambda i: {"points": [[300 + 3 * i, 420, 1], [500, 300 + 2 * i, 0]]}),
)


@dataclass(frozen=True, slots=True)
class Wall:
    """A plain wall of ``width`` × ``height`` pixels with ``columns`` × ``rows`` pictures of the public-domain
    portrait's head, ``head`` (width, height) pixels each, ``step`` apart from ``first`` on (x, y)."""

    width: int
    height: int
    columns: int
    rows: int
    head: tuple[int, int]
    first: tuple[int, int]
    step: tuple[int, int]

    def jpeg(self, seed: int = 0) -> bytes:
        """``seed`` changes one pixel, and so the picture's content."""
        canvas = np.full((self.height, self.width, 3), (150, 160, 170), np.uint8)
        cut = Image.fromarray(data.astronaut()[:240, 110:330])
        head = np.asarray(cut.resize(self.head, Image.Resampling.BICUBIC))
        for i in range(self.columns * self.rows):
            x = self.first[0] + (i % self.columns) * self.step[0]
            y = self.first[1] + (i // self.columns) * self.step[1]
            canvas[y : y + self.head[1], x : x + self.head[0]] = head if i % 2 else head[:, ::-1]
        canvas[0, seed % self.width] = (255, 0, 0)
        out = io.BytesIO()
        Image.fromarray(canvas).save(out, "JPEG", quality=90)
        return out.getvalue()


GROUP = Wall(4000, 3000, 5, 2, head=(700, 764), first=(60, 250), step=(780, 1350))
"""Twelve megapixels, ten faces about 500 pixels high."""
CROWD = Wall(2400, 1700, 6, 5, head=(220, 240), first=(60, 60), step=(390, 330))
"""Four megapixels, 30 faces about 110 pixels high."""


def _times(work: Callable[[int], Any], count: int) -> dict[str, float]:
    spent = []
    for i in range(count):
        start = time.perf_counter()
        work(i)
        spent.append(1000 * (time.perf_counter() - start))
    spent.sort()
    return {"median_ms": round(statistics.median(spent), 1), "p90_ms": round(spent[int(0.9 * count)], 1)}


def interactive(client: httpx.Client, count: int) -> dict[str, Any]:
    picture = portrait(1024, 1024, 1)[0]
    answer = client.post("/images", files={"image": ("p.jpg", picture)}).raise_for_status().json()
    path = f"/images/{answer['image_id']}/masks"
    rows: dict[str, Any] = {"upload_seconds": answer["processing_time"]}
    for name, values in SHAPES:

        def ask(i: int, values: Callable[[int], dict[str, Any]] = values) -> None:
            body = {"mode": "combined", "invert": False, **values(i)}
            client.post(path, json=body, headers={"Accept": "image/png"}).raise_for_status()

        rows[name] = _times(ask, count)
    return rows


def heavy(client: httpx.Client, count: int) -> dict[str, Any]:
    pictures = [GROUP.jpeg(seed=i) for i in range(count)]
    last: dict[str, Any] = {}

    def ask(path: str, i: int, **form: str) -> None:
        answer = client.post(path, files={"image": ("p.jpg", pictures[i])}, data=form).raise_for_status().json()
        last[path] = {
            "steps": answer["timings"],
            "faces": answer["stats"]["faces_detected"],
            "left": answer.get("residual_faces"),
        }

    rows: dict[str, Any] = {"anonymize_12mp_ten_faces": _times(lambda i: ask("/anonymize", i), count)}
    rows["anonymize_12mp_ten_faces"] |= last["/anonymize"]
    rows["cutout_12mp_one_head"] = _times(
        lambda i: ask("/cutout", i, mode="first", region="head", aspect="35x45mm"), count
    )
    rows["cutout_12mp_one_head"] |= last["/cutout"]
    return rows


def group_photo(client: httpx.Client, count: int) -> dict[str, Any]:
    """Every face of a 4-megapixel group of 30, in one mask and in one each."""
    rows: dict[str, Any] = {}
    for k, mode in enumerate(("combined", "separate")):
        pictures = [CROWD.jpeg(seed=k * count + i) for i in range(count)]

        def ask(i: int, mode: str = mode, pictures: list[bytes] = pictures) -> None:
            form = {"mode": mode, "region": "face"}
            answer = client.post("/create_mask", files={"image": ("p.jpg", pictures[i])}, data=form)
            stats = answer.raise_for_status().json()
            rows[mode] = {"faces": stats["stats"]["faces_detected"], "steps": stats["timings"]}

        rows[mode] = _times(ask, count) | rows[mode]
    return rows


def many(client: httpx.Client, count: int) -> dict[str, Any]:
    files = [("image", (str(i), picture)) for i, picture in enumerate(portrait(1024, 1024, count))]
    start = time.perf_counter()
    lines = client.post("/create_masks", files=files).raise_for_status().text.splitlines()
    return {"pictures": len(lines), "per_second": round(len(lines) / (time.perf_counter() - start), 1)}


def page(server: Server, folder: Path) -> dict[str, Any]:
    """First paint on loopback, bytes of the page, and the median time from a slider's move to its overlay."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return {"skipped": "there is no chromium"}
    photo = folder / "bench-photo.jpg"
    photo.write_bytes(portrait(1024, 1024, 1)[0])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page(bypass_csp=True)  # playwright waits by eval
        sizes: list[int] = []
        tab.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
        tab.goto(server.url)
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        rows: dict[str, Any] = {"first_paint_ms": round(tab.evaluate(paint)), "bytes": sum(sizes)}
        tab.set_input_files("#file", photo)
        tab.wait_for_function("document.body.dataset.milliseconds !== undefined")
        spent = []
        for i in range(20):
            tab.evaluate("delete document.body.dataset.milliseconds")
            tab.locator("#expand").fill(str(6 + i))
            tab.wait_for_function("document.body.dataset.milliseconds !== undefined")
            spent.append(int(tab.evaluate("document.body.dataset.milliseconds")))
        browser.close()
    return {**rows, "overlay_median_ms": statistics.median(spent)}


def endpoints(server: Server, count: int) -> dict[str, Any]:
    with httpx.Client(base_url=server.url, timeout=120, trust_env=False) as client:
        rows: dict[str, Any] = {"interactive_1024": interactive(client, count)}
        rows |= heavy(client, max(5, count // 8))
        rows["group_4mp_30_faces"] = group_photo(client, max(5, count // 8))
        rows["create_masks_1024"] = many(client, 16)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="mesh")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench-handover.json")
    parser.add_argument("--page", action="store_true", help="the web page alone")
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    with started(engine=options.engine, queue="64") as server:
        rows = {} if options.page else endpoints(server, options.count)
        rows["page"] = page(server, options.json.parent)
    text = json.dumps(rows, indent=2)
    options.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
