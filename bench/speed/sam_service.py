"""SAM over HTTP, with published weights where they are here, else drawn ones: ``python -m bench.speed.sam_service
[--model mobile_sam]``.

Start-up, the first mask of a picture beside its encoder alone, the same picture asked again, ten faces beside one,
questions to an uploaded picture, memory. Random weights take as long as trained ones; their masks are refused by the
band, which costs what a real one costs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from skimage import data

from bench.draw_checkpoint import draw
from bench.speed.service import portrait
from bench.started import ROOT, Server, started
from sam_mask_service.doors import model_files
from sam_mask_service.image import encode
from sam_mask_service.settings import load


def crowd(width: int = 1600) -> bytes:
    """Ten faces in a picture of 16:9: the portrait's head, ten times."""
    head = data.astronaut()[20:320, 90:390]
    rows = [np.hstack([head] * 5), np.hstack([head[:, ::-1]] * 5)]
    out = np.full((900, 1600, 3), 120, np.uint8)
    out[100:700, 50:1550] = np.vstack(rows)
    height = width * 9 // 16
    return encode(np.asarray(Image.fromarray(out).resize((width, height))) if width != 1600 else out, "jpeg")


def ask(client: httpx.Client, picture: bytes, **fields: str) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    answer = client.post("/create_mask", files={"image": picture}, data=fields)
    answer.raise_for_status()
    return time.perf_counter() - start, answer.json()


def ms(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 1)


def measured(server: Server, client: httpx.Client, count: int) -> dict[str, Any]:
    rows: dict[str, Any] = {"ready_seconds": round(server.ready_seconds, 2)}
    pictures = portrait(1024, 1024, count)
    whole, encoder, again, other_region = [], [], [], []
    for picture in pictures:
        seconds, answer = ask(client, picture, detail="picture")
        whole.append(seconds)
        encoder.append(answer["timings"]["embed"])
        again.append(ask(client, picture, detail="picture", expand_pixels="12")[0])
        other_region.append(ask(client, picture, detail="picture", region="head")[0])
    rows["first_ms"], rows["embed_step_ms"] = ms(whole), ms(encoder)
    rows["over_the_embed_step_ms"] = ms([w - e for w, e in zip(whole, encoder, strict=True)])
    rows["again_other_growth_ms"], rows["again_other_region_ms"] = ms(again), ms(other_region)
    rows.update(ten_faces(client, count))
    return rows


def ten_faces(client: httpx.Client, count: int) -> dict[str, Any]:
    """How much longer ten faces of a picture take than one of it, turn by turn; bytes behind a picture make it a new
    one.
    """
    ask(client, crowd(), detail="picture", max_faces="1", mode="combined")
    more = []
    for i in range(count):
        one = ask(client, crowd() + b"one%d" % i, detail="picture", max_faces="1", mode="combined")[1]
        ten = ask(client, crowd() + b"ten%d" % i, detail="picture", mode="combined")[1]
        more.append(ten["processing_time"] - one["processing_time"])
    return {"faces": len(ten["stats"]["faces"]), "ten_faces_over_one_ms": ms(more)}


def ready(checkpoint: Path) -> dict[str, float]:
    """Seconds from the start to the first answer by SAM, with the file in memory and without (medians of three, in
    turns).
    """
    seen: dict[str, list[float]] = {"ready_file_warm_seconds": [], "ready_file_cold_seconds": []}
    for _ in range(3):
        for name, times in seen.items():
            descriptor = os.open(checkpoint, os.O_RDONLY)
            os.fsync(descriptor)
            advice = os.POSIX_FADV_DONTNEED if "cold" in name else os.POSIX_FADV_WILLNEED
            os.posix_fadvise(descriptor, 0, 0, advice)
            os.close(descriptor)
            with started(engine="sam", checkpoint=str(checkpoint), workers="1") as server:
                times.append(server.ready_seconds)
    return {name: round(statistics.median(times), 2) for name, times in seen.items()}


QUESTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "growth": lambda i: {"expand_pixels": 6 + i},
    "another_face": lambda i: {"faces": [i % 10]},
    "another_face_region_head": lambda i: {"faces": [i % 10], "region": "head"},
    "points": lambda i: {"points": [[300 + 3 * i, 420, 1], [500, 300 + 2 * i, 0]]},
    "box": lambda i: {"box": [60 + 9 * i, 110, 140, 170]},
}
"""Of an uploaded picture, each asked with another number every time, so that nothing is answered from what was drawn
before but where that is the point: growth, and faces that the upload drew."""


def interactive(client: httpx.Client, count: int) -> dict[str, Any]:
    """``POST /images/{id}/masks`` of the crowd, 1024 pixels wide: medians in ms over the socket. Drawn weights answer a
    box with noise all over the picture, which takes longer to smooth and to encode than any mask does: that part is
    told apart."""
    answer = client.post("/images", files={"image": crowd(1024)}).raise_for_status().json()
    rows: dict[str, Any] = {"upload_ms": round(1000 * answer["processing_time"], 1), "faces": len(answer["faces"])}
    for name, question in QUESTIONS.items():
        spent, noise = [], []
        for i in range(min(count, 10) if "head" in name else count):  # ten faces: an eleventh head was drawn before
            start = time.perf_counter()
            reply = client.post(f"/images/{answer['image_id']}/masks", json={"invert": False, **question(i)})
            spent.append(time.perf_counter() - start)
            noise.append(
                sum(reply.raise_for_status().json()["timings"].get(step, 0.0) for step in ("compose", "encode"))
            )
        rows[f"{name}_ms"], rows[f"{name}_p90_ms"] = ms(spent), round(1000 * sorted(spent)[int(0.9 * len(spent))], 1)
        rows[f"{name}_of_it_compose_and_encode_ms"] = ms(noise)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_b")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--questions", type=int, default=20, help="of each kind, to the uploaded picture")
    parser.add_argument("--requests", type=int, default=50, help="before memory is read")
    options = parser.parse_args()
    published = model_files.sound(model_files.model(options.model), load().models_dir)
    checkpoint = published or draw(options.model, ROOT / "out" / "bench-sam" / f"{options.model}.pth")
    with (
        started(engine="sam", checkpoint=str(checkpoint), workers="1") as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
    ):
        rows = {"weights": "published" if published else "drawn", **measured(server, client, options.count)}
        rows["interactive"] = interactive(client, options.questions)
        for picture in portrait(1024, 1024, options.requests):
            ask(client, picture + b"m", detail="picture")
        rows["private_mib"] = round(server.private() / 2**20)
        rows["resident_mib"] = round(server.resident() / 2**20)
    rows.update(ready(checkpoint))
    path = Path(ROOT / "out" / f"bench-sam-service-{options.model}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1))
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
