"""Our SAM beside Meta's, in one run: the same drawn ViT-B checkpoint, the same picture, turn by turn.

    python -m bench.speed.sam_reference [--runs 5] [--work DIR] [--json docs/performance-sam.json] [--no-reference]

Installs torch and segment-anything into ``.venv-reference`` (Python 3.11; the product never needs them). Weights are
random: they take as long as trained ones. Prints a table for the documentation; the JSON file holds every single time.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.draw_checkpoint import draw
from bench.speed.sam_turns import REFERENCE, ROOT, Turn, Worker, ours, reference, summary
from sam_mask_service.runtime.machine import Rates, cpu_threads, measure

PACKAGES = ("torch==2.13.0", "segment-anything==1.0", "numpy", "pillow")
GFLOP = 972
"""Of ViT-B's encoder: 737 in linear layers, 235 in attention."""
ISAS = ("AVX512_CORE_VNNI", "AVX512_CORE", "AVX2")
"""Older CPUs, imitated by what oneDNN may use: Cascade/Ice Lake, Skylake-X, and most desktops and laptops."""


def install_reference() -> None:
    if (REFERENCE / ".ok").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(REFERENCE)], check=True)
    pip = [str(REFERENCE / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *PACKAGES], check=True)
    (REFERENCE / ".ok").touch()


def picture(work: Path) -> Path:
    """A 1024 × 768 picture of soft blobs and noise; the times do not depend on what it shows."""
    path = work / "picture.npy"
    y, x = np.mgrid[:768, :1024]
    waves = [np.sin(x / (37 + 20 * c)) * np.cos(y / (53 + 10 * c)) for c in range(3)]
    noise = np.random.default_rng(0).normal(0, 8, (768, 1024, 3))
    np.save(path, np.clip(128 + 90 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8))
    return path


def side_by_side(work: Path, threads: int, runs: int) -> dict[str, Any]:
    """Reference and ours, both loaded, taking turns, who begins taking turns too; the one that waits is stopped."""
    checkpoint, image = draw("vit_b", work / "vit_b.pth"), picture(work)
    with reference(checkpoint, threads) as theirs, ours(checkpoint, "auto", threads) as mine:
        pairs = ((theirs, mine, work / "theirs.npy"), (mine, theirs, work / "ours.npy"))
        times: dict[Worker, list[Turn]] = {theirs: [], mine: []}
        for turn in range(runs + 1):
            for worker, other, save in pairs if turn % 2 == 0 else pairs[::-1]:
                with other.stopped():
                    times[worker].append(worker.encode(image, save))
        a, b = np.load(work / "theirs.npy"), np.load(work / "ours.npy")
        first, second = summary(times[theirs][1:]), summary(times[mine][1:])  # the first turn warms up
        with theirs.stopped():
            decoder = mine.decode(1, 10)
        with mine.stopped():
            their_decoder = theirs.decode(1, 10)
        return {
            "precision": mine.precision,
            "reference_encoder": first,
            "ours_encoder": second,
            "ratio": first["seconds_median"] / second["seconds_median"],
            "cpu_ratio": first["cpu_seconds_median"] / second["cpu_seconds_median"],
            "embedding_difference": float(np.linalg.norm(a - b) / np.linalg.norm(a)),
            "reference_decoder_ms": their_decoder,
            "ours_decoder_ms": decoder,
            "reference_load_s": theirs.load_s,
            "reference_memory_mb": theirs.ask(do="memory"),
        }


