"""The rule that this service is compared with: MediaPipe's own solution at 0.3, and its box grown to a head as the
mask.

A server of one endpoint with the wire form that the scorers read, so that both are scored by the same program in one
run. Run by ``bench/quality``; needs mediapipe's solution API, which the development environment can import.
"""

from __future__ import annotations

import argparse
import base64
import email.parser
import email.policy
import io
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import mediapipe as mp
import numpy as np
from PIL import Image, ImageOps

CONFIDENCE = 0.3
"""What the original asks for; mediapipe 0.10.21 ignores it (its floor is 0.6), which is part of what is compared."""


def picture(body: bytes, content_type: str) -> np.ndarray:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    for part in message.iter_parts():
        if part.get_filename():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    raise ValueError("no picture")


def head_box(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
    return x - 0.3 * w, y - 0.6 * h, 1.6 * w, 2 * h


def answer(detector: Any, rgb: np.ndarray) -> dict[str, Any] | None:
    height, width = rgb.shape[:2]
    found = detector.process(rgb).detections or []
    mask = np.zeros((height, width), np.uint8)
    faces = []
    for detection in found:
        b = detection.location_data.relative_bounding_box
        x, y, w, h = head_box(b.xmin * width, b.ymin * height, b.width * width, b.height * height)
        mask[max(0, int(y)) : max(0, int(y + h)), max(0, int(x)) : max(0, int(x + w))] = 255
        faces.append({"bbox": {"x": x, "y": y, "width": w, "height": h}})
    if not faces:
        return None
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return {"mask_base64": base64.b64encode(out.getvalue()).decode(), "stats": {"faces": faces}}


class Handler(BaseHTTPRequestHandler):
    detector: Any = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            result = answer(self.detector, picture(body, self.headers["Content-Type"]))
        except (OSError, ValueError):
            result = None
        data = json.dumps(result or {"error": "no face"}).encode()
        self.send_response(200 if result else 422)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    Handler.detector = mp.solutions.face_detection.FaceDetection(model_selection=1, min_detection_confidence=CONFIDENCE)
    HTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
