"""``make demo``: starts the service, masks a real photograph over HTTP, writes the mask and an overlay, stops the
service.

The photograph is NASA's portrait of astronaut Eileen Collins (public domain), which the scikit-image package carries.
"""

from __future__ import annotations

import argparse
import base64
import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import skimage.data
from PIL import Image

START_SECONDS = 120


@contextmanager
def service() -> Iterator[str]:
    """A started service on a free port of this machine; stopped in the end. Yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sam_mask_service.cli", "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when the next mask request would be served. Raises SystemExit when the service ends or does not get
    ready.
    """
    end = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=2) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                if client.get(f"{url}/ready").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise SystemExit("the service did not get ready")


def overlay(photo: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The photo with the masked pixels in red, half transparent."""
    red = np.array([255, 0, 0], np.float32)
    alpha = face[..., None].astype(np.float32) / 255 * 0.45
    return (photo * (1 - alpha) + red * alpha).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("out"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    photo = np.asarray(skimage.data.astronaut())
    Image.fromarray(photo).save(out / "photo.jpg", quality=95)

    with service() as url:
        form = {"expand_pixels": "0", "invert": "false"}
        answer = httpx.post(
            f"{url}/create_mask", files={"image": (out / "photo.jpg").read_bytes()}, data=form, timeout=60
        )
    body = answer.raise_for_status().json()
    png = base64.b64decode(body["mask_base64"])
    (out / "mask.png").write_bytes(png)
    Image.fromarray(overlay(photo, np.asarray(Image.open(io.BytesIO(png))))).save(out / "overlay.jpg", quality=92)

    stats = body["stats"]
    print(f"{stats['faces_detected']} face, {stats['face_pixels']} pixels, score {stats['score']}, engine "
    f"{stats['engine']}, "
          f"{body['processing_time'] * 1000:.0f} ms")  # fmt: skip
    print(f"written: {', '.join(str(out / name) for name in ('photo.jpg', 'mask.png', 'overlay.jpg'))}")


if __name__ == "__main__":
    main()
