"""What reading a picture costs: time and peak memory of ``decode``, each picture in a process of its own.

    python -m bench.reliability.pictures [--side 7071] [--only TEXT]

First every format at 50 megapixels, upright and to be turned; then the files of ``bench.reliability.ballast`` at 20 MB.
docs/security.md holds the table. A format is marked ``!`` beyond 64 MiB + 8 bytes a pixel: such pictures wait for the
reserve (``limits.PICTURE``).
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage import data as pictures

from bench.reliability.ballast import LARGEST, MAKERS
from sam_mask_service import image
from sam_mask_service.errors import ServiceError

MIB = 1 << 20


def _saved(kind: str, mode: str = "RGB", **options: Any) -> Callable[[Image.Image], bytes]:
    def make(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = {"exif": exif.tobytes()} if options.get("turned") else {}
        rest = {k: v for k, v in options.items() if k != "turned"}
        picture.convert(mode).save(out, kind, **rest, **turned)
        return out.getvalue()

    return make


def _deep(kind: str) -> Callable[[Image.Image], bytes]:
    def make(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(out, kind)
        return out.getvalue()

    return make


FORMATS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG 4:2:0": _saved("JPEG", quality=80),
    "JPEG 4:2:0, turned": _saved("JPEG", quality=80, turned=True),
    "JPEG 4:4:4 progressive": _saved("JPEG", quality=80, subsampling=0, progressive=True),
    "JPEG CMYK progressive": _saved("JPEG", "CMYK", quality=60, progressive=True),
    "PNG": _saved("PNG", compress_level=1),
    "PNG, turned": _saved("PNG", compress_level=1, turned=True),
    "PNG RGBA": _saved("PNG", "RGBA", compress_level=1),
    "PNG palette": _saved("PNG", "P", compress_level=1),
    "PNG 16-bit grey": _deep("PNG"),
    "WebP": _saved("WEBP", quality=60, method=0),
    "WebP, turned": _saved("WEBP", quality=60, method=0, turned=True),
    "WebP RGBA": _saved("WEBP", "RGBA", quality=60, method=0),
    "WebP lossless": _saved("WEBP", lossless=True, quality=0, method=0),
    "AVIF 4:2:0": _saved("AVIF", quality=50, speed=10),
    "AVIF 4:4:4": _saved("AVIF", quality=50, speed=10, subsampling="4:4:4"),
    "GIF": _saved("GIF", "P"),
    "BMP": _saved("BMP"),
    "TIFF": _saved("TIFF"),
    "TIFF LZW": _saved("TIFF", compression="tiff_lzw"),
    "TIFF Deflate": _saved("TIFF", compression="tiff_adobe_deflate"),
    "TIFF 16-bit grey": _deep("TIFF"),
    "PPM": _saved("PPM"),
}


def _status(name: str) -> int:
    """KiB of this process by the kernel's word for it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def measure(path: Path) -> None:
    """Prints seconds, MiB over what the process had, and the outcome."""
    data = path.read_bytes()
    before, start = _status("VmRSS"), time.process_time()
    try:
        picture = image.decode(data, max_bytes=1 << 30, max_pixels=52_000_000)
        outcome = f"{picture.width} × {picture.height}"
    except ServiceError as error:
        outcome = error.code
    print(f"{time.process_time() - start:.2f}\t{(_status('VmHWM') - before) / 1024:.0f}\t{outcome}")


def _asked(name: str, data: bytes, pixels: int) -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-m", "bench.reliability.pictures", "--measure", file.name]
        seconds, mib, outcome = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\t")
    mark = "!" if float(mib) > 64 + 8 * pixels / MIB else " "
    return f"{name:<34} {len(data) / MIB:>6.1f} MiB {seconds:>6} s {mib:>5} MiB {mark} {outcome.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=7071)
    parser.add_argument("--only", default="")
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    size = (options.side, options.side)
    large = Image.fromarray(np.asarray(cv2.resize(pictures.astronaut(), size, interpolation=cv2.INTER_CUBIC), np.uint8))
    for name, make in FORMATS.items():
        if options.only in name:
            print(_asked(name, make(large), options.side**2), flush=True)
    for name, blow in MAKERS.items():
        if options.only in name:
            print(_asked(name, blow(LARGEST - 4096), 64 * 64 if "BMP" not in name else 48_000_000), flush=True)


if __name__ == "__main__":
    main()
