"""Speed and memory of the service over HTTP, mesh engine: ``make bench``.

The cache is off for the times, and on as it is by default for memory, where every request has a picture of its own.
Beside each time stands the time that Pillow alone takes to decode the same picture and encode a mask of its size: the
ratio holds on other machines too.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from skimage import data

from bench.started import ROOT, Server, started

FIELDS = {"mode": "first"}


def portrait(width: int, height: int, count: int) -> list[bytes]:
    """``count`` JPEGs of the public-domain portrait, scaled; each differs in a pixel."""
    base = Image.fromarray(data.astronaut()[:400, 40:400]).resize((width, height), Image.Resampling.BICUBIC)
    out = []
    for i in range(count):
        picture = base.copy()
        picture.putpixel((i % width, 0), (i % 256, 0, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=92)
        out.append(buffer.getvalue())
    return out


def ask(client: httpx.Client, picture: bytes) -> dict[str, Any]:
    answer = client.post("/create_mask", files={"image": ("p.jpg", picture, "image/jpeg")}, data=FIELDS)
    answer.raise_for_status()
    return dict(answer.json())


def floor(picture: bytes) -> float:
    """Seconds that Pillow takes for the unavoidable: decode the picture, encode a mask of its size."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        mask = np.zeros((image.height, image.width), np.uint8)
        mask[image.height // 4 : image.height // 2, image.width // 4 : image.width // 2] = 255
        Image.fromarray(mask).save(io.BytesIO(), "PNG", compress_level=1)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def latency(server: Server, pictures: list[bytes]) -> dict[str, Any]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for picture in pictures[:3]:
            ask(client, picture)
        times, steps = [], dict[str, list[float]]()
        for picture in pictures[3:]:
            start = time.perf_counter()
            answer = ask(client, picture)
            times.append(time.perf_counter() - start)
            for step, seconds in answer["timings"].items():
                steps.setdefault(step, []).append(seconds)
    ms = sorted(1000 * t for t in times)
    base = 1000 * floor(pictures[0])
    return {
        "median_ms": round(statistics.median(ms), 1),
        "p90_ms": round(ms[int(0.9 * len(ms))], 1),
        "pillow_alone_ms": round(base, 1),
        "ratio": round(statistics.median(ms) / base, 2),
        "steps_ms": {k: round(1000 * statistics.median(v), 1) for k, v in steps.items()},
    }


def throughput(server: Server, pictures: list[bytes], clients: int) -> dict[str, Any]:
    with httpx.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        list(pool.map(lambda picture: ask(client, picture), pictures))
        return {"clients": clients, "requests_per_second": round(len(pictures) / (time.perf_counter() - start), 1)}


def measure(count: int) -> dict[str, Any]:
    small, large = portrait(1024, 1024, count), portrait(4000, 3000, max(6, count // 8))
    with started(engine="mesh", queue="64", cache_bytes="0") as server:
        rows: dict[str, Any] = {"ready_seconds": round(server.ready_seconds, 2)}
        rows["portrait_1024"] = latency(server, small)
        rows["throughput_1024"] = throughput(server, small, 4)
        rows["jpeg_12_megapixels"] = latency(server, large)
    with started(engine="mesh") as server:
        rows["resident_mib_after_each_100_of_400"] = memory(server, small)
    return rows


def memory(server: Server, pictures: list[bytes]) -> list[int]:
    """MiB resident in the worker after 100, 200, 300 and 400 requests; four bytes behind each JPEG make it a new
    picture.
    """
    seen = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for number in range(1, 401):
            ask(client, pictures[number % len(pictures)] + number.to_bytes(4, "big"))
            if number % 100 == 0:
                seen.append(round(server.resident() / 2**20))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="requests a row")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench-service.json")
    options = parser.parse_args()
    rows = measure(options.count)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1))
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
