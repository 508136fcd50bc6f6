"""Scores the started service on the labelled sets and writes docs/quality.md's tables and plots: ``make
bench-quality``.

The scorers and the data live beside the repository (``SAM_SHARED``, default ``../shared``); nothing of them enters it.
Each row of ``RUNS`` is one started service: its settings, the small nets it may use, and which scorers are run. The
figures of every picture go to ``out/quality/*.json``; ``bench/quality/report.py`` turns them into tables and plots,
``bench/quality/contact_sheets.py`` into sheets of the worst pictures, which stay in ``out/``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.started import ROOT, free_port, started
from sam_mask_service.doors import weights
from sam_mask_service.settings import default_models_dir

OUT = ROOT / "out" / "quality"
SHARED = Path(os.environ.get("SAM_SHARED", ROOT.parent / "shared"))


@dataclass(frozen=True)
class Run:
    """``nets``: names of files in the shared models folder, put where a download would put them."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)
    nets: tuple[str, ...] = ()
    form: dict[str, str] = field(default_factory=dict)
    """Parameters of the requests of the detection scorer."""
    masks: tuple[str, ...] = ("face", "head")
    detection: bool = True
    original: bool = False
    real: bool = False
    """With the published weights of MobileSAM, which ``make setup`` brings."""


YUNET, HAIR = "face_detection_yunet_2023mar.onnx", "hair_segmentation.tflite"
PARSING = "bisenetv2_celebamaskhq_448x448_integer_quant.tflite"
RUNS = (
    Run("original", original=True),
    Run("mesh", {"engine": "mesh"}),
    Run("mesh+yunet", {"engine": "mesh"}, (YUNET,), masks=()),
    Run("mesh-high", {"engine": "mesh"}, form={"recall": "high"}, masks=()),
    Run("mesh+yunet-high", {"engine": "mesh"}, (YUNET,), {"recall": "high"}, masks=()),
    Run("mesh+hair", {"engine": "mesh"}, (HAIR,), detection=False),
    Run("mesh+hair+parsing", {"engine": "mesh"}, (HAIR, PARSING), detection=False),
    Run("sam", {"engine": "sam"}, detection=False, real=True),
    Run("sam+hair", {"engine": "sam"}, (HAIR,), detection=False, real=True),
    Run("sam+hair+parsing", {"engine": "sam"}, (HAIR, PARSING), detection=False, real=True),
)


@contextlib.contextmanager
def original_server() -> Iterator[str]:
    port = free_port()
    line = [sys.executable, "-m", "bench.quality.original", "--port", str(port)]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                httpx.post(url, content=b"")
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def server(run: Run) -> Iterator[str]:
    if run.original:
        with original_server() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        for net in run.nets:
            shutil.copy(SHARED / "models" / net, folder)
        model = {"model": mobile_sam(folder)} if run.real else {}
        with started(**run.settings, **model, models_dir=folder, offline="true", queue="64") as service:
            yield service.url


def mobile_sam(folder: str) -> str:
    """The model's name, its weights laid into the run's models folder."""
    row = weights.model("mobile_sam")
    found = weights.find(row, default_models_dir())
    if found is None:
        raise SystemExit("The weights of MobileSAM are not here: make setup.")
    shutil.copy(found, Path(folder) / row.file)
    return row.name


def score(run: Run, workers: int, limit: int) -> None:
    common = ["--data", str(SHARED / "eval" / "data"), "--workers", str(workers), "--limit", str(limit)]
    with server(run) as url:
        for region in run.masks:
            out = OUT / f"{run.name}.{region}.json"
            if run.original and region == "head":  # one and the same box; its scores stand in the other file
                shutil.copy(OUT / f"{run.name}.face.json", out)
                continue
            extra = [] if run.original else ["-F", f"region={region}"]
            _script("score_masks.py", url, [*common, *extra], out)
            if run.name == "mesh":
                scores(url, region)
        if run.detection:
            kind = ["--box-kind", "head"] if run.original else []
            asked = [word for name, value in run.form.items() for word in ("-F", f"{name}={value}")]
            _script("score_detection.py", url, [*common, *kind, *asked], OUT / f"{run.name}.detection.json")


def scores(url: str, region: str) -> None:
    """Pairs of the service's own ``score`` and the measured IoU, for pictures with one face: its reliability."""
    pairs = []
    sets = json.loads((OUT / f"mesh.{region}.json").read_text())["sets"]
    with httpx.Client(base_url=url, timeout=60) as client:
        for name, entry in sets.items():
            for row in (p for p in entry["pictures"] if region in p):
                picture = (SHARED / "eval" / "data" / name / "images" / row["file"]).read_bytes()
                fields = {"mode": "combined", "region": region, "expand_pixels": "0", "blur_iterations": "0"}
                answer = client.post("/create_mask", files={"image": picture}, data=fields)
                if answer.status_code == 200 and len(answer.json()["stats"]["faces"]) == 1:
                    pairs.append([answer.json()["stats"]["score"], row[region]["iou"]])
    (OUT / f"reliability-{region}.json").write_text(json.dumps(pairs))


def _script(name: str, url: str, options: list[str], out: Path) -> None:
    print(f"\n== {out.stem}", flush=True)
    line = [sys.executable, str(SHARED / "eval" / name), url, *options, "--json", str(out)]
    if subprocess.run(line, check=False).returncode:
        print(f"!! {out.stem}: some pictures had errors", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", help="comma separated names; default: all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, default=0, help="pictures a set at most; 0: all")
    parser.add_argument("--no-report", action="store_true", help="score alone; bench.quality.report makes the page")
    options = parser.parse_args()
    if not (SHARED / "eval" / "data").is_dir():
        raise SystemExit("The labelled sets are not beside the repository (SAM_SHARED); nothing to score.")
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = options.runs.split(",") if options.runs else [run.name for run in RUNS]
    for run in RUNS:
        if run.name in wanted:
            score(run, options.workers, options.limit)
    if options.no_report:
        return
    subprocess.run([sys.executable, "-m", "bench.quality.report"], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "bench.quality.contact_sheets"], cwd=ROOT, check=True)
