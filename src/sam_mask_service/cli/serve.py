"""``sam-mask serve``: the HTTP application by its import string, so that this shell does not import that one."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

SERVER = "sam_mask_service.http.server", "serve"


def serve_http(host: str, port: int, workers: int, root_path: str | None = None) -> None:
    """Serves until told to stop. The server itself is the HTTP shell's; it reads its settings anew, maybe in another
    process.
    """
    if root_path is not None:
        os.environ["SAM_ROOT_PATH"] = root_path
    module, name = SERVER
    run: Callable[..., None] = getattr(importlib.import_module(module), name)
    run(host=host, port=port, workers=workers)
