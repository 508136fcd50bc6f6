"""The application itself with its page, for tests that ask more than the stub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sam_mask_service.http.app import build_app
from sam_mask_service.page import files

from ..support.live import live
from ..support.scene import service


@contextlib.contextmanager
def application(folder: Path, **given: Any) -> Iterator[str]:
    """Its URL. ``given``: as ``service`` takes it."""
    made = service(folder, **given)
    with live(build_app(made, files())) as address:
        yield address
    made.close()