def alone(work: Path, name: str, precision: str, threads: int, runs: int, isa: str | None = None) -> dict[str, Any]:
    """One model in one precision, on the machine or an imitated older one."""
    checkpoint, image = draw(name, work / f"{name}.pth"), picture(work)
    with ours(checkpoint, precision, threads, isa) as worker:
        worker.encode(image)
        turns = [worker.encode(image) for _ in range(runs)]
        return {
            "model": name,
            "precision": worker.precision,
            "asked": precision,
            "isa": isa or "all",
            "load_s": worker.load_s,
            "encoder_s": [turn.seconds for turn in turns],
            "others": max(turn.others for turn in turns),
            "decoder_1_ms": worker.decode(1, runs),
            "decoder_10_ms": worker.decode(10, max(1, runs // 2)),
        }


def memory(work: Path, threads: int, requests: int = 50) -> dict[str, Any]:
    """ViT-B after so many requests (encode, one face) and after ten faces at once."""
    checkpoint, image = draw("vit_b", work / "vit_b.pth"), picture(work)
    with ours(checkpoint, "auto", threads) as worker:
        loaded = worker.ask(do="memory")
        worker.encode(image)
        worker.decode(10, 1)
        first = worker.ask(do="memory")
        for _ in range(requests):
            worker.encode(image)
            worker.ask(do="decode", faces=1)
        return {"loaded": loaded, "first": first, f"after_{requests}": worker.ask(do="memory")}


def rows(work: Path, threads: int, runs: int, *, bf16: bool) -> Iterator[dict[str, Any]]:
    for precision in ("f32", "bf16", "int8") if bf16 else ("f32", "int8"):
        yield alone(work, "vit_b", precision, threads, runs)
    for precision in ("f32", "bf16") if bf16 else ("f32",):
        yield alone(work, "mobile_sam", precision, threads, runs)
    for isa in ISAS:
        for name in ("vit_b", "mobile_sam"):
            yield alone(work, name, "auto", threads, max(1, runs // 2), isa)
    yield alone(work, "vit_b", "int8", threads, max(1, runs // 2), ISAS[0])


def table(result: dict[str, Any]) -> str:
    """Markdown for docs/performance.md."""
    rates = result["gflops"]
    lines = [
        f"{result['cpu']}, {result['threads']} threads; matrix products: f32 {rates['f32']:.0f}, bf16 "
        f"{rates['bf16']:.0f} GFLOP/s.",
        "",
        "| model | instructions | precision | load s | encoder s (min–median) | of the matrix rate | 1 face ms | 10 "
        "faces ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        low, middle = min(r["encoder_s"]), statistics.median(r["encoder_s"])
        rate = rates.get(r["precision"]) if r["isa"] == "all" and r["model"] == "vit_b" else None
        share = f"{middle / (GFLOP / rate):.2f} ×" if rate else ""
        lines.append(
            f"| {r['model']} | {r['isa']} | {r['precision']} | {r['load_s']:.2f} | {low:.2f}–{middle:.2f} | {share} "
            f"| {r['decoder_1_ms']:.0f} | {r['decoder_10_ms']:.0f} |"
        )
    if both := result.get("side_by_side"):
        lines += ["", beside(both)]
    lines += ["", f"Memory (MB; file pages are the kernel's to drop): {json.dumps(result['memory'])}"]
    return "\n".join(lines)


def beside(both: dict[str, Any]) -> str:
    theirs, mine = both["reference_encoder"], both["ours_encoder"]
    most = max(turn["others"] for side in (theirs, mine) for turn in side["turns"])
    return (
        f"Side by side: reference {theirs['seconds_median']:.2f} s, ours {mine['seconds_median']:.2f} s "
        f"({both['precision']}): "
        f"**{both['ratio']:.1f} ×** (core-seconds {theirs['cpu_seconds_median']:.1f} and "
        f"{mine['cpu_seconds_median']:.1f}: "
        f"{both['cpu_ratio']:.1f} ×; other processes used at most {100 * most:.0f} % of the cores); "
        f"decoder {both['reference_decoder_ms']:.0f} / {both['ours_decoder_ms']:.0f} ms; "
        f"embeddings differ by {both['embedding_difference']:.4f}; reference memory {both['reference_memory_mb']} MB."
    )


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        flags = next(line for line in lines if line.startswith("flags")).split()
        known = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if f in flags]
        return f"{name} ({', '.join(known)})"
    except (OSError, StopIteration):
        return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench-sam")
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "performance-sam.json")
    parser.add_argument("--no-reference", action="store_true")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    threads = cpu_threads()
    rates: Rates = measure(threads, seconds=1.0)
    result: dict[str, Any] = {"cpu": cpu_name(), "threads": threads, "gflops": {"f32": rates.f32, "bf16": rates.bf16}}
    if not given.no_reference:
        install_reference()
        result["side_by_side"] = side_by_side(given.work, threads, given.runs)
    result["rows"] = list(rows(given.work, threads, given.runs, bf16=rates.bf16 > 0))
    result["memory"] = memory(given.work, threads)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
