"""Every slot with the largest legal pictures at once, for each kind of work: what the process then holds. In
``bench.reliability.soak``; ``python -m bench.reliability.heaviest`` alone, in a control group of 4 GiB as a container
has it, where this machine lets one be made: nobody may be killed. With a file of weights as argument SAM draws.
"""

from __future__ import annotations

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from PIL import Image
from skimage import data as pictures

from bench.control_group import limited
from bench.report import MIB, Row, worker_of
from bench.started import Server, started
from sam_mask_service.segment.region_table import drawable

BUDGET = {
    "mask": 1200,
    "63 heads, soft": 1400,
    "63 faces, every part": 1600,
    "anonymize 63": 1800,
    "anonymize 63, WebP": 2000,
    "cutout on a picture": 3500,
    "composite": 3000,
}
"""The written budget, by kind of work: resident MiB with both slots at the largest legal pictures (50 MP, mesh
engine).
"""
MOBILE_SAM = 400
"""What MobileSAM may take beside it."""


PARTS = sorted(drawable(frozenset()))
"""What can be drawn without further networks; ``region`` takes sixteen."""


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


def webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


def heaviest() -> dict[str, tuple[str, dict[str, bytes], dict[str, str]]]:
    """Requests with the largest legal pictures, by name: path, files, fields."""
    side = 7070
    portrait = Image.fromarray(pictures.astronaut())
    large = jpeg(portrait.resize((side, side)))
    face, crowd = portrait.crop((150, 20, 310, 240)).resize((700, 900)), Image.new("RGB", (side, side), (120, 130, 110))
    for place in range(63):
        crowd.paste(face, (20 + place % 9 * 780, 30 + place // 9 * 1000))
    many, whole = jpeg(crowd), jpeg(Image.new("L", (side, side), 255))
    return {
        "mask": ("/create_mask", {"image": large}, {}),
        "63 heads, soft": ("/create_mask", {"image": many}, {"mode": "combined", "region": "head", "matte": "true"}),
        "63 faces, every part": ("/create_mask", {"image": many}, {"mode": "combined", "region": ",".join(PARTS)}),
        "anonymize 63": ("/anonymize", {"image": many}, {}),
        "anonymize 63, WebP": ("/anonymize", {"image": webp(crowd)}, {}),
        "cutout on a picture": ("/cutout", {"image": many, "background_image": large}, {"region": "head"}),
        "composite": (
            "/composite",
            {"original": large, "edited": many, "mask": whole},
            {"match": "seam", "format": "jpeg"},
        ),
    }


def peaks(server: Server, slots: int, beside: int = 0) -> list[Row]:
    """Every slot with the largest legal pictures at once, for each kind of work; ``beside``: MiB over the budget."""
    return [_peak(server, slots, name, BUDGET[name] + beside, *ask) for name, ask in heaviest().items()]


def _peak(
    server: Server, slots: int, name: str, most: int, path: str, files: dict[str, bytes], data: dict[str, str]
) -> Row:
    worker, highest, done = worker_of(server), 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.02):
            highest = max(highest, worker.memory_info().rss)

    def one(_: int) -> int:
        parts = {field: ("f", content) for field, content in files.items()}
        return httpx.post(server.url + path, files=parts, data=data, timeout=300).status_code

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(slots) as pool:
        statuses = set(pool.map(one, range(slots)))
    done.set()
    watcher.join()
    peak = highest / MIB
    good = statuses == {200} and peak <= most
    told = "" if statuses == {200} else f", answers {statuses}"
    return Row(f"{slots} × 50 megapixels, {name}: peak", f"{peak:.0f} MiB{told}", f"≤ {most} MiB", good)


LIMIT = 4 << 30


def main() -> int:
    """Exit code 1 when a budget was broken or the worker was killed."""
    drawn = {"engine": "sam", "checkpoint": sys.argv[1]} if sys.argv[1:] else {"engine": "mesh"}
    settings = {**drawn, "workers": "2", "cache_bytes": "0", "deadline_seconds": "300"}
    with limited(LIMIT) as group, started(**settings) as server:
        worker = worker_of(server)
        if group is None:
            print("this machine lets no control group be made: without a limit")
        else:
            group.take(worker.pid)
        rows = peaks(server, 2, MOBILE_SAM if sys.argv[1:] else 0)
        same = worker.is_running() and worker_of(server).pid == worker.pid
        held = "" if group is None else f", {group.highest() / MIB:.0f} MiB with the pages of files"
    rows.append(Row("the worker", ("lives" if same else "was killed") + held, "lives", same))
    for row in rows:
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.name:<52} {row.value:<24} {row.bound}")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
