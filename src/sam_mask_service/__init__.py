"""SAM Mask API: a picture goes in, a pixel-accurate mask of its faces comes out."""

from __future__ import annotations

import sys
from typing import Any

__version__ = "0.1.0"
# openvino's metadata brings a package that reports every `import openvino` to an analytics host; it is optional, and
# nobody asked.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # an import of it fails, which openvino expects


def __getattr__(name: str) -> Any:
    """``sam_mask_service:app`` is the ASGI application, built when a server first asks for it and never by an
    import.
    """
    if name == "app":
        from . import page
        from .http.app import create_app

        globals()["app"] = create_app(page.files())
        return globals()["app"]
    raise AttributeError(name)
